"""One contract for the journal, kept by the real one and by the fake of the actors' tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import trio
import trio.testing

from application.causes import restored
from application.changes import DocumentChange, FileChange, ReadingChange
from application.journal import Journal, Query, StaleWrite
from application.nodes import ALL, shard_of
from domain import document as documents
from domain import events, words
from domain import file as files
from domain.events import DocumentEvent, FileEvent
from domain.words import Access, CloseReason, Standing, Trigger
from infrastructure.journal import LedgerJournal
from tests.fake_journal import FakeJournal
from tests.story import (
    admitted,
    at,
    closed,
    forcesaved,
    given,
    joined,
    offered,
    opened,
    reopened,
    saved,
    take,
)


@pytest.fixture(params=["fake", "sqlite", pytest.param("postgres", marks=pytest.mark.scale)])
async def journal(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Journal]:
    if request.param == "fake":
        yield FakeJournal()
    else:
        place = (
            tmp_path / "ledger.db"
            if request.param == "sqlite"
            else request.getfixturevalue("postgres_database")
        )
        async with LedgerJournal.open(place) as journal:
            yield journal


async def record(
    journal: Journal, key: str, *facts: DocumentEvent, before: Sequence[DocumentEvent] = ()
) -> None:
    await journal.append(document(key, *facts, before=before))


def document(key: str, *facts: DocumentEvent, before: Sequence[DocumentEvent] = ()) -> DocumentChange:
    state = documents.replay((*before, *facts))
    assert state is not None
    return DocumentChange(key, len(before), facts, state)


def file(id_: str, *facts: FileEvent, before: Sequence[FileEvent] = ()) -> FileChange:
    state = files.replay((*before, *facts))
    assert state is not None
    return FileChange(id_, len(before), facts, state)


ADDED = events.Added(at=at(), name="Plan.docx", owner="ada", owner_name="Ada")
FIRST = events.VersionAdded(
    at=at(1), number=1, sha256="a" * 64, size=7, trigger=Trigger.UPLOAD, filetype="docx", head=True
)
EVERYTHING: tuple[DocumentEvent, ...] = (
    opened(),
    admitted(),
    joined(),
    replace(offered(), history={"changes": [{"user": {"id": "ada"}}]}, changes_url="http://c", lastsave=None),
    forcesaved(),
    events.Errored(
        at=at(40),
        source=words.Source.DOWNLOAD,
        detail="é ✓",
        attempt=2,
        next=words.Next.RETRY,
        sha256=None,
    ),
    offered(2, 2, 60),
    saved(2, 3),
    closed(CloseReason.SAVED),
    reopened(Standing.SPENT),
)


async def test_what_was_recorded_is_read_back_the_same(journal: Journal) -> None:
    await record(journal, "k", *EVERYTHING)
    history = await journal.document_history("k")
    assert tuple(recorded.event for recorded in history) == EVERYTHING
    assert [recorded.number for recorded in history] == list(range(1, len(EVERYTHING) + 1))
    positions = [recorded.position for recorded in history]
    assert positions == sorted(positions)


async def test_history_can_be_read_from_a_number_on(journal: Journal) -> None:
    await record(journal, "k", *EVERYTHING)
    assert [r.number for r in await journal.document_history("k", after=8)] == [9, 10]
    assert await journal.document_history("nobody") == []


async def test_a_stale_writer_is_refused_and_nothing_is_recorded(journal: Journal) -> None:
    await record(journal, "k", opened())
    await record(journal, "k", admitted(), before=[opened()])
    with pytest.raises(StaleWrite):
        await record(journal, "k", joined(), before=[opened()])
    assert len(await journal.document_history("k")) == 2


async def test_a_gap_is_refused(journal: Journal) -> None:
    with pytest.raises(StaleWrite):
        await record(journal, "k", joined(), before=[opened(), admitted()])
    assert await journal.document_history("k") == []
    assert await journal.document("k") is None


async def test_a_file_has_one_live_key(journal: Journal) -> None:
    await journal.append(file("f", ADDED, FIRST))
    await record(journal, "k1", opened(), admitted())
    with pytest.raises(StaleWrite):
        await record(journal, "k2", opened(), admitted())
    row = await journal.file("f")
    assert row
    assert row.live == "k1"
    assert await journal.document_history("k2") == []


async def test_a_closed_key_makes_room_for_another(journal: Journal) -> None:
    await record(journal, "k1", opened(), closed())
    await record(journal, "k2", opened())
    with pytest.raises(StaleWrite):
        await record(journal, "k1", reopened(), before=[opened(), closed()])
    await record(journal, "k1", reopened(Standing.DETACHED), before=[opened(), closed()])
    row = await journal.document("k1")
    assert row
    assert row.standing is Standing.DETACHED


async def test_closing_a_detached_key_leaves_the_live_one_alone(journal: Journal) -> None:
    await journal.append(file("f", ADDED, FIRST))
    past = [opened(), closed(), reopened(Standing.DETACHED)]
    await record(journal, "k1", opened(), closed())
    await record(journal, "k2", opened())
    await record(journal, "k1", past[2], before=past[:2])
    await record(journal, "k1", closed(), before=past)
    row = await journal.file("f")
    assert row
    assert row.live == "k2"


async def test_two_streams_are_recorded_together_or_not_at_all(journal: Journal) -> None:
    await journal.append(file("f", ADDED, FIRST))
    await record(journal, "k", opened(), offered())
    version = replace(FIRST, number=2, sha256="b" * 64)
    with pytest.raises(StaleWrite):
        await journal.append(
            document("k", forcesaved(), before=[opened(), offered()]),
            file("f", version, before=[ADDED]),  # stale: the file has two facts
        )
    assert len(await journal.document_history("k")) == 2
    assert [row.number for row in await journal.versions("f")] == [1]
    await journal.append(
        document("k", forcesaved(), before=[opened(), offered()]),
        file("f", version, before=[ADDED, FIRST]),
    )
    assert [row.number for row in await journal.versions("f")] == [1, 2]


async def test_the_rows_say_what_the_facts_say(journal: Journal) -> None:
    await journal.append(file("f", ADDED, FIRST))
    await record(journal, "k", *EVERYTHING[:4])
    row = await journal.document("k")
    assert row
    assert (row.state, row.users, row.base, row.saved_version) == ("saving", {"ada": "Ada"}, 1, None)
    await record(journal, "k", *EVERYTHING[4:9], before=EVERYTHING[:4])
    row = await journal.document("k")
    assert row
    assert (row.state, row.closed_reason, row.users) == ("closed", CloseReason.SAVED, {})
    assert (row.saved_version, row.saved_at, row.closed_at) == (3, at(61), at(61))
    assert row == (await journal.documents(["k", "nobody"]))[0]
    assert row == await journal.last_document("f")


async def test_a_file_row_is_its_stream_replayed(journal: Journal) -> None:
    shared = events.Shared(at=at(2), user="bob", name="Bob", access=Access.VIEW, by="ada")
    renamed = events.Renamed(at=at(3), name="Draft.docx", by="ada")
    await journal.append(file("f", ADDED, FIRST))
    await journal.append(file("f", shared, renamed, before=[ADDED, FIRST]))
    row = await journal.file("f")
    assert row
    assert row.file == files.replay([r.event for r in await journal.file_history("f")])  # type: ignore[misc]
    assert (row.version, row.added_at, row.live) == (4, at(), None)


async def test_versions_keep_what_is_known_of_them(journal: Journal) -> None:
    await journal.append(file("f", ADDED, FIRST))
    (version,) = await journal.versions("f")
    assert (version.number, version.sha256, version.size, version.head) == (1, "a" * 64, 7, True)
    assert version.created == at(1)
    assert version == await journal.version("f", 1)
    assert await journal.version("f", 2) is None


async def test_people_see_their_own_files_and_what_is_shared_with_them(journal: Journal) -> None:
    def shared(user: str, access: Access) -> events.Shared:
        return events.Shared(at=at(2), user=user, name=user, access=access, by="ada")

    await journal.append(file("f1", ADDED, FIRST))
    await journal.append(file("f2", ADDED, FIRST, shared("bob", Access.VIEW)))
    await journal.append(file("f3", ADDED, FIRST, shared("*", Access.EDIT)))
    past = [ADDED, FIRST, shared("bob", Access.EDIT)]
    await journal.append(file("f4", *past))
    await journal.append(file("f4", shared("bob", Access.NONE), before=past))
    await journal.append(file("f5", ADDED, FIRST, events.Removed(at=at(3), by="ada")))
    assert [row.id for row in await journal.files("ada")] == ["f4", "f3", "f2", "f1"]
    assert [row.id for row in await journal.files("bob")] == ["f3", "f2"]
    assert [row.id for row in await journal.files("cyd")] == ["f3"]
    assert [row.id for row in await journal.files("ada", before="f3", limit=1)] == ["f2"]


async def test_a_restart_finds_what_is_open_or_unfinished(journal: Journal) -> None:
    await record(journal, "open", opened())
    other = replace(opened(seconds=1), file="g")
    await record(journal, "closed", other, closed())
    third = replace(opened(seconds=2), file="h")
    await record(journal, "late offer", third, closed(), offered(9, 6, 70))
    assert [row.key for row in await journal.open_documents()] == ["open", "late offer"]


async def test_one_stale_writer_does_not_fail_its_neighbours(journal: Journal) -> None:
    await record(journal, "taken", opened())
    outcomes: dict[str, str] = {}

    async def write(key: str, change: DocumentChange) -> None:
        try:
            await journal.append(change)
        except StaleWrite:
            outcomes[key] = "stale"
        else:
            outcomes[key] = "recorded"

    async with trio.open_nursery() as nursery:
        for number in range(50):
            key = "taken" if number % 10 == 0 else f"k{number}"
            nursery.start_soon(write, str(number), document(key, replace(opened(), file=f"file of {number}")))
    assert sorted(n for n, outcome in outcomes.items() if outcome == "stale") == ["0", "10", "20", "30", "40"]
    assert len(await journal.open_documents()) == 46


async def test_thinned_versions_are_gone_and_their_facts_stay(journal: Journal) -> None:
    changes = "c" * 64
    second = replace(FIRST, number=2, sha256="b" * 64, trigger=Trigger.COMMAND, changes_sha256=changes)
    third = replace(second, number=3, sha256="d" * 64)
    thinned = events.Thinned(at=at(9), numbers=(2,))
    facts = (ADDED, FIRST, second, third, thinned)
    await journal.append(file("f", *facts))
    assert [(row.number, row.changes_sha256) for row in await journal.versions("f")] == [
        (1, None),
        (3, changes),
    ]
    assert await journal.version("f", 2) is None
    assert [recorded.event for recorded in await journal.file_history("f")] == list(facts)


async def test_a_trouble_that_is_over_is_not_told_any_more(journal: Journal) -> None:
    trouble = events.Errored(
        at=at(40), source=words.Source.COMMAND, detail="no answer", attempt=3, next=words.Next.GO_ON
    )
    facts = (opened(), admitted(), trouble, events.Resumed(at=at(70)))
    await record(journal, "k", *facts[:3])
    row = await journal.document("k")
    assert row
    assert row.trouble == "no answer"
    await record(journal, "k", *facts[3:], before=facts[:3])
    row = await journal.document("k")
    assert row
    assert row.trouble is None
    assert tuple(recorded.event for recorded in await journal.document_history("k")) == facts


async def test_what_was_thinned_is_free_once_no_version_has_it(journal: Journal) -> None:
    shared, changes, alone, other = ("1" * 64, "2" * 64, "3" * 64, "4" * 64)
    second = replace(
        FIRST, number=2, sha256=shared, trigger=Trigger.COMMAND, changes_sha256=changes, head=True
    )
    third = replace(second, number=3, sha256=alone, changes_sha256=other)
    facts = (ADDED, FIRST, second, third, events.Thinned(at=at(9), numbers=(2, 3)))
    await journal.append(file("f", *facts))
    await journal.append(file("g", ADDED, replace(FIRST, sha256=shared, changes_sha256=other)))
    assert await journal.freed(at(9), at(10), "", 9) == [changes, alone]
    assert await journal.freed(at(9), at(10), changes, 9) == [alone]
    assert await journal.freed(at(9), at(10), "", 1) == [changes]
    assert await journal.freed(at(0), at(9), "", 9) == []
    assert await journal.freed(at(10), at(99), "", 9) == []
    referenced = [await journal.is_referenced(sha256) for sha256 in (shared, changes, alone, other)]
    assert referenced == [True, False, False, True]


async def test_what_was_filled_into_a_form_is_referenced_like_its_bytes(journal: Journal) -> None:
    data, shared = "5" * 64, "6" * 64
    form = replace(FIRST, number=2, trigger=Trigger.FORM, head=False, forms_sha256=data)
    auto = replace(FIRST, number=3, sha256=shared, trigger=Trigger.COMMAND)
    facts = (ADDED, FIRST, form, auto, events.Thinned(at=at(9), numbers=(3,)))
    await journal.append(file("f", *facts))
    assert [row.forms_sha256 for row in await journal.versions("f")] == [None, data]
    assert await journal.is_referenced(data)
    assert await journal.freed(at(9), at(10), "", 9) == [shared]
    await journal.append(file("g", ADDED, replace(form, number=1, head=True, forms_sha256=shared)))
    assert await journal.freed(at(9), at(10), "", 9) == []
    assert await journal.is_referenced(shared)


async def test_a_version_says_what_it_was_made_of(journal: Journal) -> None:
    made = replace(FIRST, trigger=Trigger.CONVERSION, converted_from="doc", from_file="old", from_version=3)
    await journal.append(file("f", ADDED, made))
    row = await journal.version("f", 1)
    assert row
    assert (row.converted_from, row.from_file, row.from_version) == ("doc", "old", 3)


async def test_files_with_automatic_saves_are_found_page_by_page(journal: Journal) -> None:
    for id_, trigger in (("f1", "command"), ("f2", "button"), ("f3", "timer"), ("f4", "command")):
        saves = [replace(FIRST, number=number, trigger=Trigger(trigger)) for number in (2, 3)]
        await journal.append(file(id_, ADDED, FIRST, *saves))
    await journal.append(
        file("f4", events.Thinned(at=at(9), numbers=(2, 3)), before=[ADDED, FIRST, *saves]),
    )
    assert await journal.autosaved_files("", 9) == ["f1", "f3"]
    assert await journal.autosaved_files("", 1) == ["f1"]
    assert await journal.autosaved_files("f1", 1) == ["f3"]


async def test_the_open_documents_of_one_file_can_be_had(journal: Journal) -> None:
    await record(journal, "ours", opened())
    await record(journal, "theirs", replace(opened(), file="g"))
    await record(journal, "over", replace(opened(), file="h"), closed())
    assert [row.key for row in await journal.open_documents("f")] == ["ours"]
    assert [row.key for row in await journal.open_documents("h")] == []


async def test_open_documents_are_listed_and_counted_for_whoever_may_see_them(journal: Journal) -> None:
    all_may = events.Shared(at=at(2), user="*", name="", access=Access.VIEW, by="ada")
    bob_may = replace(all_may, user="bob", name="bob")
    for name, *shares in (("f", all_may), ("g", bob_may), ("h",), ("i", all_may)):
        await journal.append(file(name, ADDED, FIRST, *shares))
    for key, name, seconds in (("z", "f", 0), ("y", "g", 1), ("x", "h", 1), ("w", "i", 2)):
        await record(journal, key, replace(opened(seconds=seconds), file=name))
    await record(journal, "v", replace(opened(seconds=3), file="j"), closed())
    assert await listed(journal, None) == [["z", "x"], ["y", "w"], []]
    assert await listed(journal, "ada") == [["z", "x"], ["y", "w"], []]
    assert await listed(journal, "bob") == [["z", "y"], ["w"]]
    assert await listed(journal, "cyd") == [["z", "w"], []]
    assert dict(await journal.open_counts()) == {"open": 4}


async def listed(journal: Journal, user: str | None) -> list[list[str]]:
    pages = [[row.key for row in await journal.open_page(user, limit=2)]]
    while len(pages[-1]) == 2:
        pages.append([row.key for row in await journal.open_page(user, after=pages[-1][-1], limit=2)])
    return pages


CONSULTED = events.Consulted(at=at(5), user="eve", name="Eve", address="::1", what="timeline", file="f")


async def full(journal: Journal) -> None:
    """Two files; a session of each; somebody who looked."""
    await journal.append(file("f", ADDED, FIRST))
    await journal.append(file("g", replace(ADDED, owner="bob", owner_name="Bob"), FIRST))
    await record(journal, "k", opened(), admitted(), joined())
    await journal.append(ReadingChange("eve", 0, [CONSULTED]))
    await record(journal, "l", replace(opened(), file="g"), admitted("bob", 9))


async def found(journal: Journal, query: Query, **page: int) -> list[tuple[str, int, str]]:
    facts = await journal.facts(query, **page)
    return [(fact.stream, fact.number, type(fact.event).__name__) for fact in facts]


async def test_the_whole_log_is_read_the_newest_first_and_page_by_page(journal: Journal) -> None:
    await full(journal)
    everything = await journal.facts(Query())
    positions = [fact.position for fact in everything]
    assert positions == sorted(positions, reverse=True)
    assert len(everything) == 10
    assert positions[0] == await journal.position()
    page = await journal.facts(Query(), limit=4)
    rest = await journal.facts(Query(), before=page[-1].position)
    assert [*page, *rest] == everything
    assert await journal.facts(Query(), after=positions[5], limit=3) == everything[4:1:-1]


async def test_facts_are_found_by_file_key_user_type_and_time(journal: Journal) -> None:
    await full(journal)
    of_the_file = [
        ("reader/eve", 1, "Consulted"),
        ("document/k", 3, "Joined"),
        ("document/k", 2, "Admitted"),
        ("document/k", 1, "Opened"),
        ("file/f", 2, "VersionAdded"),
        ("file/f", 1, "Added"),
    ]
    assert await found(journal, Query(file="f")) == of_the_file
    assert await found(journal, Query(key="k")) == of_the_file[1:4]
    by_bob = [("document/l", 2, "Admitted"), ("file/g", 1, "Added")]
    assert await found(journal, Query(users=["bob"])) == by_bob
    assert await found(journal, Query(users=["bob", "eve"])) == [by_bob[0], of_the_file[0], by_bob[1]]
    assert await found(journal, Query(file="f", types=["Joined", "Added"])) == [
        of_the_file[1],
        of_the_file[5],
    ]
    assert await found(journal, Query(since=at(1), until=at(5), file="f")) == [of_the_file[1], of_the_file[4]]
    assert await found(journal, Query(file="g", users=["ada"])) == []


async def test_a_decision_is_kept_with_its_first_fact(journal: Journal) -> None:
    command = take(seconds=3)
    facts = (opened(), joined(), *given(opened(), joined()).when(command))
    state = documents.replay(facts)
    assert state is not None
    await record(journal, "k", *facts[:2])
    await journal.append(DocumentChange("k", 2, facts[2:], state, command))
    (*others, offer) = await journal.document_history("k")
    assert [fact.cause for fact in others] == [None, None]
    assert offer.cause is not None
    assert restored(offer.cause, facts[2:]) == command


async def test_whoever_waits_for_news_hears_of_it(journal: Journal) -> None:
    assert await journal.position() == 0
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(journal.grown, 0)
            await trio.testing.wait_all_tasks_blocked()
            await full(journal)
    assert await journal.grown(9) == 10


async def test_a_reader_has_a_stream(journal: Journal) -> None:
    assert await journal.reading_version("eve") == 0
    await full(journal)
    assert await journal.reading_version("eve") == 1
    with pytest.raises(StaleWrite):
        await journal.append(ReadingChange("eve", 0, [CONSULTED]))


async def test_the_last_name_of_an_id_is_known(journal: Journal) -> None:
    await full(journal)
    assert await journal.names(["ada", "bob", "eve", "nobody"]) == {"ada": "Ada", "bob": "Bob", "eve": "Eve"}
    assert await journal.users_named("Bob") == ["bob"]
    await journal.append(ReadingChange("bob", 0, [replace(CONSULTED, user="bob", name="Robert")]))
    assert await journal.names(["bob"]) == {"bob": "Robert"}
    assert await journal.users_named("Bob") == []


async def test_files_are_had_by_their_ids_removed_ones_too(journal: Journal) -> None:
    await full(journal)
    await journal.append(file("h", ADDED, FIRST, events.Removed(at=at(3), by="ada")))
    rows = await journal.files_with(["f", "h", "nothing"])
    assert sorted((row.id, row.file.removed, row.live) for row in rows) == [
        ("f", False, "k"),
        ("h", True, None),
    ]
    assert await journal.files_with([]) == []


async def test_which_versions_are_still_there_is_known(journal: Journal) -> None:
    second = replace(FIRST, number=2, trigger=Trigger.COMMAND)
    await journal.append(file("f", ADDED, FIRST, second, events.Thinned(at=at(9), numbers=(2,))))
    await journal.append(file("g", ADDED, FIRST))
    asked = [("f", 1), ("f", 2), ("f", 3), ("g", 1), ("nothing", 1)]
    assert {*await journal.existing(asked)} == {("f", 1), ("g", 1)}
    assert not await journal.existing([])


async def test_a_crowd_of_namesakes_is_found_like_one_of_them(journal: Journal) -> None:
    await full(journal)
    crowd = [f"somebody {number}" for number in range(2000)]
    assert await found(journal, Query(users=[*crowd, "bob"])) == [
        ("document/l", 2, "Admitted"),
        ("file/g", 1, "Added"),
    ]


async def test_what_others_have_recorded_is_found_by_its_keys(journal: Journal) -> None:
    await journal.append(file("f", ADDED, FIRST))
    await record(journal, "k1", opened(), admitted())
    before = await journal.position()
    await record(journal, "k1", joined(), before=[opened(), admitted()])
    end = await journal.position()
    assert await journal.touched(0, before) == {"k1": 2}
    assert await journal.touched(before, end) == {"k1": 3}
    assert await journal.touched(end, end + 9) == {}
    assert await journal.document_version("k1") == 3
    assert await journal.document_version("nobody") == 0


async def test_the_states_of_open_documents_are_found_by_their_shards(journal: Journal) -> None:
    keys = [f"k{number}" for number in range(20)]
    for key in keys:
        await record(journal, key, replace(opened(), file=key))
    await record(journal, "over", replace(opened(), file="over"), closed())
    shards = {shard_of(key) for key in keys[:5]}
    found = await journal.open_states(shards)
    assert dict(found) == {key: "open" for key in keys if shard_of(key) in shards}
    assert await journal.open_states(set()) == {}
    assert (await journal.open_states(ALL)).keys() == set(keys)


async def test_what_is_unsaved_comes_first_then_trouble_then_the_youngest(journal: Journal) -> None:
    failed = events.Errored(
        at=at(9), source=words.Source.COMMAND, detail="why", attempt=3, next=words.Next.GO_ON, offer=None
    )
    lives: Mapping[str, Sequence[DocumentEvent]] = {
        "old": [opened()],
        "edited": [opened(seconds=1), joined(seconds=2)],
        "young": [opened(seconds=3)],
        "failing": [opened(seconds=2), failed],
        "late": [opened(), closed(), offered(9, 6, 70)],
    }
    for key, (first, *others) in lives.items():
        await record(journal, key, replace(first, file=key), *others)
    found = list((await journal.open_states(ALL)).items())
    assert found == [
        ("edited", "editing"),
        ("late", "saving"),
        ("failing", "open"),
        ("young", "open"),
        ("old", "open"),
    ]
