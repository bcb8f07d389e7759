"""The tokens: what we sign, and whom we believe (HS256 only, checked before anything else is read)."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Mapping
from math import inf, isfinite
from typing import Any
from urllib.parse import unquote, urlsplit

from application.claims import storable
from application.outside_json import value_of
from application.tokens import LONGEST_CALLBACK, BadToken, CallbackClaims, FileClaims, NoSecret, UserClaims
from infrastructure.signatures import Secrets

LEEWAY_SECONDS = 60
COMMAND_SECONDS = 300  # as long as the Document Server gives its own tokens

OPERATOR_SECONDS = 60

FURTHEST_VERSION = 10**9

_AUDIENCE, _CHANGES_AUDIENCE = "docledger:file", "docledger:changes"
_OPERATOR = "docledger:operator"
_NOT_IN_A_CALLBACK = frozenset({"document", "editorConfig", "c", "outputtype"})
_OF_THE_TOKEN = frozenset({"iat", "exp", "nbf", "token"})


class JwtTokens:
    def __init__(
        self,
        secret: str,
        server_secret: str | None,
        auth_secret: str | None,
        *,
        previous: tuple[str | None, str | None, str | None] = (None, None, None),
        signed: bool = True,
        file_seconds: int = 86400,
        config_seconds: int = 3600,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`previous` are the three secrets that are believed as well, while they are rotated.

        `signed=False` is the Document Server with JWT off: its callbacks are taken at their word.
        """
        if not secret:
            raise ValueError("file links need a secret to be signed with")
        self._own = Secrets(secret, previous[0])
        self.server_secrets = Secrets(server_secret, previous[1])
        self._users = Secrets(auth_secret, previous[2])
        self._signed = signed
        self._file_seconds = file_seconds
        self._config_seconds = config_seconds
        self._clock = clock

    @property
    def can_sign(self) -> bool:
        return bool(self.server_secrets) or not self._signed

    def sign_config(self, config: Mapping[str, Any]) -> str:
        """The token of what an editor is given; empty when JWT is off. Raises NoSecret."""
        return self._sign_for_server(config, self._config_seconds)

    def sign_command(self, parameters: Mapping[str, Any]) -> str:
        """Raises NoSecret."""
        return self._sign_for_server(parameters, COMMAND_SECONDS)

    def file_token(self, file_id: str, version: int, *, key: str = "", changes: bool = False) -> str:
        audience, jti = _CHANGES_AUDIENCE if changes else _AUDIENCE, secrets.token_hex(8)
        claims = {"aud": audience, "file": file_id, "version": version, "key": key, "jti": jti}
        return self._sign(claims, self._own, self._file_seconds)

    def read_file_token(self, token: str) -> FileClaims:
        """Raises BadToken."""
        claims = self._own.verified(token)
        if claims.get("aud") not in (_AUDIENCE, _CHANGES_AUDIENCE) or "exp" not in claims:
            raise BadToken("this is no file token")
        if self._expired(claims):
            raise BadToken("the file token has expired")
        match claims:
            case {"file": str(file), "version": int(version), "jti": str(jti)} if _is_number(version):
                changes = claims["aud"] == _CHANGES_AUDIENCE
                return FileClaims(file, version, jti, _text(claims.get("key")), changes=changes)
        raise BadToken("the file token lacks a claim")

    def read_callback(self, body: bytes, authorization: str | None) -> CallbackClaims:
        """What the Document Server really said: the body's token, else the header's. Raises BadToken.

        The plain fields and the header are cut when long and anybody can write the former, so that
        neither is looked at beside a body token.
        """
        plain = _json_object(body)
        if not self._signed:
            return CallbackClaims(_callback(plain), expired=False)
        token = plain["token"] if "token" in plain else _bearer(authorization)
        if token is None:
            raise BadToken("the callback is not signed")
        claims = self.server_secrets.verified(token)
        return CallbackClaims(_callback(claims), self._expired(claims), self._skew(claims), _mark(token))

    def signed_by_server(self, authorization: str | None) -> bool:
        """Whether a header is that of a callback of the Document Server's; it is short, whatever the body.

        Everybody who edits holds a token of the same signature, their configuration's.
        """
        try:
            return not self._signed or bool(_callback(self.server_secrets.verified(_bearer(authorization))))
        except BadToken:
            return False

    def operator_token(self) -> str:
        return self._sign({"aud": _OPERATOR}, self._own, OPERATOR_SECONDS)

    def read_operator_token(self, token: str) -> None:
        """Raises BadToken."""
        claims = self._own.verified(token)
        if claims.get("aud") != _OPERATOR or "exp" not in claims or self._expired(claims):
            raise BadToken("this is no operator's token, or it has expired")

    def check_server_bearer(self, authorization: str | None, url: str) -> bool | None:
        """Whether the Document Server signed this GET of a url of ours; None when it does not say.

        `url` is the document.url as it was given out; paths are compared. Its expiry is not: the link's
        own token has one, by our own clock, and a server whose clock is wrong must still open documents.
        """
        token = _bearer(authorization)
        if token is None or not self._signed or not self.server_secrets:
            return None
        try:
            claims = self.server_secrets.verified(token)
        except BadToken:
            return False
        match claims:
            case {"payload": {"url": str(asked)}}:
                return _path(asked) == _path(url)
        return False

    def read_user(self, token: str) -> UserClaims:
        """Raises BadToken."""
        claims = self._users.verified(token)
        if self._expired(claims) or self._early(claims):
            raise BadToken("the sign-in has expired or is not valid yet")
        match claims.get("sub", claims.get("id")):
            case bool() | "":
                raise BadToken("the sign-in names nobody")
            case str() | int() as sub if str(sub) == storable(str(sub)):
                name, role = storable(_text(claims.get("name"))), storable(_text(claims.get("role")))
                return UserClaims(str(sub), name or str(sub), role)
        raise BadToken("the sign-in names nobody")

    def _sign_for_server(self, claims: Mapping[str, Any], seconds: int) -> str:
        if self.server_secrets:
            return self._sign(claims, self.server_secrets, seconds)
        if self._signed:
            raise NoSecret("no Document Server secret is configured")
        return ""

    def _sign(self, claims: Mapping[str, Any], by: Secrets, seconds: int) -> str:
        now = int(self._clock())
        return by.sign({**claims, "iat": now, "exp": now + seconds})

    def _expired(self, claims: Mapping[str, Any]) -> bool:
        exp = claims.get("exp", inf)
        # written so that a NaN counts as expired
        return not (isinstance(exp, int | float) and self._clock() <= exp + LEEWAY_SECONDS)

    def _skew(self, claims: Mapping[str, Any]) -> float | None:
        """Each attempt is signed anew, so that its age is the journey's and the clocks' difference."""
        iat = claims.get("iat")
        return iat - self._clock() if isinstance(iat, int | float) and isfinite(iat) else None

    def _early(self, claims: Mapping[str, Any]) -> bool:
        nbf = claims.get("nbf", 0)
        return not (isinstance(nbf, int | float) and self._clock() >= nbf - LEEWAY_SECONDS)


