"""A file is replaced from outside while people edit it: nothing of either is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import trio
from trio.testing import MockClock

from application.files import Changed
from application.ports import Answer, Blob, ServerUnreachable
from application.replacing import Replacing
from tests.application.conftest import ADA, BOB, Stage, callback, saving

NAMED = "http://ds/cache/files/data/k_{}/output.docx/output.docx?md5=x&expires=99999999999"


class Editing:
    """A document that Ada edits, at a server that saves and sends out as a real one does."""

    def __init__(self, stage: Stage, file: str, key: str, nursery: trio.Nursery) -> None:
        self.file, self.key = file, key
        self.unsaved: bytes | None = b"being typed"
        self.final: bytes | None = b"being typed"
        self._stage, self._nursery = stage, nursery
        self._saves = 0
        stage.server.answers |= {"forcesave": self._forcesave, "drop": self._drop}

    async def _forcesave(self, _key: str | None) -> int:
        if self.unsaved is None:
            return 4
        self._deliver(6, self.unsaved)
        self.unsaved = None
        return 0

    async def _drop(self, _key: str | None) -> int:
        if self.final is None:
            self._nursery.start_soon(self._stage.callbacks.receive, callback(self.key, 4))
        else:
            self._deliver(2, self.final)
        return 0

    def _deliver(self, status: int, content: bytes) -> None:
        self._saves += 1
        url = NAMED.format(self._saves)
        self._stage.server.results[url] = content

        async def deliver() -> None:
            await trio.sleep(1)
            await self._stage.callbacks.receive(saving(self.key, url, status))

        self._nursery.start_soon(deliver)


@pytest.fixture
async def editing(stage: Stage, nursery: trio.Nursery) -> Editing:
    row = await stage.file()
    key = (await stage.door.open(row.id, ADA, "::1")).key
    await stage.callbacks.receive(callback(key, 1, users=["ada"]))
    await trio.sleep(60)
    return Editing(stage, row.id, key, nursery)


@pytest.fixture
def replacing(stage: Stage) -> Replacing:
    return Replacing(stage.desk, stage.world, stage.files)


async def uploaded(stage: Stage, content: bytes = b"uploaded") -> Blob:
    async def chunks() -> AsyncIterator[bytes]:
        yield content

    return await stage.files.store(chunks())


async def test_what_is_typed_is_saved_and_everybody_sent_out_before_an_upload(
    stage: Stage, editing: Editing, replacing: Replacing, autojump_clock: MockClock
) -> None:
    row = await replacing.put(editing.file, await uploaded(stage), BOB, expected=None)
    assert [v.trigger for v in await stage.journal.versions(editing.file)] == [
        "upload",
        "command",
        "upload",
    ]
    assert (row.file.head, row.live) == (3, None)
    document = await stage.journal.document(editing.key)
    assert document
    assert document.closed_reason == "saved"
    assert (await stage.door.open(editing.file, ADA, "::1")).version == 3


async def test_a_final_that_differs_is_a_version_before_the_upload(
    stage: Stage, editing: Editing, replacing: Replacing, autojump_clock: MockClock
) -> None:
    editing.final = b"typed in the last second"
    await replacing.put(editing.file, await uploaded(stage), BOB, expected=None)
    versions = await stage.journal.versions(editing.file)
    kept = [(stage.blobs.stored[v.sha256], v.trigger, v.head) for v in versions[1:]]
    assert kept == [
        (b"being typed", "command", True),
        (b"typed in the last second", "final", True),
        (b"uploaded", "upload", True),
    ]


async def test_what_is_being_typed_is_a_change_that_if_match_minds_and_nobody_is_sent_out(
    stage: Stage, editing: Editing, replacing: Replacing, autojump_clock: MockClock
) -> None:
    with pytest.raises(Changed):
        await replacing.put(editing.file, await uploaded(stage), BOB, expected=1)
    assert not stage.server.asked("drop")
    assert len(await stage.journal.versions(editing.file)) == 2


async def test_the_sessions_own_last_save_is_no_change_that_if_match_minds(
    stage: Stage, editing: Editing, replacing: Replacing, autojump_clock: MockClock
) -> None:
    editing.unsaved, editing.final = None, b"the same, assembled anew"
    row = await replacing.put(editing.file, await uploaded(stage), BOB, expected=1)
    assert row.file.head == 3


async def test_a_restore_is_a_new_version_after_the_sessions_last(
    stage: Stage, editing: Editing, replacing: Replacing, autojump_clock: MockClock
) -> None:
    row = await replacing.restore(editing.file, 1, BOB)
    versions = await stage.journal.versions(editing.file)
    assert [v.trigger for v in versions] == ["upload", "command", "restore"]
    assert (row.file.head, versions[-1].restored) == (3, 1)
    assert stage.server.asked("drop")


async def test_people_who_changed_nothing_are_sent_out_too(
    stage: Stage, editing: Editing, replacing: Replacing, autojump_clock: MockClock
) -> None:
    editing.unsaved = editing.final = None
    await replacing.put(editing.file, await uploaded(stage), BOB, expected=1)
    assert (await stage.door.open(editing.file, ADA, "::1")).key != editing.key


@pytest.mark.parametrize("answer", [ServerUnreachable("down"), Answer(3, {"error": 3})])
async def test_a_server_that_does_not_help_makes_the_session_a_conflict_and_loses_nothing(
    stage: Stage, editing: Editing, replacing: Replacing, answer: object, autojump_clock: MockClock
) -> None:
    stage.server.answers |= {"forcesave": answer, "drop": answer}
    row = await replacing.put(editing.file, await uploaded(stage), BOB, expected=1)
    assert row.file.head == 2
    assert trio.current_time() < 100, "and nobody waits for it for ever"
    url = NAMED.format("later")
    stage.server.results[url] = b"typed on"
    await stage.callbacks.receive(saving(editing.key, url, 2))
    versions = await stage.journal.versions(editing.file)
    assert [(v.trigger, v.head) for v in versions[1:]] == [("upload", True), ("conflict", False)]


async def test_the_same_bytes_again_disturb_nobody(
    stage: Stage, editing: Editing, replacing: Replacing, autojump_clock: MockClock
) -> None:
    row = await replacing.put(editing.file, await uploaded(stage, b"original"), BOB, expected=None)
    assert row.file.head == 1
    assert not stage.server.asked("drop")


async def test_a_file_that_nobody_edits_is_simply_replaced(
    stage: Stage, replacing: Replacing, autojump_clock: MockClock
) -> None:
    file = (await stage.file()).id
    row = await replacing.put(file, await uploaded(stage), BOB, expected=1)
    assert row.file.head == 2
    assert not stage.server.commands
