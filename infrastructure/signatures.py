"""Signatures: HS256 alone, by one of the secrets that are believed now; during a rotation there are two."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

import jwt
from jwt.types import Options

from application.outside_json import is_deep, value_of
from application.own_json import text_of
from application.tokens import BadToken

_HEADER = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"  # {"alg":"HS256","typ":"JWT"}, as nearly everybody writes it
_LONG_TOKEN = 16 * 1024  # PyJWT takes 0.1 µs per byte before it looks at the signature: a forger's lever
_SIGNATURE_ONLY: Options = {  # claims about time are read by our own clock, elsewhere
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}


class Secrets:
    """One side's secrets: the first signs, and what any of them signed is believed."""

    def __init__(self, *secrets: str | None) -> None:
        self._keys = tuple(dict.fromkeys(_key(secret) for secret in secrets if secret))
        self.signing = 0  # which of them signs

    def __len__(self) -> int:
        return len(self._keys)

    def sign(self, claims: Mapping[str, Any]) -> str:
        """As PyJWT does, in a twentieth of its time."""
        message = f"{_HEADER}.{_encoded(text_of(claims))}"
        return f"{message}.{_signature(message, self._keys[self.signing])}"

    def verified(self, token: object) -> dict[str, Any]:
        """The claims, whatever they say of time. Raises BadToken."""
        if not self._keys:
            raise BadToken("no secret is configured to verify it with")
        if not isinstance(token, str):
            raise BadToken("the token is not a text")
        for key in self._keys:
            if _signature_fits(token, key):
                claims = _usual(token)
                return _read(token, key) if claims is None else claims
        if len(token) > _LONG_TOKEN:
            raise BadToken("the signature is wrong")
        return _read(token, self._keys[-1])  # which says what is wrong

    def turn_from(self, which: int) -> None:
        """Sign with the next one; not again if somebody else has turned already."""
        if self.signing == which:
            self.signing = (which + 1) % max(1, len(self._keys))


def _key(secret: str) -> bytes:
    # HMAC pads short keys with these very zeros: the signature is the same, and PyJWT does not
    # warn about lengths that the settings have already judged.
    return secret.encode().ljust(32, b"\0")


def _usual(token: str) -> dict[str, Any] | None:
    """The claims of a signed token with the usual header and spelling; PyJWT judges all others.

    Only what PyJWT would take as well is taken, in a tenth of its time.
    """
    signed, _, signature = token.rpartition(".")
    header, _, payload = signed.partition(".")
    if header != _HEADER or not token.isascii() or signature.endswith("="):
        return None
    text = _decoded(payload) if len(payload) % 4 != 1 else b""
    if _encoded(text) != payload:  # which leaves no second spelling
        return None
    try:
        claims = value_of(text)
    except ValueError:
        return None
    return claims if isinstance(claims, dict) else None


def _read(token: str, key: bytes) -> dict[str, Any]:
    try:
        if any(is_deep(_decoded(part)) for part in token.split(".")[:2]):
            raise BadToken("the token is malformed")
        return jwt.decode(token, key, algorithms=["HS256"], options=_SIGNATURE_ONLY)
    except jwt.InvalidAlgorithmError as error:
        raise BadToken("the token is not signed with HS256") from error
    except jwt.InvalidSignatureError as error:
        raise BadToken("the signature is wrong") from error
    except (jwt.PyJWTError, ValueError) as error:
        raise BadToken("the token is malformed") from error


def _decoded(part: str) -> bytes:
    return urlsafe_b64decode(part + "==")


def _encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _signature(message: str, key: bytes) -> str:
    return _encoded(hmac.digest(key, message.encode(errors="replace"), "sha256"))


def _signature_fits(token: str, key: bytes) -> bool:
    signed, _, signature = token.rpartition(".")
    return hmac.compare_digest(
        _signature(signed, key).encode(), signature.rstrip("=").encode(errors="replace")
    )
