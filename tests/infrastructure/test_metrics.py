"""What is counted of what happened, before anybody asks for it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import trio
from prometheus_client.parser import text_string_to_metric_families
from trio.testing import MockClock

from application.changes import Change, FileChange
from application.journal import JournalFailed
from application.ports import (
    Answer,
    Blob,
    DownloadFailed,
    DownloadGone,
    ServerUnreachable,
    StorageFailed,
    TooLarge,
)
from domain import commands, events
from domain.commands import Command
from domain.events import DocumentEvent
from domain.file import File
from domain.words import Next, Source, Trigger
from infrastructure.event_loop import EventLoop
from infrastructure.metrics import Metrics
from infrastructure.metrics.document_server import ObservedServer
from infrastructure.metrics.gauges import Gauge
from infrastructure.metrics.offers import Outcome, outcomes
from tests.story import EDITING, Story, at, forcesaved, offered, saved, stored, take

WAITING = EDITING.then(offered(1, 6, 30))
FINISHING = EDITING.then(offered(2, 2, 60))


def version(trigger: Trigger) -> FileChange:
    added = events.VersionAdded(
        at=at(31), number=2, sha256="a", size=1, trigger=trigger, filetype="docx", head=False
    )
    return FileChange("f", 1, (added,), File("a.docx", "ada", "Ada"))


def failure(next_: Next) -> events.Errored:
    offer = offered(1, 6, 30).offer
    return events.Errored(at=at(40), source=Source.DOWNLOAD, detail="no", attempt=1, next=next_, offer=offer)


def came_to(story: Story, cause: Command, facts: Sequence[DocumentEvent], *others: Change) -> list[Outcome]:
    return list(outcomes(cause, story.document, facts, others))


@pytest.mark.parametrize(
    ("fact", "other", "what"),
    [
        (forcesaved(), version(Trigger.COMMAND), "stored"),
        (forcesaved(head=False), version(Trigger.COMMAND), "beside"),
        (forcesaved(head=False), version(Trigger.CONFLICT), "conflict"),
    ],
)
def test_a_stored_offer_is_where_it_was_put(fact: DocumentEvent, other: Change, what: str) -> None:
    (outcome,) = came_to(WAITING, stored(), (fact,), other)
    assert (outcome.trigger, outcome.what) == ("command", what)
    assert outcome.lag == forcesaved().lag


def test_a_final_says_so_though_its_fact_does_not() -> None:
    assert [o.trigger for o in came_to(FINISHING, stored(2, 2, 61), (saved(),))] == ["final"]


@pytest.mark.parametrize(
    ("next_", "what"),
    [(Next.GIVE_UP, ["given_up"]), (Next.QUARANTINE, ["quarantined"]), (Next.RETRY, [])],
)
def test_only_the_last_failure_is_an_outcome(next_: Next, what: list[str]) -> None:
    cause = commands.NoteFailure(
        at=at(40), source=Source.DOWNLOAD, detail="no", attempt=1, next=next_, offer=failure(next_).offer
    )
    assert [o.what for o in came_to(WAITING, cause, (failure(next_),))] == what


def test_a_repeated_callback_is_one_that_leads_to_nothing() -> None:
    again = take(1, 6, 32)
    assert [o.what for o in came_to(WAITING, again, ())] == ["repeated"]
    assert came_to(EDITING, again, (offered(1, 6, 32),)) == []
    assert list(outcomes(again, None, (), ())) == [], "a key that was never ours"


def test_what_a_sidecar_tells_is_counted_as_the_offer_that_it_was() -> None:
    told = commands.TakeStored(at=at(200), offer=take(1, 6, 30), sha256="a", size=1)
    once = came_to(EDITING, told, (offered(1, 6, 30), forcesaved()))
    assert [(o.trigger, o.what) for o in once] == [("command", "stored")]
    assert [o.what for o in came_to(EDITING, told, ())] == ["repeated"]


async def read(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """By the name, and the labels' values in the order of their names."""
    text, _ = await metrics.exposed("")
    families = text_string_to_metric_families(text.decode())
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for each in families
        for sample in each.samples
    }


async def test_whatever_a_callback_claims_to_be_there_are_few_series() -> None:
    metrics = Metrics()
    for status in range(-500, 500):
        metrics.saves.replied(status, 200, 0, 0.01)
        metrics.requested("other", f"METHOD{status}", 404, 0.01)
    values = await read(metrics)
    assert len([name for name in values if name[0] == "docledger_callbacks_total"]) == 9
    assert values["docledger_http_requests_total", "other", "other", "4xx"] == 1000


