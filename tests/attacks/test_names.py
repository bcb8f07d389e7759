"""Script and trickery in names: of files, of people, of shares, and in what goes wrong."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from urllib.parse import quote

import pytest

from tests.attacks.pages import HTML, answers, lived, pages
from tests.web.life import Running
from tests.web.service import Service, sign_in, word

SCRIPTS = {
    "script": "<script>evil()</script>",
    "closing": "</script></title></textarea><script>evil()</script>",
    "attribute": '"><img src=x onerror=evil()>',
    "single quotes": "'><svg onload=evil()>",
    "no quotes": " onmouseover=evil() x=",
    "comment": "--><script>evil()</script><!--",
    "comment in JSON": "<!--<script>evil()",
    "javascript": "javascript:evil()",
    "template": "{{ 1234 * 4321 }}{% raw %}${1234*4321}#{1234*4321}",
    "entities": "&lt;script&gt;evil()&lt;/script&gt;",
    "encoded": "%3Cscript%3Eevil()%3C%2Fscript%3E",
    "line separators": "a evil() b",
    "JSON": '","evil":"',
    "base": "<base href=//evil.test>",
    "refresh": "<meta http-equiv=refresh content=0;url=//evil.test>",
    "full width": "＜script＞evil()＜／script＞",
    "UTF-7": "+ADw-script+AD4-evil()+ADw-/script+AD4-",
    "style": "<style>*{background:url(//evil.test)}</style>",
    "link": "<a href=//evil.test>",
    "emoji": "👩‍👩‍👧‍👦" * 5,
}


class Scripts(HTMLParser):
    """Elements and attributes that only an attacker would have put there."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        if tag in {"img", "base", "iframe", "object", "embed", "textarea", "style"}:
            self.found.append(tag)
        if tag == "script" and not names.get("nonce"):
            self.found.append("script without a nonce")
        if tag == "meta" and "http-equiv" in names:
            self.found.append("refresh")
        self.found += [name for name in names if name.startswith("on")]
        for name in ("href", "src", "action"):
            value = (names.get(name) or "").strip().lower()
            if value.startswith("javascript:") or "//evil.test" in value.partition("?")[0]:
                self.found.append(value)


def checked(page: str, path: str) -> None:
    parser = Scripts()
    parser.feed(page)
    assert not parser.found, path
    assert "5332114" not in page, path
    for island in re.findall(r'type="application/json"[^>]*>(.*?)</script>', page, re.DOTALL):
        assert "<" not in island
        assert json.loads(island)


@pytest.mark.parametrize("name", SCRIPTS)
async def test_no_name_becomes_markup(service: Service, name: str) -> None:
    script = SCRIPTS[name]
    title = "".join(character for character in script if character not in "/\\  ") + ".docx"
    who = {"Authorization": f"Bearer {sign_in('ada', name=script, role='auditor admin')}"}
    added = await service.post("/api/files", by=None, headers=who, files={"file": ("a.docx", word("x"))})
    file = added.json()["id"]
    renamed = {"name": title, "shares": {script: "edit", "*": "view"}}
    changed = await service.ask("PATCH", f"/api/files/{file}", by=None, headers=who, json=renamed)
    assert changed.status_code == 200, changed.text
    await service.get(f"/api/onlyoffice/config/{file}", by=None, headers=who)
    key = await lived(service, file, user=script, title=script)
    strange = [f"/files/{quote(script, safe='')}", f"/nothing/{quote(script)}", f"/?before={quote(script)}"]
    strange += [f"/audit?user={quote(script)}", f"/audit?type={quote(script)}", f"/audit?{quote(script)}=x"]
    strange += [f"/documents/{key}?after={quote(script)}", f"/files/{file}?restore={quote(script)}"]
    for path in [*pages(file, key).values(), *strange]:
        page = await service.get(path, by=None, headers={**who, **HTML})
        assert page.headers["content-type"] == "text/html; charset=utf-8", path
        checked(page.text, path)
    for path in answers(file, key).values():
        answer = await service.get(path, by=None, headers=who)
        kind = answer.headers.get("content-type", "").partition(";")[0]
        assert kind != "text/html", path
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", SCRIPTS)
async def test_the_demo_plays_nobody_by_markup(running: Running, name: str) -> None:
    service = await running(auth_secret=None)
    for path in ("/", "/audit", "/sign-in"):
        page = await service.get(path, by=None, headers=HTML, params={"as": SCRIPTS[name]})
        checked(page.text, path)


