"""An examination whatever happens in it: things hang, things crash, nobody listens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from application.doctor.checks import Check, Verdict, failed, plain, summary
from application.doctor.doctor import Doctor
from application.doctor.examination import NAMES, Examination
from application.doctor.landing import Board, Landing
from application.doctor.seen import BlobTrip, Counting, Database, Disk, Heard, Leftovers, Setup
from application.ports import Answer
from infrastructure.tokens import JwtTokens

SETUP = Setup(
    demo=False,
    standin=False,
    loopback=False,
    public_url="https://files.example.com",
    storage_url="https://files.example.com",
    server_url="https://office.example.com",
    internal_url="http://office:80",
)
TOKENS = JwtTokens("our own secret", "the Document Server's", None)


async def never(*_: Any, **__: Any) -> Any:
    await trio.sleep_forever()


async def crash(*_: Any, **__: Any) -> Any:
    raise RuntimeError(TOKENS.operator_token())


@dataclass
class Server:
    """`ask` is what becomes of every question."""

    ask: Callable[..., Awaitable[Any]]

    async def command(self, name: str, key: str | None = None, **parameters: Any) -> Answer:
        answer: Answer = await self.ask()
        return answer

    async def convert(self, url: str, *, filetype: str, outputtype: str, key: str, title: str = "") -> str:
        return str(await self.ask())

    async def fetch(self, url: str) -> Any:
        return await self.ask()


@dataclass
class Instruments:
    """`what` becomes of every look, but for those that `saw` something."""

    what: Callable[..., Awaitable[Any]]
    saw: dict[str, Any] = field(default_factory=dict)
    setup: Setup = SETUP

    @property
    def server(self) -> Server:
        return Server(self.what)

    stranger = server

    async def _look(self, name: str) -> Any:
        return self.saw[name] if name in self.saw else await self.what()

    async def get(self, url: str) -> Heard:
        return await self._look("get")

    async def fetched(self, url: str) -> bytes:
        return await self._look("fetched")

    async def addresses(self, url: str) -> tuple[str, ...]:
        return await self._look("addresses")

    async def disks(self) -> Sequence[Disk]:
        return await self._look("disks")

    async def blobs(self) -> BlobTrip | None:
        return await self._look("blobs")

    async def database(self) -> Database:
        return await self._look("database")

    async def counting(self) -> Counting:
        return await self._look("counting")

    async def open_keys(self) -> Sequence[str]:
        return await self._look("open_keys")

    async def leftovers(self) -> Leftovers:
        return await self._look("leftovers")


def now() -> datetime:
    return datetime(2026, 11, 23, 9, tzinfo=UTC)


def landing(board: Board | None = None) -> Landing:
    return Landing(TOKENS, lambda address: False, board)


async def examined(look: Instruments, place: Landing | None) -> dict[str, Check]:
    checks = await Examination(look, place, now).run()
    assert [check.name for check in checks] == list(NAMES), "every check, once and in order"
    return {check.name: check for check in checks}


async def test_when_everything_hangs_it_ends_within_half_a_minute(autojump_clock: MockClock) -> None:
    seen = await examined(Instruments(never), landing())
    assert trio.current_time() < 30
    assert seen["disk"].verdict is Verdict.FAIL
    assert "took longer than 27 s" in seen["disk"].detail
    assert seen["settings"].verdict is Verdict.OK


@pytest.mark.parametrize("health", ["true", "false"])
async def test_a_server_that_says_it_is_well_and_then_hangs(autojump_clock: MockClock, health: str) -> None:
    seen = await examined(Instruments(never, {"get": Heard(200, health)}), landing())
    assert trio.current_time() < 30
    assert seen["document_server"].verdict is (Verdict.OK if health == "true" else Verdict.FAIL)
    assert seen["secret"].verdict is Verdict.FAIL


async def test_a_check_that_crashes_is_a_failed_check_and_tells_nothing_secret(
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen = await examined(Instruments(crash), landing())
    assert seen["database"] == Check(
        "database",
        Verdict.FAIL,
        "The check itself failed: RuntimeError.",
        "Run it again; the log may say more.",
    )
    assert seen["settings"].verdict is Verdict.OK
    assert len([record for record in caplog.records if record.exc_info]) == 8


async def test_without_a_place_to_land_it_says_so_and_looks_at_the_rest() -> None:
    async def well(*_: Any) -> Answer:
        return Answer(0, {"version": "10.0.0.1"})

    saw = {
        "get": Heard(200, "true"),
        "disks": [Disk("DATA_DIR", "/data", free=10**12)],
        "blobs": BlobTrip(),
        "database": Database("/data/docledger.db", facts=1),
        "counting": Counting(""),
        "leftovers": Leftovers(),
    }
    seen = await examined(Instruments(well, saw), None)
    for name in ("reaches_us", "results", "callbacks", "public_url", "storage_url", "proxy"):
        assert seen[name].verdict is Verdict.WARN
        assert "see the check service" in seen[name].detail
    assert seen["version"].verdict is seen["database"].verdict is Verdict.OK


async def test_whoever_comes_during_an_examination_gets_what_it_finds(autojump_clock: MockClock) -> None:
    count = 0

    async def examine(_: Landing) -> Sequence[Check]:
        nonlocal count
        count += 1
        await trio.sleep(10)
        return [Check("disk", Verdict.OK, str(count))]

    doctor = Doctor(landing(), examine, now, "")
    told: list[str] = []

    async def ask() -> None:
        told.append((await doctor.examine()).checks[0].detail)

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(ask)
    assert (count, told) == (1, ["1", "1", "1"])
    await ask()
    assert told[-1] == "2"


async def test_a_probe_lives_as_long_as_its_examination() -> None:
    place = landing()
    async with place.opened() as probe:
        assert await place.visited(probe.nonce, "198.51.100.7", None, forwarded=False)
        assert probe.visit is not None
        assert probe.visit.signed is None
        assert await place.called(probe.nonce, b"{}", None)
        assert probe.call is not None
        assert probe.call.refused == "the callback is not signed"
    assert await place.visited(probe.nonce, "198.51.100.7", None, forwarded=False) is None
    assert not await place.called(probe.nonce, b"{}", None)


def test_what_it_comes_to_in_a_line_and_in_json() -> None:
    checks = [
        Check("disk", Verdict.OK, "Room."),
        Check("log", Verdict.WARN, "Late.", "Wait."),
        Check("secret", Verdict.FAIL, "Wrong.", "Mend."),
        Check("version", Verdict.FAIL, "Old.", "Update."),
    ]
    assert summary(checks) == "1 ok, 1 warning, 2 failures"
    assert summary(checks[:1]) == "1 ok, 0 warnings, 0 failures"
    assert failed(checks)
    assert not failed(checks[:2])
    assert plain(checks[:2]) == {
        "checks": [
            {"name": "disk", "verdict": "ok", "detail": "Room.", "remedy": ""},
            {"name": "log", "verdict": "warn", "detail": "Late.", "remedy": "Wait."},
        ]
    }
