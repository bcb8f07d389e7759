"""What an address says by itself: whose machine it means, and which urls have the same origin."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit


def host(url: str) -> str:
    return urlsplit(url).hostname or ""


def origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname or "", port


def root(url: str) -> str:
    """The origin as it is written."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def path(url: str) -> str:
    return urlsplit(url).path.rstrip("/")


def is_secure(url: str) -> bool:
    return url.startswith("https:")


def is_loopback(url: str) -> bool:
    """It means the machine on which it is said."""
    name = host(url)
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


def are_private(addresses: Sequence[str]) -> bool:
    return any(not ip_address(address.partition("%")[0]).is_global for address in addresses)
