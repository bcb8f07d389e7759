"""The JWTs of the protocol: HS256 with one secret for browser, inbox and outbox."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jwt

LIFETIME = 300
CLOCK_TOLERANCE = 60


class TokenInvalid(Exception):
    """Not a token, or not signed with our secret."""


class TokenExpired(Exception):
    """Signed with our secret, but too long ago."""


def sign(claims: Mapping[str, Any], secret: str, now: float, lifetime: int = LIFETIME) -> str:
    return jwt.encode({**claims, "iat": int(now), "exp": int(now) + lifetime}, secret, algorithm="HS256")


def verify(token: object, secret: str) -> dict[str, Any]:
    """The claims of a token. Raises TokenInvalid, TokenExpired."""
    if not isinstance(token, str):
        raise TokenInvalid
    # The real server looks at exp only; the other registered claims mean nothing to it.
    unchecked = {f"verify_{claim}": False for claim in ("aud", "iat", "nbf", "sub", "jti", "iss")}
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            secret,
            algorithms=["HS256"],
            leeway=CLOCK_TOLERANCE,
            options=unchecked,  # type: ignore[arg-type]
        )
    except jwt.ExpiredSignatureError as error:
        raise TokenExpired from error
    except jwt.InvalidTokenError as error:
        raise TokenInvalid from error
    return claims


def bearer(authorization: str | None) -> str | None:
    """The token in an Authorization header, if there is one."""
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None
