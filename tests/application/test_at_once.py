"""What changes nothing is answered at once, but never while something else is being decided."""

from __future__ import annotations

from dataclasses import replace

import trio
from trio.testing import MockClock

from domain import commands
from domain.words import Mode
from tests.application.conftest import ADA, Stage, now


async def let_in(stage: Stage) -> tuple[str, str, commands.Admit]:
    """A file, the key that it is open under, and the admission that led there."""
    row = await stage.file()
    opening = await stage.door.open(row.id, ADA, "::1")
    admit = commands.Admit(
        at=now(),
        user=ADA.id,
        name=ADA.name,
        mode=Mode.EDIT,
        address="::1",
        head=row.file.head,
        reuse=stage.world.patience.reuse,
    )
    return row.id, opening.key, admit


async def test_whoever_is_let_in_again_waits_for_nobody(stage: Stage, autojump_clock: MockClock) -> None:
    _, key, admit = await let_in(stage)
    with trio.CancelScope() as scope:
        scope.cancel()  # any wait would end here
        assert await stage.desk.ask(key, admit) == await stage.desk.ask(key)
    assert not scope.cancelled_caught
    assert stage.types(key) == ["Opened", "Admitted"]


async def test_it_counts_as_an_admission(stage: Stage, autojump_clock: MockClock) -> None:
    """Auto-save goes on for whoever reloads the page, and a late status 4 does not close it under them."""
    _, key, admit = await let_in(stage)
    await trio.sleep(500)
    asked = len(stage.server.asked("forcesave"))
    await stage.desk.ask(key, replace(admit, at=now()))
    await trio.sleep(60)
    assert len(stage.server.asked("forcesave")) == asked + 2


async def test_what_is_new_is_recorded(stage: Stage, autojump_clock: MockClock) -> None:
    _, key, admit = await let_in(stage)
    await stage.desk.ask(key, replace(admit, address="::2"))
    assert stage.types(key) == ["Opened", "Admitted", "Admitted"]


async def test_nobody_is_let_into_what_is_being_closed(stage: Stage, autojump_clock: MockClock) -> None:
    _, key, admit = await let_in(stage)
    await trio.sleep(5)
    async with trio.open_nursery() as nursery:
        stage.journal.hanging = 2
        nursery.start_soon(stage.desk.ask, key, commands.CloseUnknown(at=now()))
        await trio.sleep(1)
        document = await stage.desk.ask(key, replace(admit, at=now()))
    row = await stage.journal.document(key)
    assert document
    assert row
    assert (document.closed is None) == (row.closed_at is None), "what was said holds"


async def test_a_look_waits_for_what_is_being_recorded(stage: Stage, autojump_clock: MockClock) -> None:
    _, key, admit = await let_in(stage)
    stage.journal.hanging = 3
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stage.desk.ask, key, replace(admit, user="bob", name="Bob"))
        await trio.sleep(1)
        document = await stage.desk.ask(key)
    assert document
    assert "bob" in document.names