def user_token(auth_secret: str, sub: str, role: str, seconds: float) -> str:
    """A sign-in as the surrounding application makes it: what `read_user` reads."""
    now = time.time()
    claims = {"sub": sub, "name": sub, "role": role, "iat": int(now), "exp": int(now + seconds)}
    return Secrets(auth_secret).sign(claims)


def _bearer(authorization: str | None) -> str | None:
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _json_object(body: bytes) -> dict[str, Any]:
    if len(body) > LONGEST_CALLBACK:
        raise BadToken("the body is too long")
    try:
        value = value_of(body)
    except ValueError as error:
        raise BadToken("the body is not JSON") from error
    if not isinstance(value, dict):
        raise BadToken("the body is not a JSON object")
    return value


def _callback(claims: Mapping[str, Any]) -> Mapping[str, Any]:
    """Told by its shape from the other tokens that carry the same signature."""
    payload = claims.get("payload")
    inner = payload if isinstance(payload, dict) and "key" not in claims else claims
    if _NOT_IN_A_CALLBACK & (claims.keys() | inner.keys()):
        raise BadToken("this token was signed for something else than a callback")
    match inner:
        case {"key": str(), "status": int(status)} if not isinstance(status, bool):
            return {name: value for name, value in inner.items() if name not in _OF_THE_TOKEN}
    raise BadToken("the callback lacks its key or status")


def _mark(token: str) -> str:
    """What was signed, and not how the signature is written, of which there is more than one way."""
    return hashlib.sha256(token.rpartition(".")[0].encode()).hexdigest()


def _is_number(version: int) -> bool:
    return not isinstance(version, bool) and 0 < version < FURTHEST_VERSION


def _path(url: str) -> str | None:
    try:
        return unquote(urlsplit(url).path)
    except ValueError:
        return None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
