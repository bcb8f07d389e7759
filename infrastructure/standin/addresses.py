"""How the stand-in was reached: result urls start with that address, as the real server's do."""

from __future__ import annotations

from starlette.requests import HTTPConnection


def base_url(connection: HTTPConnection) -> str:
    headers = connection.headers
    secure = connection.url.scheme in {"https", "wss"}
    scheme = headers.get("x-forwarded-proto") or ("https" if secure else "http")
    host = headers.get("x-forwarded-host") or headers.get("host") or ""
    return f"{scheme}://{host}{headers.get('x-forwarded-prefix', '').rstrip('/')}"