DISPOSITIONS = {
    "quotes": 'a".exe"; filename="b.txt',
    "semicolon": "a; filename=evil.exe",
    "percent": "a%0d%0aX: y%00.txt",
    "encoded word": "=?utf-8?q?evil?=.txt",
    "apostrophes": "utf-8''evil.txt",
    "unicode": "Überblick – 文書 🗎.txt",
    "right to left": "مستند.txt",
    "a mark of direction": "a\u200f.txt",
    "combining": "e" + "\u0301" * 100 + ".txt",
    "leading dot": ".htaccess",
    "trailing dots": "a.txt. . .",
    "reserved in Windows": "CON.txt",
    "a stream of Windows": "a.txt::$DATA",
    "a device": "\\\\.\\PhysicalDrive0"[4:] + ".txt",
    "long": "x" * 250 + ".txt",
}


@pytest.mark.parametrize("name", DISPOSITIONS)
async def test_a_name_stays_one_in_a_header(service: Service, name: str) -> None:
    file = await service.add("a.txt", b"words")
    changed = await service.ask("PATCH", f"/api/files/{file}", json={"name": DISPOSITIONS[name]})
    assert changed.status_code == 200, changed.text
    for path in (f"/api/files/{file}/content", f"/api/files/{file}/versions/1/content"):
        said = (await service.get(path)).headers
        assert re.fullmatch(r"attachment; filename\*=UTF-8''[A-Za-z0-9%._~-]+", said["content-disposition"])
        assert len(said.get_list("content-disposition")) == 1


REFUSED = {
    "nothing": "",
    "blanks": " \u00a0 ",
    "here": ".",
    "above": "..",
    "a slash": "a/b.txt",
    "a path up": "../../etc/passwd",
    "a backslash": "..\\a.txt",
    "NUL": "a.txt\0.docx",
    "CRLF": "a\r\nX: y.txt",
    "tab": "a\tb.txt",
    "escape": "\x1b[2Ja.txt",
    "delete": "a\x7f.txt",
    "a control character beyond ASCII": "a\x85.txt",
    "right-to-left override": "gpj.\u202etxt.exe",
    "left-to-right override": "a\u202d.txt",
    "isolate": "a\u2067b\u2069.txt",
    "embedding": "a\u202bb.txt",
    "half a surrogate pair": "a\ud83d.txt",
    "300 bytes": "x" * 300,
    "300 bytes in few characters": "文" * 100,
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_name_that_is_none_is_refused(service: Service, name: str) -> None:
    file = await service.add("a.txt", b"words")
    body = json.dumps({"name": REFUSED[name]}).encode()
    refused = await service.ask("PATCH", f"/api/files/{file}", content=body)
    assert refused.status_code == 400, refused.text
    assert (await service.get(f"/api/files/{file}")).json()["name"] == "a.txt"


async def test_an_upload_has_no_path(service: Service) -> None:
    for given in ("../../etc/passwd.txt", "C:\\Users\\x\\passwd.txt", "/etc/passwd.txt"):
        form = f'--b\r\nContent-Disposition: form-data; name="file"; filename="{given}"\r\n\r\nx\r\n--b--\r\n'
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        added = await service.post("/api/files", headers=headers, content=form.encode())
        assert added.json()["name"] == "passwd.txt"


async def test_a_stranger_learns_nothing_of_who_there_is(service: Service) -> None:
    file = await service.add()
    for who in ("ada", "bob", "nobody at all"):
        shared = await service.ask("PATCH", f"/api/files/{file}", json={"shares": {who: "view"}})
        assert shared.status_code == 200, "whoever it is"
    answers = {(await service.get(f"/api/files/{name}", by=None)).text for name in (file, "nothing")}
    assert len(answers) == 1, "whether a file exists is told to nobody who is not signed in"
