"""Which configurations the stand-in accepts."""

from __future__ import annotations

from time import time
from typing import Any

import jwt
import pytest

from infrastructure.standin.openings import Opening, Refused, read_opening, session_token

SECRET = "a-secret-that-is-long-enough-for-hs256"
CONFIG: dict[str, Any] = {
    "document": {
        "key": "k",
        "fileType": "docx",
        "url": "http://i/f",
        "title": "t",
        "permissions": {"edit": True},
    },
    "editorConfig": {
        "mode": "edit",
        "callbackUrl": "http://i/c",
        "user": {"id": "ada", "name": "Ada"},
        "customization": {"forcesave": True},
    },
}


def opened(claims: dict[str, Any], **plain: Any) -> Opening:
    token = jwt.encode(claims, SECRET, algorithm="HS256")
    return read_opening({"token": token, **plain}, SECRET, "guest")


def changed(part: str, **values: Any) -> dict[str, Any]:
    return CONFIG | {part: {**CONFIG[part], **values}}


def test_a_signed_configuration_opens() -> None:
    opening = opened(CONFIG, **CONFIG)
    assert (opening.key, opening.user_id, opening.editing, opening.forcesave) == ("k", "ada", True, True)


def test_without_jwt_the_plain_values_count() -> None:
    assert read_opening(CONFIG, None, "guest").key == "k"


def test_signed_values_win() -> None:
    assert opened(CONFIG, **changed("document", key="other")).key == "k"


def test_a_guest_gets_an_id() -> None:
    assert opened(changed("editorConfig", user={})).user_id == "guest"


@pytest.mark.parametrize(
    "config",
    [
        changed("editorConfig", mode="view"),
        changed("document", permissions={"edit": False}),
        changed("document", fileType="xlsx"),
    ],
)
def test_some_only_look_on(config: dict[str, Any]) -> None:
    assert opened(config).editing is False


@pytest.mark.parametrize(
    ("permissions", "rights", "typing"),
    [
        ({}, "edit", True),
        ({"edit": True, "review": False}, "edit", True),
        ({"edit": False, "review": True, "comment": True, "fillForms": True}, "review", True),
        ({"edit": False, "comment": True, "fillForms": False}, "comment", False),
        ({"edit": False, "comment": True, "fillForms": True}, "fill", False),
        ({"edit": False, "comment": False}, "view", False),
    ],
)
def test_permissions_say_how_much_a_page_may_do(
    permissions: dict[str, bool], rights: str, typing: bool
) -> None:
    opening = opened(changed("document", permissions=permissions))
    assert (opening.rights, opening.typing) == (rights, typing)
    assert opening.editing is (rights != "view")
    looking = opened(CONFIG | {"editorConfig": {"mode": "view"}})
    assert (looking.rights, looking.editing, looking.typing) == ("view", False, False)


@pytest.mark.parametrize(
    ("claims", "plain", "code"),
    [
        ({"document": {"key": "k"}}, CONFIG, -20),
        (CONFIG, changed("document", permissions={"edit": True, "print": True}), -20),
        (CONFIG | {"editorConfig": {}}, CONFIG, -20),
        (CONFIG | {"exp": 1}, {}, -21),
        (changed("document", key="ключ"), {}, -23),
        (changed("document", key="k" * 251), {}, -23),
        (changed("editorConfig", user={"id": "u" * 241}), {}, -23),
    ],
)
def test_others_are_refused(claims: dict[str, Any], plain: dict[str, Any], code: int) -> None:
    with pytest.raises(Refused) as refused:
        opened(claims, **plain)
    assert refused.value.code == code


def test_a_page_can_come_back_after_its_token_has_expired() -> None:
    opening = opened(CONFIG | {"exp": int(time())}, **CONFIG)
    token = session_token(opening, SECRET, time())
    again = read_opening({**CONFIG, "token": token}, SECRET, "guest")
    assert (again.key, again.callback_url) == (opening.key, opening.callback_url)
    assert jwt.decode(token or "", SECRET, algorithms=["HS256"])["exp"] > time() + 29 * 24 * 3600
