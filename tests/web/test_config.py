"""The editor's configuration: its shape, its token, and who gets which."""

from __future__ import annotations

import time

import jwt
import pytest

from domain.keys import user_id
from tests.web.fake_server import SECRET, STRANGER
from tests.web.life import Running
from tests.web.service import PUBLIC_URL, Service, sign_in, word

PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1"
)
FIREFOX_PHONE = "Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0"
KAIOS = "Mozilla/5.0 (Mobile; rv:84.0) Gecko/84.0 Firefox/84.0 KAIOS/3.1"
LAPTOP = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


async def test_it_has_exactly_the_shape_of_the_contract(service: Service) -> None:
    file = await service.add("Plan.docx")
    opened = await service.open(file)
    document, editor = opened["config"]["document"], opened["config"]["editorConfig"]
    assert set(opened) == {"config", "token", "onlyofficeJsUrl"}
    assert set(opened["config"]) == {"document", "documentType", "editorConfig", "type"}
    assert set(document) == {"fileType", "key", "title", "url", "info", "permissions"}
    assert set(editor) == {"callbackUrl", "createUrl", "customization", "lang", "mode", "user"}
    assert opened["onlyofficeJsUrl"] == f"{service.server.url}/web-apps/apps/api/documents/api.js"
    assert opened["config"]["documentType"] == "word"
    assert (document["fileType"], document["title"]) == ("docx", "Plan.docx")
    assert document["url"].startswith(f"{PUBLIC_URL}/api/onlyoffice/file/{file}?token=")
    assert editor["callbackUrl"] == f"{PUBLIC_URL}/api/onlyoffice/callback"
    assert editor["mode"] == "edit"
    assert editor["user"] == {"id": user_id("ada"), "name": "Ada"}
    assert editor["customization"] == {
        "forcesave": True,
        "goback": {"blank": False, "url": f"{PUBLIC_URL}/"},
    }
    assert document["permissions"]["edit"] is True


async def test_the_key_is_the_users_the_files_and_the_time(service: Service) -> None:
    file = await service.add()
    user, of, at = (await service.key(file)).split("-")
    assert (user, of) == (user_id("ada"), file)
    assert abs(int(at) / 1000 - time.time()) < 60


async def test_the_token_is_the_configuration_signed_for_an_hour(service: Service) -> None:
    opened = await service.open(await service.add())
    claims = jwt.decode(opened["token"], SECRET, ["HS256"])
    assert claims.pop("exp") - claims.pop("iat") == 3600
    assert claims == opened["config"]


async def test_urls_come_from_the_settings_and_never_from_the_host_header(running: Running) -> None:
    service = await running(storage_url="http://inside:8080")
    file = await service.add()
    forged = await service.get(
        f"/api/onlyoffice/config/{file}", headers={"Host": "evil.test", "X-Forwarded-Host": "evil.test"}
    )
    config = forged.json()["config"]
    assert "evil" not in forged.text
    assert config["document"]["url"].startswith("http://inside:8080/api/onlyoffice/file/")
    assert config["editorConfig"]["callbackUrl"] == "http://inside:8080/api/onlyoffice/callback"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("Plan.zip", b"PK\x03\x04", "a type that ONLYOFFICE does not open"),
        ("Plan", word("x"), "a type that ONLYOFFICE does not open"),
        ("Plan.docx", b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n", "not docx"),
        ("Plan.xlsx", word("x"), "rename it to .docx"),
        ("Plan.docx", b"", "it is empty"),
    ],
)
async def test_a_wrong_type_is_refused_in_plain_words(
    service: Service, name: str, content: bytes, reason: str
) -> None:
    file = await service.add(name, content)
    refused = await service.get(f"/api/onlyoffice/config/{file}")
    assert (refused.status_code, refused.json()["code"]) == (400, "wrong_type")
    assert reason in refused.json()["message"]


async def test_an_unknown_file_is_not_found(service: Service) -> None:
    missing = await service.get("/api/onlyoffice/config/nothing")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


async def test_a_removed_file_is_not_found(service: Service) -> None:
    file = await service.add()
    await service.ask("DELETE", f"/api/files/{file}")
    assert (await service.get(f"/api/onlyoffice/config/{file}")).status_code == 404


async def test_a_file_of_somebody_else_is_forbidden(service: Service) -> None:
    refused = await service.get(f"/api/onlyoffice/config/{await service.add()}", by="bob")
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize(
    ("agent", "kind"), [(PHONE, "mobile"), (FIREFOX_PHONE, "mobile"), (KAIOS, "mobile"), (LAPTOP, "desktop")]
)
async def test_a_phone_gets_the_mobile_editor(service: Service, agent: str, kind: str) -> None:
    opened = await service.get(f"/api/onlyoffice/config/{await service.add()}", headers={"User-Agent": agent})
    assert opened.json()["config"]["type"] == kind


async def test_what_is_asked_for_wins_over_what_is_usual(running: Running) -> None:
    service = await running(editor_lang="de")
    file = await service.add()
    config = (await service.open(file, type="embedded", lang="pt-BR"))["config"]
    assert (config["type"], config["editorConfig"]["lang"]) == ("embedded", "pt-BR")
    assert (await service.open(file))["config"]["editorConfig"]["lang"] == "de"


@pytest.mark.parametrize(
    "query", [{"mode": "destroy"}, {"type": "toaster"}, {"lang": "<script>"}, {"lang": ""}]
)
async def test_nonsense_in_the_query_is_a_bad_request(service: Service, query: dict[str, str]) -> None:
    refused = await service.get(f"/api/onlyoffice/config/{await service.add()}", params=query)
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_request")


async def test_without_a_server_secret_no_document_opens_outside_the_demo(running: Running) -> None:
    service = await running(document_server_secret=None)
    refused = await service.get(f"/api/onlyoffice/config/{await service.add()}")
    assert (refused.status_code, refused.json()["code"]) == (424, "not_configured")


async def test_after_a_badly_signed_callback_a_secret_that_the_server_refuses_is_said(
    running: Running,
) -> None:
    service = await running(document_server_secret="not the one that the Document Server has")
    file = await service.add()
    assert (await service.get(f"/api/onlyoffice/config/{file}")).status_code == 200
    assert await service.told(1, "any", users=[]) == (200, 0)
    refused = await service.get(f"/api/onlyoffice/config/{file}")
    assert (refused.status_code, refused.json()["code"]) == (424, "not_configured")
    assert "DOCLEDGER_DOCUMENT_SERVER_SECRET" in refused.json()["message"]


async def test_a_forged_callback_alone_closes_no_door(service: Service) -> None:
    file = await service.add()
    await service.called({"key": "any", "status": 1}, secret=STRANGER)
    assert service.server.asked("version")
    assert (await service.get(f"/api/onlyoffice/config/{file}")).status_code == 200


async def test_nobody_opens_anything_without_signing_in(service: Service) -> None:
    file = await service.add()
    refused = await service.get(f"/api/onlyoffice/config/{file}", by=None)
    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
    headers = {"Authorization": f"Bearer {sign_in('ada', exp=int(time.time()) - 120)}"}
    assert (await service.get(f"/api/onlyoffice/config/{file}", by=None, headers=headers)).status_code == 401
