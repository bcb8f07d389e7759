"""The rate limit counts per subject and window, and an address is believed only from trusted proxies."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.limits import (
    MOST_SUBJECTS,
    MemoryRateLimit,
    WindowStorage,
    address_subject,
    client_address,
    limits_of,
)

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_last_allowed_request_and_the_first_refused() -> None:
    limit = MemoryRateLimit("3/minute", Clock())
    assert [limit.hit("a").remaining for _ in range(3)] == [2, 1, 0]
    refused = limit.hit("a")
    assert not refused.allowed
    assert refused.headers() == {
        "RateLimit-Policy": '"requests";q=3;w=60',
        "RateLimit": '"requests";r=0;t=60',
        "RateLimit-Limit": "3",
        "RateLimit-Remaining": "0",
        "RateLimit-Reset": "60",
        "Retry-After": "60",
    }
    assert limit.hit("b").allowed, "others are not punished"


def test_a_new_window_begins_when_the_old_one_is_over() -> None:
    clock = Clock()
    limit = MemoryRateLimit("1/15 minutes", clock)
    assert limit.hit("a").headers() == {
        "RateLimit-Policy": '"requests";q=1;w=900',
        "RateLimit": '"requests";r=0;t=900',
        "RateLimit-Limit": "1",
        "RateLimit-Remaining": "0",
        "RateLimit-Reset": "900",
    }
    clock.now += 899.5
    assert limit.hit("a").reset_seconds == 1
    clock.now += 0.5
    assert limit.hit("a").allowed


def test_off_allows_all_and_says_nothing() -> None:
    decision = MemoryRateLimit("off").hit("a")
    assert decision.allowed
    assert decision.headers() == {}


def test_whether_it_is_spent_can_be_asked_without_counting() -> None:
    limit = MemoryRateLimit("2/minute", Clock())
    for spent in (False, False, True, True):
        assert [limit.spent("a") for _ in range(3)] == [spent] * 3
        limit.hit("a")
    assert not limit.spent("b")
    assert not MemoryRateLimit("off").spent("a")


def test_a_flood_of_subjects_is_not_remembered_without_bound() -> None:
    storage = WindowStorage(Clock())
    for number in range(MOST_SUBJECTS + 10):
        storage.incr(f"client {number}", 900)
    assert storage.get("client 9") == 0
    assert storage.get("client 10") == 1
    assert storage.reset() == MOST_SUBJECTS


def test_where_is_counted_is_said_in_one_place() -> None:
    limits = limits_of("memory://", "1/minute", "off")
    assert [limits.requests.hit("a").allowed for _ in range(2)] == [True, False]
    assert limits.callbacks.hit("a").allowed
    assert limits.forgeries.hit("a").limit
    with pytest.raises(ValueError, match="redis"):
        limits_of("redis://localhost", "1/minute", "off")


def test_finished_windows_are_forgotten() -> None:
    clock = Clock()
    storage = WindowStorage(clock)
    for number in range(1000):
        storage.incr(f"client {number}", 60)
    clock.now += 61
    storage.incr("late", 60)
    assert storage.get("client 1") == 0
    assert storage.reset() == 1


def test_a_clock_set_back_locks_nobody_out() -> None:
    clock = Clock(1_000_000.0)
    limit = MemoryRateLimit("1/minute", clock)
    limit.hit("a")
    clock.now = 0
    assert limit.hit("a").allowed


def test_the_storage_keeps_the_librarys_promises() -> None:
    storage = WindowStorage(Clock())
    assert storage.check()
    assert storage.incr("a", 60, amount=5) == storage.get("a") == 5
    assert storage.get_expiry("a") == 1060
    storage.clear("a")
    assert storage.get("a") == 0
    assert storage.base_exceptions is ValueError


def test_counting_starts_no_thread() -> None:
    before = threading.active_count()
    limit = MemoryRateLimit("10000/15 minutes")
    for number in range(1000):
        limit.hit(f"{number}")
    assert threading.active_count() == before


def scope(client: tuple[str, int] | None, *forwarded: str) -> dict[str, Any]:
    headers = [(b"host", b"x"), *((b"x-forwarded-for", value.encode()) for value in forwarded)]
    return {"client": client, "headers": headers}


@pytest.mark.parametrize(
    ("client", "forwarded", "address"),
    [
        ("192.0.2.1", ["198.51.100.9"], "192.0.2.1"),  # a stranger's header is not believed
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.9"], "198.51.100.9"),
        ("10.0.0.1", ["203.0.113.5, 198.51.100.9"], "198.51.100.9"),  # the left one may be made up
        ("10.0.0.1", ["203.0.113.5", "198.51.100.9 , 10.0.0.2"], "198.51.100.9"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["203.0.113.5, unknown, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.9:4711"], "198.51.100.9"),
        ("fd00::1", ["[2001:DB8::0:1]:4711"], "2001:db8::1"),
        ("fd00::1%eth0", ["2001:db8:0:0::1"], "2001:db8::1"),
        ("::ffff:10.0.0.1", ["::ffff:198.51.100.9"], "198.51.100.9"),
        ("testclient", ["198.51.100.9"], "testclient"),
    ],
)
def test_the_right_most_untrusted_address_counts(client: str, forwarded: list[str], address: str) -> None:
    assert client_address(scope((client, 1), *forwarded), PROXIES) == address


def test_a_unix_socket_has_no_address() -> None:
    assert client_address(scope(None, "198.51.100.9"), PROXIES) == ""


@given(forwarded=st.text(st.characters(codec="latin-1")))
def test_no_header_breaks_it_and_a_stranger_stays_who_he_is(forwarded: str) -> None:
    headers = [(b"X-Forwarded-For", forwarded.encode("latin-1"))]
    assert client_address({"client": ("192.0.2.1", 1), "headers": headers}, PROXIES) == "192.0.2.1"
    client_address({"client": ("10.0.0.1", 1), "headers": headers}, PROXIES)


def test_an_ipv6_user_is_counted_by_network() -> None:
    assert address_subject("2001:db8::1") == address_subject("2001:db8::ffff") == "2001:db8::/64"
    assert address_subject("198.51.100.9") == "198.51.100.9"
    assert address_subject("testclient") == "testclient"
