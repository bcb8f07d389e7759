"""What other sites make a signed-in browser do, and what they may show in a frame."""

from __future__ import annotations

import pytest

from tests.attacks.pages import HTML, answers, lived, pages
from tests.web.life import Running
from tests.web.service import PUBLIC_URL, Service, sign_in

FORM = {"Content-Type": "text/plain"}
COOKIE = {"Cookie": f"token={sign_in('ada')}"}
CHANGES = {
    "upload": ("POST", "/api/files"),
    "rename": ("PATCH", "/api/files/FILE"),
    "delete": ("DELETE", "/api/files/FILE"),
    "bring back": ("POST", "/api/files/FILE/restore"),
    "replace": ("PUT", "/api/files/FILE/content"),
    "restore": ("POST", "/api/files/FILE/versions/1/restore"),
    "restore by form": ("POST", "/files/FILE/versions/1/restore"),
    "sign in": ("POST", "/sign-in"),
    "drain": ("POST", "/api/drain"),
}
FROM = {
    "cross-site": {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.test"},
    "cross-site with our Origin": {"Sec-Fetch-Site": "cross-site", "Origin": PUBLIC_URL},
    "a sibling": {"Sec-Fetch-Site": "same-site", "Origin": "http://other.docledger.test"},
    "a sibling without Fetch metadata": {"Origin": "http://other.docledger.test"},
    "an older browser": {"Origin": "https://evil.test"},
    "a sandboxed frame": {"Origin": "null"},
    "a sandboxed frame with metadata": {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
    "our host by another scheme": {"Origin": PUBLIC_URL.replace("http:", "https:")},
    "our host on another port": {"Origin": f"{PUBLIC_URL}:8443"},
    "a host beginning like ours": {"Origin": f"{PUBLIC_URL}.evil.test"},
    "our Origin in capitals": {"Origin": PUBLIC_URL.upper()},
    "two Origins": {"Origin": f"{PUBLIC_URL} https://evil.test"},
    "an unknown relation": {"Sec-Fetch-Site": "whatever"},
    "an empty relation": {"Sec-Fetch-Site": "", "Origin": "https://evil.test"},
    "an empty Origin": {"Origin": ""},
}


@pytest.mark.parametrize("origin", FROM)
async def test_another_site_changes_nothing(service: Service, origin: str) -> None:
    file = await service.add()
    before = (await service.get("/api/audit", by="auditor:ann")).json()["events"]
    for method, path in CHANGES.values():
        headers = {**COOKIE, **FORM, **FROM[origin]}
        refused = await service.ask(
            method, path.replace("FILE", file), by=None, headers=headers, content=b"x"
        )
        assert (refused.status_code, refused.json()["code"]) == (403, "cross_site"), path
    after = (await service.get("/api/audit", by="auditor:ann")).json()["events"]
    assert [each for each in after if each["type"] != "Consulted"] == [
        each for each in before if each["type"] != "Consulted"
    ]


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
async def test_a_get_does_not_become_another_method(service: Service, header: str) -> None:
    file = await service.add()
    for path in (f"/api/files/{file}?_method=DELETE", f"/files/{file}?_method=DELETE"):
        await service.get(path, headers={header: "DELETE"})
        await service.get(path, headers={header: "DELETE"}, by="ada")
    assert (await service.get(f"/api/files/{file}")).status_code == 200


async def test_to_look_changes_nothing_but_what_is_opened_and_read(service: Service) -> None:
    """Opening and reading are facts themselves."""
    file = await service.add()
    key = await lived(service, file)
    everything = {**pages(file, key), **{f"api {name}": path for name, path in answers(file, key).items()}}
    before = await everything_but_reading(service)
    for path in everything.values():
        await service.get(path)
    assert await everything_but_reading(service) == before


async def everything_but_reading(service: Service) -> list[int]:
    told = (await service.get("/api/audit?limit=500", by="auditor:ann")).json()["events"]
    return [each["position"] for each in told if each["type"] not in {"Consulted", "Admitted"}]


async def test_no_other_origin_may_read_an_answer(service: Service) -> None:
    file = await service.add()
    key = await service.begin(file)
    for path in {*pages(file, key).values(), *answers(file, key).values()}:
        for method in ("GET", "OPTIONS"):
            asked = {"Origin": "https://evil.test", "Access-Control-Request-Method": "GET", **HTML}
            answer = await service.ask(method, path, headers=asked)
            assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


@pytest.mark.parametrize("given", ["", "https://intranet.example,https://wiki.example:8443"])
async def test_only_named_origins_may_frame_a_page_and_nobody_anything_else(
    running: Running, given: str
) -> None:
    service = await running(frame_ancestors=given)
    file = await service.add()
    key = await lived(service, file)
    allowed = " ".join(["frame-ancestors 'self'", *given.split(",")]).strip()
    for path in pages(file, key).values():
        rules = (await service.get(path, headers=HTML)).headers["content-security-policy"].split("; ")
        assert allowed in rules, path
        assert "default-src 'none'" in rules
        assert "base-uri 'none'" in rules
    for path in answers(file, key).values():
        rules = (await service.get(path)).headers["content-security-policy"].split("; ")
        assert {"default-src 'none'", "frame-ancestors 'none'"} <= set(rules), path


async def test_every_answer_says_what_browsers_need_to_know(running: Running) -> None:
    for public_url in (PUBLIC_URL, "https://docledger.test"):
        service = await running(public_url=public_url)
        file = await service.add()
        key = await lived(service, file)
        everything = {*pages(file, key).values(), *answers(file, key).values()}
        for path in everything:
            for by in ("auditor:ada", "bob", None):
                said = (await service.get(path, by=by, headers=HTML)).headers
                assert said.get_list("x-content-type-options") == ["nosniff"], path
                assert said.get_list("referrer-policy") == ["same-origin"]
                assert said.get_list("cross-origin-resource-policy") == ["same-origin"]
                assert ("strict-transport-security" in said) is (public_url[:5] == "https")
                assert not {"server", "x-powered-by", "via"} & said.keys()
                kept = said["cache-control"]
                assert kept == ("no-cache" if path.startswith("/static/") else kept)
                assert kept in {"no-store", "no-cache", "private, no-cache"}


async def test_what_people_made_is_never_a_page_of_ours(service: Service) -> None:
    content = b"<!doctype html><script>alert(document.domain)</script>"
    file = await service.add("page.txt", content)
    for path in (f"/api/files/{file}/content", f"/api/files/{file}/versions/1/content"):
        answer = await service.get(path, headers=HTML)
        assert answer.content == content
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"].startswith("attachment;")
        assert "sandbox" in answer.headers["content-security-policy"].split("; ")
        tag = answer.headers["etag"]
        assert (await service.get(path, headers={"If-None-Match": tag})).status_code == 304
        part = await service.get(path, headers={"Range": "bytes=0-1"})
        assert (part.status_code, part.content) == (206, content[:2])


@pytest.mark.parametrize(
    "query",
    [
        "next=https://evil.test",
        "next=//evil.test",
        "redirect=/\\evil.test",
        "url=https://evil.test",
        "return_to=javascript:alert(1)",
        "continue=%2f%2fevil.test",
    ],
)
async def test_signing_in_leads_nowhere_else(service: Service, query: str) -> None:
    done = await service.post(f"/sign-in?{query}", by=None, data={"token": sign_in("ada")})
    assert (done.status_code, done.headers["location"]) == (303, "/")
    service.http.cookies.clear()
    sent = await service.get(f"/?{query}", by=None, headers=HTML)
    assert (sent.status_code, sent.headers["location"]) == (303, "/sign-in")


@pytest.mark.parametrize(
    "path", ["//evil.test", "//evil.test/x", "/\\evil.test", "///evil.test/%2f..", "/static"]
)
async def test_no_strange_path_is_redirected(service: Service, path: str) -> None:
    answer = await service.get(path, headers=HTML)
    assert answer.status_code in {400, 404}
    assert "location" not in answer.headers


async def test_our_cookie_cannot_be_set_by_a_sibling_host(running: Running) -> None:
    service = await running(public_url="https://docledger.test")
    done = await service.post("/sign-in", by=None, data={"token": sign_in("ada")})
    name, _, rest = done.headers["set-cookie"].partition("=")
    assert name == "__Host-token"
    assert {"secure", "httponly", "path=/", "samesite=lax"} <= {
        part.strip().lower() for part in rest.split(";")
    }
    assert "domain" not in rest.lower()
    ours, tossed = rest.partition(";")[0], sign_in("eve")
    for cookies in (f"token={tossed}; __Host-token={ours}", f"__Host-token={ours}; token={tossed}"):
        page = await service.get("/", by=None, headers={**HTML, "Cookie": cookies})
        assert "Ada" in page.text
        assert "Eve" not in page.text
    over = f"__Host-token={sign_in('ada', exp=1)}; token={tossed}"
    assert "Eve" in (await service.get("/", by=None, headers={**HTML, "Cookie": over})).text


async def test_a_good_cookie_does_not_heal_a_bad_header(service: Service) -> None:
    headers = {**COOKIE, "Authorization": "Bearer x"}
    assert (await service.get("/api/files", by=None, headers=headers)).status_code == 401
