"""What every rate limit does, wherever it counts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import trio

from application.limits import Limits
from infrastructure.limits import limits_of
from tests.engines.redis import Redis

Counting = Callable[..., Limits]
SECOND = 1.0


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.scale)])
def counting(request: pytest.FixtureRequest) -> Counting:
    """Of requests; `callbacks` may be limited as well."""
    url = "memory://"
    if request.param == "redis":
        redis_server: Redis = request.getfixturevalue("redis_server")
        url = redis_server.url
    return lambda requests, callbacks="off": limits_of(url, requests, callbacks)


async def test_the_last_allowed_request_and_the_first_refused(counting: Counting) -> None:
    limit = counting("3/minute").requests
    assert [(await limit.hit("a")).remaining for _ in range(3)] == [2, 1, 0]
    refused = await limit.hit("a")
    assert not refused.allowed
    assert refused.headers() == {
        "RateLimit-Policy": '"requests";q=3;w=60',
        "RateLimit": '"requests";r=0;t=60',
        "RateLimit-Limit": "3",
        "RateLimit-Remaining": "0",
        "RateLimit-Reset": "60",
        "Retry-After": "60",
    }
    assert (await limit.hit("b")).allowed, "others are not punished"


async def test_off_allows_all_and_says_nothing(counting: Counting) -> None:
    limit = counting("off").requests
    for _ in range(3):
        decision = await limit.hit("a")
        assert decision.allowed
        assert decision.headers() == {}


async def test_who_waits_as_long_as_he_was_told_is_let_in_again(counting: Counting) -> None:
    limit = counting("1/second").requests
    assert (await limit.hit("a")).allowed
    refused = await limit.hit("a")
    assert not refused.allowed
    await trio.sleep(refused.reset_seconds)  # Redis has no clock that could be moved
    assert (await limit.hit("a")).allowed


async def test_each_refusal_counts_but_makes_no_window_longer(counting: Counting) -> None:
    limit = counting("1/second").requests
    began = trio.current_time()
    while trio.current_time() < began + 1.5 * SECOND:
        if (await limit.hit("a")).allowed and trio.current_time() > began + SECOND / 2:
            break
        await trio.sleep(SECOND / 50)
    assert SECOND - 0.1 < trio.current_time() - began < 1.4 * SECOND


async def test_requests_and_callbacks_of_one_name_are_counted_apart(counting: Counting) -> None:
    limits = counting("1/minute", "1/minute")
    for limit in (limits.requests, limits.callbacks, limits.forgeries):
        assert (await limit.hit("a")).allowed
    assert not (await limits.callbacks.hit("a")).allowed
    assert not limits.forgeries.spent("a")


@pytest.mark.parametrize("subject", ["", "2001:db8::/64", "file ü/../*", "a" * 2000, "a b\r\nFLUSHALL\r\n"])
async def test_any_subject_can_be_counted(counting: Counting, subject: str) -> None:
    limit = counting("1/minute").requests
    assert [(await limit.hit(subject)).allowed for _ in range(2)] == [True, False]
    assert (await limit.hit(f"{subject}/1")).allowed


async def test_of_many_at_once_no_more_than_allowed_are_let_in(counting: Counting) -> None:
    limit = counting("10/minute").requests
    let_in: list[bool] = []

    async def ask() -> None:
        let_in.append((await limit.hit("a")).allowed)

    async with trio.open_nursery() as nursery:
        for _ in range(30):
            nursery.start_soon(ask)
    assert let_in.count(True) == 10
