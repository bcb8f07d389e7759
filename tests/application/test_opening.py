"""Everybody who opens a file while it is open gets the same key."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from application.callbacks import Fate
from application.changes import Change, DocumentChange
from application.files import Forbidden, NotFound
from application.opening import SavingInProgress, WrongType
from application.people import Person
from application.ports import DownloadFailed
from domain.words import Access, Mode
from tests.application.conftest import ADA, BOB, Stage, _chunks, callback, saving, slowly

URL = "http://ds/cache/files/data/k_1/output.docx/output.docx?expires=99999999999"


async def test_a_crowd_opening_a_file_in_the_same_instant_gets_one_key(
    stage: Stage, autojump_clock: MockClock
) -> None:
    row = await stage.file()
    keys: list[str] = []

    async def open_as(number: int) -> None:
        keys.append((await stage.door.open(row.id, Person(f"u{number}", ""), "::1")).key)

    async with trio.open_nursery() as nursery:
        for number in range(50):
            nursery.start_soon(open_as, number)
    assert len(keys) == 50
    assert len(set(keys)) == 1


async def test_a_key_closed_unchanged_is_handed_out_again(stage: Stage, autojump_clock: MockClock) -> None:
    row = await stage.file()
    key = (await stage.door.open(row.id, ADA, "::1")).key
    await stage.callbacks.receive(callback(key, 1, users=["ada"]))
    await trio.sleep(60)
    await stage.callbacks.receive(callback(key, 4))
    assert (await stage.door.open(row.id, BOB, "::2")).key == key
    assert stage.types(key)[-2:] == ["Reopened", "Admitted"]


async def test_but_not_after_ten_minutes(stage: Stage, autojump_clock: MockClock) -> None:
    row = await stage.file()
    key = (await stage.door.open(row.id, ADA, "::1")).key
    await trio.sleep(60)
    await stage.callbacks.receive(callback(key, 4))
    await trio.sleep(601)
    assert (await stage.door.open(row.id, BOB, "::2")).key != key


async def test_a_key_that_nobody_edits_is_retired_by_an_upload(
    stage: Stage, autojump_clock: MockClock
) -> None:
    row = await stage.file()
    key = (await stage.door.open(row.id, ADA, "::1")).key
    blob = await stage.files.store(_chunks(b"uploaded"))
    await stage.files.put(row.id, blob, ADA, expected=1)
    opening = await stage.door.open(row.id, BOB, "::2")
    assert opening.key != key
    assert opening.version == 2
    assert stage.types(key)[-1] == "Closed"


async def test_an_upload_while_somebody_edits_keeps_both(stage: Stage, autojump_clock: MockClock) -> None:
    row = await stage.file()
    key = (await stage.door.open(row.id, ADA, "::1")).key
    await stage.callbacks.receive(callback(key, 1, users=["ada"]))
    blob = await stage.files.store(_chunks(b"uploaded"))
    await stage.files.put(row.id, blob, ADA, expected=1)
    assert (await stage.door.open(row.id, BOB, "::2")).key == key
    stage.server.results[URL] = b"typed"
    await stage.callbacks.receive(saving(key, URL, 2))
    versions = await stage.journal.versions(row.id)
    assert [(v.number, v.trigger, v.head) for v in versions[1:]] == [
        (2, "upload", True),
        (3, "conflict", False),
    ]


async def test_an_opening_waits_for_the_final_save(stage: Stage, autojump_clock: MockClock) -> None:
    row = await stage.file()
    key = (await stage.door.open(row.id, ADA, "::1")).key
    await stage.callbacks.receive(callback(key, 1, users=["ada"]))

    stage.server.results[URL] = slowly(b"last words", 5)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stage.callbacks.receive, saving(key, URL, 2))
        await trio.sleep(1)
        opening = await stage.door.open(row.id, BOB, "::2")
    assert opening.key != key
    assert opening.version == 2


async def test_an_opening_is_asked_to_come_back_when_the_final_takes_longer(
    stage: Stage, autojump_clock: MockClock
) -> None:
    row = await stage.file()
    key = (await stage.door.open(row.id, ADA, "::1")).key
    await stage.callbacks.receive(callback(key, 1, users=["ada"]))
    stage.server.results[URL] = DownloadFailed("down")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stage.callbacks.receive, saving(key, URL, 2))
        await trio.sleep(1)
        before = trio.current_time()
        with pytest.raises(SavingInProgress):
            await stage.door.open(row.id, BOB, "::2")
        assert trio.current_time() - before == pytest.approx(10)
        stage.server.results[URL] = b"last words"


async def test_a_file_is_opened_by_whom_it_is_shared_with(stage: Stage, autojump_clock: MockClock) -> None:
    row = await stage.file()
    await stage.files.share(row.id, "*", "everybody", Access.NONE, ADA)
    with pytest.raises(Forbidden):
        await stage.door.open(row.id, BOB, "::2")
    await stage.files.share(row.id, "bob", "Bob", Access.VIEW, ADA)
    assert (await stage.door.open(row.id, BOB, "::2")).mode is Mode.VIEW
    with pytest.raises(NotFound):
        await stage.door.open("nothing", BOB, "::2")


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("a.docx", Mode.EDIT),
        ("a.odt", Mode.EDIT),
        ("a.csv", Mode.EDIT),
        ("a.doc", Mode.VIEW),
        ("a.ppt", Mode.VIEW),
    ],
)
async def test_types_that_editing_would_destroy_open_in_view_mode(
    stage: Stage, autojump_clock: MockClock, name: str, mode: Mode
) -> None:
    row = await stage.file(name)
    assert (await stage.door.open(row.id, ADA, "::1")).mode is mode


async def test_what_no_editor_opens_is_refused_in_plain_words(
    stage: Stage, autojump_clock: MockClock
) -> None:
    row = await stage.file("a.exe")
    with pytest.raises(WrongType, match="does not open"):
        await stage.door.open(row.id, ADA, "::1")
    row = await stage.file("b.docx", b"EVIL")
    with pytest.raises(WrongType, match="it is no document"):
        await stage.door.open(row.id, ADA, "::1")


async def test_a_sleeper_that_wakes_beside_a_new_session_is_kept_as_a_conflict(
    stage: Stage, autojump_clock: MockClock
) -> None:
    row = await stage.file()
    old = (await stage.door.open(row.id, ADA, "::1")).key
    await trio.sleep(20)
    await stage.callbacks.receive(callback(old, 4))
    await trio.sleep(700)
    new = (await stage.door.open(row.id, BOB, "::2")).key
    await stage.callbacks.receive(callback(new, 1, users=["bob"]))
    await stage.callbacks.receive(callback(old, 1, users=["ada"]))
    assert (await stage.door.open(row.id, ADA, "::1")).key == new
    stage.server.results[URL] = b"from the sleeper"
    assert await stage.callbacks.receive(saving(old, URL, 2)) is Fate.DONE
    version = (await stage.journal.versions(row.id))[-1]
    assert (version.trigger, version.head) == ("conflict", False)


async def test_who_opens_a_file_that_is_replaced_in_the_same_instant_gets_the_new_bytes(
    stage: Stage, autojump_clock: MockClock
) -> None:
    row = await stage.file()
    blob = await stage.files.store(_chunks(b"uploaded"))
    record = stage.journal.append
    uploaded = False

    async def upload_first(*changes: Change) -> None:
        nonlocal uploaded
        if isinstance(changes[0], DocumentChange) and not uploaded:
            uploaded = True
            await stage.files.put(row.id, blob, ADA, expected=1)
        await record(*changes)

    stage.journal.append = upload_first  # type: ignore[method-assign]
    opening = await stage.door.open(row.id, BOB, "::2")
    assert opening.version == 2
    assert opening.document.base == 2
