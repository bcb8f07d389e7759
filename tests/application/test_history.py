"""What readers are told of versions, and between which two the recorded changes can be shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from application.changes import DocumentChange, FileChange
from application.files import Files, Shelf
from application.history import Author, History
from domain import document as documents
from domain import events
from domain import file as files
from domain.events import DocumentEvent, VersionAdded
from domain.words import Access, Standing, Trigger
from tests.application.conftest import ADA, now
from tests.fake_journal import FakeJournal
from tests.fakes import FakeBlobs
from tests.story import at, closed, forcesaved, offered, opened, reopened, saved

CHANGES = "c" * 64
RUNS = [
    {"created": "2026-11-23 12:00:10", "user": {"id": "bob", "name": "Bob"}, "documentSha256": "x"},
    {"created": "2026-11-23 12:00:20", "user": {"id": "cyd", "name": "Cyd"}},
]


def version(number: int, **more: Any) -> VersionAdded:
    usual = {
        "at": at(number),
        "number": number,
        "sha256": f"{number:064}",
        "size": 1,
        "trigger": Trigger.COMMAND if "key" in more else Trigger.UPLOAD,
        "filetype": "docx",
        "head": True,
        "users": ("ada",),
    }
    return VersionAdded(**{**usual, **more})


ADDED = events.Added(at=at(), name="a.docx", owner="ada", owner_name="Ada Lovelace")
SHARED = events.Shared(at=at(), user="dora", name="Dora", access=Access.VIEW, by="ada")
FIRST = version(1)
SECOND = version(2, key="k", users=("bob",), history={"serverVersion": "9.3.0", "changes": RUNS})
THIRD = version(3, key="k", changes_sha256=CHANGES)
SESSION: tuple[DocumentEvent, ...] = (opened(), offered(1), forcesaved(1, 2), offered(2, 2), saved(2, 3))


async def history(*versions: events.FileEvent, session: Sequence[DocumentEvent] = SESSION) -> History:
    journal = FakeJournal()
    facts = (ADDED, SHARED, *versions)
    file, document = files.replay(facts), documents.replay(session)
    assert file
    assert document
    await journal.append(FileChange("f", 0, facts, file), DocumentChange("k", 0, session, document))
    return History(journal, Files(Shelf(journal, FakeBlobs(), now, lambda: "g", 99)))


async def authors(*versions: events.FileEvent) -> list[Author]:
    _, entries = await (await history(*versions)).of("f", ADA)
    return [entry.author for entry in entries]


async def test_who_typed_last_is_the_author_and_people_are_named_where_their_names_are_known() -> None:
    later = version(3, key="k", users=("bob",))
    strange = version(4, key="k", users=("eve",))
    nobody = version(5, users=())
    dora = version(6, users=("dora",))
    assert await authors(FIRST, SECOND, later, strange, nobody, dora) == [
        Author("ada", "Ada"),
        Author("cyd", "Cyd"),
        Author("bob", "Bob"),
        Author("eve", ""),
        Author("", ""),
        Author("dora", "Dora"),
    ]


@pytest.mark.parametrize(
    "told",
    [None, [], "x", {}, {"changes": None}, {"changes": {}}, {"changes": [None, 1, {}, {"user": "bob"}]}],
)
async def test_a_strange_history_is_as_good_as_none(told: object) -> None:
    _, entries = await (await history(FIRST, version(2, key="k", history=told))).of("f", ADA)
    assert (entries[1].author, list(entries[1].changes)) == (Author("ada", "Ada"), [])


async def test_the_servers_own_changes_are_passed_on() -> None:
    _, (_, entry) = await (await history(FIRST, SECOND)).of("f", ADA)
    assert (entry.server_version, entry.changes) == ("9.3.0", RUNS)


async def test_thinned_versions_do_not_appear() -> None:
    thinned = events.Thinned(at=at(9), numbers=(2,))
    _, entries = await (await history(FIRST, SECOND, THIRD, thinned)).of("f", ADA)
    assert [entry.row.number for entry in entries] == [1, 3]


async def base(*versions: events.FileEvent, session: Sequence[DocumentEvent] = SESSION) -> int | None:
    """Of the last of these versions."""
    numbers = [fact.number for fact in versions if isinstance(fact, VersionAdded)]
    found = await (await history(*versions, session=session)).version("f", numbers[-1], ADA)
    return found.base.number if found.base else None


async def test_changes_are_shown_from_where_the_session_began() -> None:
    """The server's record goes back to there, also after forcesaves in between."""
    assert await base(FIRST, SECOND, THIRD) == 1


async def test_without_a_kept_record_there_is_nothing_to_show() -> None:
    assert await base(FIRST, SECOND) is None
    assert await base(FIRST, SECOND, replace(THIRD, key=None)) is None


async def test_a_beginning_that_was_thinned_out_cannot_be_shown() -> None:
    assert await base(FIRST, SECOND, THIRD, events.Thinned(at=at(9), numbers=(1,))) is None


async def test_a_key_reopened_unchanged_still_begins_there() -> None:
    session = (opened(), closed(), reopened(), *SESSION[1:])
    assert await base(FIRST, SECOND, THIRD, session=session) == 1


@pytest.mark.parametrize("standing", [Standing.SPENT, Standing.DETACHED])
async def test_what_a_spent_key_began_with_when_it_came_back_is_not_known(standing: Standing) -> None:
    session = (*SESSION[:3], closed(), reopened(standing), *SESSION[3:])
    assert await base(FIRST, SECOND, THIRD, session=session) is None
    with_changes = replace(SECOND, changes_sha256=CHANGES)
    assert await base(FIRST, with_changes, session=session) == 1
