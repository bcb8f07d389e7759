"""Sending people out when the Document Server or the journal is not at its best, on a mock clock."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from application.journal import FileRow, Journal
from application.people import Person
from application.ports import Answer, ServerUnreachable
from application.ushering import PAUSE, Usher
from domain.file import EVERYBODY
from domain.words import Access
from tests.application.conftest import ADA, BOB, Stage, callback

ROOT = Person("root", "Root", "admin")


async def editing(stage: Stage, nursery: trio.Nursery) -> tuple[Usher, str, str]:
    """Bob, who may edit as everybody may, is there with Ada."""
    row = await stage.file()
    opening = await stage.door.open(row.id, ADA, "::1")
    await stage.door.open(row.id, BOB, "::2")
    await stage.callbacks.receive(callback(opening.key, 1, users=["ada", "bob"]))
    return Usher(nursery, stage.desk, stage.world), row.id, opening.key


async def test_what_cannot_be_saved_in_time_keeps_nobody_there(
    stage: Stage, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    usher, _, key = await editing(stage, nursery)
    stage.server.answers["forcesave"] = 0  # and then nothing comes
    start = trio.current_time()
    assert await usher.send_out(key, ["bob"], ROOT) == ["bob"]
    assert stage.server.asked("drop") == [start + stage.world.patience.replacing]


async def test_who_cannot_be_reached_is_sent_out_all_the_same(
    stage: Stage, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    usher, _, key = await editing(stage, nursery)
    stage.server.answers["forcesave"] = ServerUnreachable("not now")
    assert await usher.send_out(key, ["bob", "ada"], ADA) == ["ada", "bob"]
    assert stage.types(key)[-2:] == ["SentOut", "SentOut"]


async def test_a_refused_drop_is_said_and_tried_again_when_the_server_speaks(
    stage: Stage, nursery: trio.Nursery, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    usher, file, key = await editing(stage, nursery)
    stage.server.answers["drop"] = 6
    await stage.files.share(file, EVERYBODY, "everybody", Access.VIEW, ADA)
    await usher.mind(file)
    await trio.sleep(1)
    assert "could not be sent out: it answered 6" in caplog.text
    stage.server.answers["drop"] = 0
    usher.look(key)
    await trio.sleep(1)
    assert len(stage.server.asked("drop")) == 2
    assert stage.types(key).count("SentOut") == 1


async def test_what_changes_while_people_are_sent_out_is_heeded_too(
    stage: Stage, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    usher, file, key = await editing(stage, nursery)
    carol = Person("carol", "Carol")
    await stage.door.open(file, carol, "::3")
    going = trio.Event()

    async def slowly(_: str) -> Answer:
        going.set()
        await trio.sleep(5)
        return Answer(4, {"error": 4})

    stage.server.answers["forcesave"] = slowly
    await stage.files.share(file, "carol", "Carol", Access.EDIT, ADA)
    await stage.files.share(file, EVERYBODY, "everybody", Access.VIEW, ADA)
    await usher.mind(file)
    await going.wait()
    await stage.files.share(file, "carol", "Carol", Access.NONE, ADA)
    await usher.mind(file)
    await trio.sleep(20)
    assert len(stage.server.asked("drop")) == 2
    assert stage.types(key).count("SentOut") == 2


async def test_of_nobody_there_nothing_is_asked(
    stage: Stage, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    usher, file, key = await editing(stage, nursery)
    usher.look(key)
    usher.look("unknown")
    await usher.mind(file)
    await trio.sleep(1)
    assert stage.server.commands == []


async def test_a_look_at_what_was_just_said_asks_nobody_unless_somebody_seems_to_overstay(
    stage: Stage, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    usher, file, key = await editing(stage, nursery)
    said = await stage.desk.ask(key)
    assert said is not None
    await stage.files.share(file, EVERYBODY, "everybody", Access.VIEW, ADA)
    usher.look(key, replace(said, users=frozenset({"ada"}), admissions=()))
    await trio.sleep(30)
    assert not stage.server.asked("drop")
    usher.look(key, said)
    await trio.sleep(30)
    assert len(stage.server.asked("drop")) == 1
    assert stage.types(key)[-1] == "SentOut"


class Counted:
    """A journal, and when it was asked for a file."""

    def __init__(self, journal: Journal) -> None:
        self._journal, self.looks = journal, list[float]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    async def file(self, file_id: str) -> FileRow | None:
        self.looks.append(trio.current_time())
        return await self._journal.file(file_id)


async def test_a_class_that_comes_in_is_looked_at_as_one_and_nobody_is_missed(
    stage: Stage, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    _, file, key = await editing(stage, nursery)
    journal: Any = Counted(stage.world.journal)
    usher = Usher(nursery, stage.desk, replace(stage.world, journal=journal))
    said = await stage.desk.ask(key)
    for _ in range(100):
        usher.look(key, said)
        await trio.sleep(0.01)
    assert 1 < len(journal.looks) <= 1 / PAUSE + 1
    began = trio.current_time()
    await stage.files.share(file, EVERYBODY, "everybody", Access.VIEW, ADA)
    usher.look(key, said)
    await trio.sleep(30)
    (sent,) = stage.server.asked("drop")
    assert sent <= began + PAUSE + stage.world.patience.replacing


async def test_an_old_word_sends_nobody_out(
    stage: Stage, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    usher, file, key = await editing(stage, nursery)
    said = await stage.desk.ask(key)
    await trio.sleep(60)
    await stage.callbacks.receive(callback(key, 4))
    assert stage.types(key)[-1] == "Closed"
    await stage.files.share(file, EVERYBODY, "everybody", Access.VIEW, ADA)
    usher.look(key, said)
    await trio.sleep(30)
    assert not stage.server.asked("drop")
