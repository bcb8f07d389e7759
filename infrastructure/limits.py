"""The rate limit: who may still ask, counted in fixed windows, and whose address a request comes from."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from limits import parse
from limits.storage import Storage

from application.limits import Decision, Limits

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

FORGERIES = "60/minute"  # callbacks per client that are read to the end only to be refused
MOST_SUBJECTS = 100_000  # counted at once; beyond that the oldest begin anew


class WindowStorage(Storage):
    """Counts in memory and forgets finished windows on the way.

    The library's own memory storage starts a thread that walks over all keys, up to a hundred
    times a second.
    """

    STORAGE_SCHEME = ["docledger-memory"]  # noqa: RUF012 - the library's hook is a list

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        self._windows: dict[str, tuple[int, float]] = {}  # count, end of the window
        self._swept = clock()

    @property
    def base_exceptions(self) -> type[Exception]:
        return ValueError

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        now = self._clock()
        if now - self._swept > expiry:
            self._windows = {kept: window for kept, window in self._windows.items() if window[1] > now}
            self._swept = now
        count, end = self._windows.get(key, (0, 0.0))
        if not now < end <= now + expiry:  # over, or the clock was set back
            count, end = 0, now + expiry
        self._windows[key] = (count + amount, end)
        if len(self._windows) > MOST_SUBJECTS:
            del self._windows[next(iter(self._windows))]
        return count + amount

    def get(self, key: str) -> int:
        count, end = self._windows.get(key, (0, 0.0))
        return count if end > self._clock() else 0

    def get_expiry(self, key: str) -> float:
        return self._windows.get(key, (0, self._clock()))[1]

    def check(self) -> bool:
        return True

    def reset(self) -> int:
        forgotten = len(self._windows)
        self._windows.clear()
        return forgotten

    def clear(self, key: str) -> None:
        self._windows.pop(key, None)


class MemoryRateLimit:
    def __init__(self, spec: str, clock: Callable[[], float] = time.monotonic) -> None:
        """`spec` as the limits library reads it (`10000/15 minutes`), or `off`."""
        self._limit = None if spec == "off" else parse(spec)
        self._clock = clock
        self._storage = WindowStorage(clock)

    def hit(self, subject: str) -> Decision:
        if self._limit is None:
            return Decision(allowed=True, limit=None, remaining=0, reset_seconds=0)
        window = self._limit.get_expiry()
        # The library's FixedWindowRateLimiter, without building the key three times.
        key, most = self._limit.key_for(subject), self._limit.amount
        count = self._storage.incr(key, window)
        reset = max(1, math.ceil(self._storage.get_expiry(key) - self._clock()))
        return Decision(count <= most, most, max(0, most - count), reset, window)

    def spent(self, subject: str) -> bool:
        limit = self._limit
        return limit is not None and self._storage.get(limit.key_for(subject)) >= limit.amount


def limits_of(url: str, requests: str, callbacks: str) -> Limits:
    """The one place that knows where is counted; a shared counter would be the library's own storage, whose
    windows end by `time.time`.
    """
    if url != "memory://":
        raise ValueError(f"nothing can be counted at {url}")
    return Limits(MemoryRateLimit(requests), MemoryRateLimit(callbacks), MemoryRateLimit(FORGERIES))


def client_address(scope: Mapping[str, Any], trusted_proxies: Sequence[Network]) -> str:
    """The right-most address that is no trusted proxy's; empty when there is none (a Unix socket)."""
    peer = _peer(scope)
    if peer is None:
        return str(scope["client"][0]) if scope.get("client") else ""
    for text in reversed(list(_forwarded(scope))):
        if not _within(peer, trusted_proxies):
            break
        further = _address(text)
        if further is None:
            break
        peer = further
    return str(peer)


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


def _within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)