async def test_two_services_in_a_process_do_not_count_for_each_other() -> None:
    one, other = Metrics(), Metrics()
    one.requested("/", "GET", 200, 0.1)
    assert ("docledger_http_requests_total", "GET", "/", "2xx") in await read(one)
    assert ("docledger_http_requests_total", "GET", "/", "2xx") not in await read(other)


async def test_what_cannot_be_read_is_left_out_and_does_not_hold_up_the_rest(
    autojump_clock: MockClock,
) -> None:
    async def fails() -> float:
        raise JournalFailed("no")

    async def waits() -> float:
        await trio.sleep(1)
        return 2.0

    async def hangs() -> float:
        await trio.sleep_forever()
        return 3.0

    metrics = Metrics()
    metrics.readings.add(
        Gauge("one", "One", lambda: 1.0),
        Gauge("unknown", "Unknown", lambda: None),
        Gauge("failing", "Failing", fails),
        Gauge("two", "Two", waits),
        Gauge("by_age", "By age", lambda: {"60": 5.0}, label="seconds"),
        Gauge("hanging", "Hanging", hangs),
    )
    with trio.fail_after(3):
        values = await read(metrics)
    ours = {name: value for name, value in values.items() if name[0].removeprefix("docledger_") in NAMES}
    assert ours == {
        ("docledger_one",): 1,
        ("docledger_two",): 2,
        ("docledger_by_age", "60"): 5,
    }


NAMES = {"one", "unknown", "failing", "two", "by_age", "hanging"}


class Server:
    """Answers and serves what it is told, after a second."""

    def __init__(self, *says: int | Blob | Exception) -> None:
        self._says = list(says)

    async def command(self, name: str, key: str | None = None, **parameters: object) -> Answer:
        said = await self._next()
        assert isinstance(said, int)
        return Answer(said, {})

    async def fetch(self, url: str) -> Blob:
        said = await self._next()
        assert isinstance(said, Blob)
        return said

    async def _next(self) -> int | Blob:
        await trio.sleep(1)
        said = self._says.pop(0)
        if isinstance(said, Exception):
            raise said
        return said


async def test_commands_are_counted_by_their_answer(autojump_clock: MockClock) -> None:
    metrics = Metrics()
    server = ObservedServer(Server(0, 4, 4, 99, ServerUnreachable("no")), metrics.registry)
    for _ in range(4):
        await server.command("forcesave", "k")
    with pytest.raises(ServerUnreachable):
        await server.command("info", "k")
    with trio.move_on_after(0.5):
        await server.command("info", "k")
    values = await read(metrics)
    counted = {name[1:]: value for name, value in values.items() if name[0] == "docledger_commands_total"}
    assert counted == {
        ("ok", "forcesave"): 1,
        ("nothing_new", "forcesave"): 2,
        ("other", "forcesave"): 1,
        ("unreachable", "info"): 1,
        ("not_awaited", "info"): 1,
    }
    assert values["docledger_command_seconds_sum", "forcesave"] == 4


async def test_downloads_are_counted_by_their_end(autojump_clock: MockClock) -> None:
    metrics = Metrics()
    troubles = [DownloadGone("no"), DownloadFailed("no"), TooLarge("no"), StorageFailed("no")]
    server = ObservedServer(Server(Blob("a", 70), *troubles, Blob("b", 30)), metrics.registry)
    await server.fetch("http://server/1")
    for trouble in troubles:
        with pytest.raises(type(trouble)):
            await server.fetch("http://server/1")
    await server.fetch("http://server/1")
    values = await read(metrics)
    counted = {name[1]: value for name, value in values.items() if name[0] == "docledger_downloads_total"}
    assert counted == {"stored": 2, "gone": 1, "failed": 1, "too_large": 1, "not_stored": 1}
    assert values["docledger_download_bytes_total",] == 100
    assert values["docledger_download_seconds_sum",] == 2


async def test_an_event_loop_that_is_held_is_found_late(nursery: trio.Nursery, mock_clock: MockClock) -> None:
    lags: list[float] = []
    loop = EventLoop(lags.append)
    nursery.start_soon(loop.run)
    for passed in (0.5, 3.5, 0.5):  # the second time the clock goes on while nothing else does
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(passed)
    await trio.testing.wait_all_tasks_blocked()
    assert lags == [0, 3, 0]
    assert loop.lag == 3
    for _ in range(10):
        mock_clock.jump(0.5)
        await trio.testing.wait_all_tasks_blocked()
    assert loop.lag == 0, "what was long ago is forgotten"
    nursery.cancel_scope.cancel()
