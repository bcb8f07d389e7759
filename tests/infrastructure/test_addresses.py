"""An address is believed only from trusted proxies, and an IPv6 user is a whole network."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.addresses import address_subject, client_address

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


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


def test_what_is_far_too_long_is_no_address() -> None:
    endless = "1" * 10_000
    assert client_address(scope(("10.0.0.1", 1), endless), PROXIES) == "10.0.0.1"
    assert address_subject(endless) == endless
