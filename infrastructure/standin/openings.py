"""What a browser's configuration asks for, after its token was checked: an Opening, or a Refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .documents import FORMATS
from .tokens import TokenExpired, TokenInvalid, sign, verify

KEY_CHARACTERS = re.compile(r"[0-9a-zA-Z\-._=]*")
KEY_LIMIT = 250
USER_ID_LIMIT = 240
SESSION_LIFETIME = 30 * 24 * 3600

MALFORMED = (
    -20,
    "The document security token is not correctly formed.<br>"
    "Please contact your Document Server administrator.",
)
EXPIRED = (
    -21,
    "The document security token has expired.<br>Please contact your Document Server administrator.",
)
NO_RIGHTS = (
    -23,
    "You are trying to perform an action you do not have rights for.<br>"
    "Please contact your Document Server administrator.",
)


class Refused(Exception):
    """The configuration is not accepted: the editor shows why."""

    def __init__(self, code: int, description: str) -> None:
        super().__init__(description)
        self.code = code
        self.description = description


@dataclass(frozen=True, slots=True)
class Opening:
    key: str
    url: str
    filetype: str
    title: str
    user_id: str
    user_name: str
    callback_url: str | None
    editing: bool
    forcesave: bool
    rights: str = "edit"  # or review, comment, fill, view: the most that the page may do
    filling: bool = False  # may send a form in
    claims: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def typing(self) -> bool:
        """Whether the text may be changed; comments and forms are nothing that this server has."""
        return self.editing and self.rights in {"edit", "review"}

    @property
    def has_text(self) -> bool:
        return self.filetype in FORMATS


def read_opening(config: Mapping[str, Any], secret: str | None, guest: str) -> Opening:
    """Check the token (values in it win) and the key. Raises Refused."""
    claims = {} if secret is None else _checked(config, secret)
    config = _overlaid(config, claims)
    document, editor = _part(config, "document"), _part(config, "editorConfig")
    user, customization = _part(editor, "user"), _part(editor, "customization")
    key, user_id = str(document.get("key") or ""), str(user.get("id") or guest)
    if not key or not KEY_CHARACTERS.fullmatch(key) or len(key) > KEY_LIMIT or len(user_id) > USER_ID_LIMIT:
        raise Refused(*NO_RIGHTS)
    filetype = str(document.get("fileType") or "").lower()
    rights = _rights(editor.get("mode"), _part(document, "permissions"))
    fills = _part(document, "permissions").get("fillForms") is True
    callback_url = str(editor.get("callbackUrl") or "") or None
    return Opening(
        key=key,
        url=str(document.get("url") or ""),
        filetype=filetype,
        title=str(document.get("title") or ""),
        user_id=user_id,
        user_name=str(user.get("name") or "Guest"),
        callback_url=callback_url,
        editing=rights != "view" and filetype in FORMATS,
        forcesave=customization.get("forcesave") is True,
        rights=rights,
        filling=callback_url is not None
        and fills
        and (rights == "fill" or (rights == "edit" and filetype == "pdf")),
        claims=claims,
    )


def _rights(mode: object, permissions: Mapping[str, Any]) -> str:
    """As the real editors read them: of comments and forms there is only one, and forms come first."""
    if mode == "view":
        return "view"
    if permissions.get("edit") is not False:
        return "edit"
    words = {"review": "review", "fillForms": "fill", "comment": "comment"}
    return next((word for name, word in words.items() if permissions.get(name) is True), "view")


def session_token(opening: Opening, secret: str | None, now: float) -> str | None:
    """What a page comes back with after a lost connection: its own token may have expired by then."""
    return sign(opening.claims, secret, now, SESSION_LIFETIME) if secret else None


def _checked(config: Mapping[str, Any], secret: str) -> dict[str, Any]:
    try:
        claims = verify(config.get("token"), secret)
    except TokenExpired:
        raise Refused(*EXPIRED) from None
    except TokenInvalid:
        raise Refused(*MALFORMED) from None
    plain, signed = _part(config, "document"), _part(claims, "document")
    plain_editor, signed_editor = _part(config, "editorConfig"), _part(claims, "editorConfig")
    complete = (
        bool(signed.get("key") and signed.get("url"))
        and (not plain.get("permissions") or plain["permissions"] == signed.get("permissions"))
        and not (plain_editor.get("callbackUrl") and not signed_editor.get("callbackUrl"))
        and ("mode" in signed_editor or plain_editor.get("mode") == "view" or "mode" not in plain_editor)
    )
    if not complete:
        raise Refused(*MALFORMED)
    return claims


def _overlaid(plain: Mapping[str, Any], signed: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(plain)
    for name, value in signed.items():
        below = plain.get(name)
        both = isinstance(value, Mapping) and isinstance(below, Mapping)
        merged[name] = _overlaid(below, value) if both else value  # type: ignore[arg-type]
    return merged


def _part(whole: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = whole.get(name)
    return part if isinstance(part, Mapping) else {}
