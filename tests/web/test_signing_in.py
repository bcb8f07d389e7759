"""Signing a browser in with a token, where no other application has done so."""

from __future__ import annotations

import pytest

from tests.web.fake_server import STRANGER
from tests.web.life import Running
from tests.web.service import PUBLIC_URL, Service, sign_in

HTML = {"Accept": "text/html"}


async def test_whoever_is_not_signed_in_is_sent_to_sign_in(service: Service) -> None:
    for path in ("/", f"/api/onlyoffice/viewer/{await service.add()}"):
        sent = await service.get(path, by=None, headers=HTML)
        assert (sent.status_code, sent.headers["Location"]) == (303, "/sign-in")
    assert (await service.get("/sign-in", by=None, headers=HTML)).status_code == 200


@pytest.mark.parametrize(("public_url", "secure"), [(PUBLIC_URL, False), ("https://docledger.test", True)])
async def test_a_good_token_becomes_a_cookie_that_no_script_sees(
    running: Running, public_url: str, secure: bool
) -> None:
    service = await running(public_url=public_url)
    done = await service.post("/sign-in", by=None, data={"token": f" {sign_in('ada')}\n"})
    assert (done.status_code, done.headers["Location"]) == (303, "/")
    cookie = done.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert ("Secure" in cookie) is secure
    signed_in = await service.get("/", by=None, headers={**HTML, "Cookie": cookie.partition(";")[0]})
    assert "<bdi><strong>Ada</strong></bdi>" in signed_in.text


async def test_the_whole_link_can_be_pasted(service: Service) -> None:
    link = f"{PUBLIC_URL}/sign-in#token={sign_in('ada')}"
    assert (await service.post("/sign-in", by=None, data={"token": link})).status_code == 303


@pytest.mark.parametrize("token", ["", "nonsense", sign_in("ada", exp=1), sign_in("ada", secret=STRANGER)])
async def test_a_bad_token_signs_nobody_in(service: Service, token: str) -> None:
    refused = await service.post("/sign-in", by=None, data={"token": token})
    assert refused.status_code in {400, 403}
    assert "Set-Cookie" not in refused.headers


async def test_another_site_cannot_sign_a_browser_in(service: Service) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    refused = await service.post("/sign-in", by=None, headers=headers, data={"token": sign_in("eve")})
    assert refused.status_code == 403


async def test_in_the_demo_there_is_nothing_to_sign_in_to(running: Running) -> None:
    service = await running(auth_secret=None)
    assert (await service.post("/sign-in", by=None, data={"token": sign_in("ada")})).status_code == 400
