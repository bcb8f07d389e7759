"""Whom we believe and what we sign: the tokens, as the web speaks of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

LONGEST_CALLBACK = 4 * 1024 * 1024  # bytes; the history alone makes 20 kB and more


class BadToken(Exception):
    """Not to be believed; the text says why and holds nothing secret."""


class NoSecret(Exception):
    """There is no Document Server secret to sign with."""


@dataclass(frozen=True, slots=True)
class FileClaims:
    file: str
    version: int
    jti: str  # one per issued token, so that requests can be counted per token
    key: str = ""  # of the session that is to begin with these bytes
    changes: bool = False  # for the record of the version's changes, and not for its content


@dataclass(frozen=True, slots=True)
class CallbackClaims:
    claims: Mapping[str, Any]  # the callback's own fields, without those of the token
    expired: bool  # genuine, but a clock is wrong or the letter is late
    skew: float | None = None  # seconds by which the server's clock is ahead of ours, at the signing
    mark: str = ""  # the same only for a letter sent again word for word; each attempt is signed anew


@dataclass(frozen=True, slots=True)
class UserClaims:
    sub: str
    name: str
    role: str


class Tokens(Protocol):
    @property
    def can_sign(self) -> bool:
        """Whether a Document Server would believe us: there is a secret, or none is wanted."""
        ...

    def sign_config(self, config: Mapping[str, Any]) -> str:
        """The token of what an editor is given; empty when JWT is off. Raises NoSecret."""
        ...

    def file_token(self, file_id: str, version: int, *, key: str = "", changes: bool = False) -> str: ...

    def read_file_token(self, token: str) -> FileClaims:
        """Raises BadToken."""
        ...

    def read_callback(self, body: bytes, authorization: str | None) -> CallbackClaims:
        """What the Document Server really said: the body's token, else the header's. Raises BadToken."""
        ...

    def signed_by_server(self, authorization: str | None) -> bool:
        """Whether a header is the Document Server's, before its body is read."""
        ...

    def check_server_bearer(self, authorization: str | None, url: str) -> bool | None:
        """Whether the Document Server signed this GET of a url of ours; None when it does not say."""
        ...

    def read_operator_token(self, token: str) -> None:
        """For whoever can read our own secret. Raises BadToken."""
        ...

    def read_user(self, token: str) -> UserClaims:
        """Raises BadToken."""
        ...
