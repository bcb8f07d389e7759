"""Whose address a request comes from, and whom to count for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

LONGEST = 100  # characters of an address, with its port and its zone


def client_address(scope: Mapping[str, Any], trusted_proxies: Sequence[Network]) -> str:
    """The right-most address that is no trusted proxy's; empty when there is none (a Unix socket)."""
    peer = _peer(scope)
    if peer is None:
        return str(scope["client"][0]) if scope.get("client") else ""
    if _within(peer, trusted_proxies):
        for text in reversed(list(_forwarded(scope))):
            if (further := _address(text)) is None:
                break
            peer = further
            if not _within(peer, trusted_proxies):
                break
    return _text(peer)


def from_proxy(scope: Mapping[str, Any], trusted_proxies: Sequence[Network]) -> bool:
    """Whether the request comes right from a trusted proxy."""
    peer = _peer(scope)
    return peer is not None and _within(peer, trusted_proxies)


def address_subject(address: str) -> str:
    """Whom to count: an IPv6 user owns a /64 and could take a new address for every request."""
    parsed = _address(address)
    if parsed is None or parsed.version == 4:
        return address
    return str(ip_network((parsed, 64), strict=False))


def _peer(scope: Mapping[str, Any]) -> Address | None:
    client = scope.get("client")
    return _address(client[0]) if client else None


def _forwarded(scope: Mapping[str, Any]) -> Iterable[str]:
    for name, value in scope.get("headers", ()):
        if name.lower() == b"x-forwarded-for":
            yield from value.decode("latin-1").split(",")


def _address(text: str) -> Address | None:
    """Also with a port or a zone, as proxies write it; an IPv4 address inside IPv6 is the IPv4 one."""
    return _parsed(text) if len(text) <= LONGEST else None


@lru_cache(4096)  # the same few are asked about again and again
def _parsed(text: str) -> Address | None:
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


@lru_cache(4096)
def _text(address: Address) -> str:
    return str(address)


def _within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)
