"""Decisions made again: alike as long as nothing has changed, and what is said when something has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, get_args

import pytest

from application.journal import Recorded
from application.repeating import CannotRepeat, Difference, repeat
from domain import commands, events
from domain.commands import Command
from domain.events import Event
from domain.words import Next, Source, Trigger
from tests.log import Log
from tests.story import admit, at, present, stored, take, unchanged


def lived() -> Log:
    log = Log()
    log.open()
    log.save(1)
    log.save(2, 2, 60)
    return log


def altered(facts: list[Recorded], kind: type, change: Callable[[Any], Event]) -> list[Recorded]:
    """As if the first fact of this kind had been recorded differently."""
    index = next(n for n, fact in enumerate(facts) if isinstance(fact.event, kind))
    return [*facts[:index], replace(facts[index], event=change(facts[index].event)), *facts[index + 1 :]]


def found(facts: list[Recorded]) -> Difference:
    difference = repeat(facts).difference
    assert difference
    return difference


def test_decisions_of_today_come_out_as_they_were_recorded() -> None:
    result = repeat(lived().facts)
    assert (result.decisions, result.difference) == (6, None)
    assert result.folded == {"Added": 1, "VersionAdded": 1}


def test_a_fact_that_would_not_be_recorded_like_this_is_named_with_all_that_it_was_decided_on() -> None:
    log = lived()
    facts = altered(log.facts, events.Saved, lambda fact: replace(fact, head=False))
    difference = found(facts)
    assert isinstance(difference.fact.event, events.Saved)
    assert (difference.fact.stream, difference.fact.number) == ("document/k", 7)
    assert difference.command == stored(2, 2, 61)
    assert [type(fact).__name__ for fact in difference.recorded] == ["Saved", "Closed", "VersionAdded"]
    assert (
        difference.recorded
        != difference.decided
        == tuple(fact.event for fact in log.facts if fact.position >= difference.fact.position)
    )
    assert difference.before
    assert difference.before.state == "saving"


def test_the_version_in_the_files_stream_is_part_of_the_decision() -> None:
    log = lived()
    facts = [
        replace(fact, event=replace(fact.event, trigger=Trigger.CONFLICT))
        if isinstance(fact.event, events.VersionAdded) and fact.event.number == 2
        else fact
        for fact in log.facts
    ]
    assert found(facts).fact.stream == "file/f"


def test_a_decision_that_would_say_less_is_named_by_the_first_fact_too_many() -> None:
    facts = [
        replace(fact, cause={**fact.cause, "users": []})
        if isinstance(fact.event, events.Joined) and fact.cause
        else fact
        for fact in lived().facts
    ]
    difference = found(facts)
    assert isinstance(difference.fact.event, events.Joined)
    assert difference.decided == ()


def test_a_decision_that_would_say_more_is_named_by_its_last_fact() -> None:
    facts = [fact for fact in lived().facts if not isinstance(fact.event, events.Closed)]
    facts = [
        fact for fact in facts if not isinstance(fact.event, events.VersionAdded) or fact.event.number < 3
    ]
    difference = found(facts)
    assert isinstance(difference.fact.event, events.Saved)
    assert [type(fact).__name__ for fact in difference.decided] == ["Saved", "Closed", "VersionAdded"]


def test_only_the_first_difference_is_told() -> None:
    facts = altered(lived().facts, events.Forcesaved, lambda fact: replace(fact, lag=99.0))
    facts = altered(facts, events.Saved, lambda fact: replace(fact, lag=99.0))
    result = repeat(facts)
    assert result.decisions == 3
    assert result.difference
    assert isinstance(result.difference.fact.event, events.Forcesaved)


def test_what_was_recorded_before_there_were_causes_is_only_folded() -> None:
    facts = [replace(fact, cause=None) if fact.position < 6 else fact for fact in lived().facts]
    result = repeat(facts)
    assert result.decisions == 4
    assert result.folded == {"Added": 1, "VersionAdded": 1, "Opened": 1, "Admitted": 1, "Joined": 1}


def test_facts_that_are_no_part_of_a_decision_end_it() -> None:
    log = lived()
    erased = events.Redacted(at=at(90), user="ada", by="eve", left={})
    log._write("document/k", [erased], None)
    log._write("file/f", [erased], None)
    result = repeat(log.facts)
    assert result.difference is None
    assert result.folded["Redacted"] == 2


def inserted(facts: list[Recorded], index: int, fact: Recorded) -> list[Recorded]:
    together = [*facts[:index], fact, *facts[index:]]
    return [replace(each, position=position) for position, each in enumerate(together, start=1)]


def test_a_save_of_known_bytes_may_have_been_decided_just_before_somebody_else_moved_the_file() -> None:
    log = Log()
    log.open()
    log.tell("k", take(1))
    log.tell("k", stored(1, sha256="original"))
    moved = events.VersionAdded(
        at=at(30.5), number=2, sha256="up", size=1, trigger=Trigger.UPLOAD, filetype="docx", head=True
    )
    upload = Recorded(0, "file/f", 3, moved)
    assert repeat(inserted(log.facts, -1, upload)).difference is None
    noticed = found(inserted(log.facts, -2, upload))
    assert isinstance(noticed.fact.event, events.Forcesaved), "with the session's next fact it is known"


def test_what_was_thinned_out_does_not_stand_for_its_bytes_here_either() -> None:
    log = Log()
    log.open()
    log.save(1, 6, 30)
    log.save(2, 6, 60)
    log.shelve(events.Thinned(at=at(70), numbers=(2,)))
    log.shelve(events.Renamed(at=at(71), name="b.docx", by="ada"))
    log.tell("k", take(3, 6, 80, lastsave=20))  # late, and of the bytes of version 2
    log.tell("k", replace(stored(3, 6, 81), sha256="bytes 1"))
    assert log.facts[-1].stream == "file/f", "it is a version again"
    assert repeat(log.facts).difference is None


def test_code_that_crashes_on_a_decision_differs_from_what_was_recorded() -> None:
    log = lived()
    log.tell("k", commands.NoteServerFailure(at=at(90), status=7, lastsave=None))
    broken = [
        replace(fact, cause={**fact.cause, "status": 8})
        if fact.cause and fact.cause["type"] == "NoteServerFailure"
        else fact
        for fact in log.facts
    ]
    assert found(broken).crash == "KeyError: 8"


@pytest.mark.parametrize(
    "cause",
    [{"type": "Invented"}, {"type": "CommitOffer"}, {}, {"type": "NotePresence", "at": "noon", "users": []}],
)
def test_a_cause_that_nobody_understands_is_named_by_its_place(cause: dict[str, Any]) -> None:
    log = Log()
    log.open()
    facts = [
        replace(fact, cause=cause) if isinstance(fact.event, events.Joined) else fact for fact in log.facts
    ]
    with pytest.raises(CannotRepeat, match="event 3 of document/k does not follow") as trouble:
        repeat(facts)
    assert trouble.value.count == 5


def test_a_fact_that_cannot_be_is_named_by_its_place() -> None:
    facts = [fact for fact in lived().facts if not isinstance(fact.event, events.SaveOffered)]
    facts = [replace(fact, cause=None) for fact in facts]
    with pytest.raises(CannotRepeat, match="event 5 of document/k") as trouble:
        repeat(facts)
    assert trouble.value.count == 6


def test_every_kind_of_command_is_made_again() -> None:
    log = Log()
    log.open()
    log.tell(
        "k", commands.NoteFailure(at=at(9), source=Source.COMMAND, detail="3", attempt=3, next=Next.GO_ON)
    )
    log.tell("k", commands.NoteResumed(at=at(10)))
    log.tell("k", admit("cy", 11))
    log.tell("k", commands.SendOut(at=at(12), users=("cy", "dora"), by="ada"))
    log.save(1)
    log.tell("k", commands.SendOut(at=at(39), users=("cy",), by="ada"))
    log.tell("k", commands.NoteLoaded(at=at(40), version=1))
    log.tell("k", commands.NoteReplied(at=at(41), status=6, http=200, error=0, seconds=1.0))
    log.tell("k", commands.TakeStored(at=at(50), offer=take(3, 6, 45), sha256="bytes 3", size=3))
    log.tell("k", present(seconds=55))
    log.tell("k", commands.NoteOrphaned(at=at(200), since=at(100)))
    log.tell("k", commands.CloseUnknown(at=at(300)))
    log.tell("k", present("bob", seconds=310, live="another"))
    log.tell("k", unchanged(400))
    log.tell("k", commands.NoteServerFailure(at=at(410), status=3, lastsave=None))
    told = {fact.cause["type"] for fact in log.facts if fact.cause}
    assert told == {kind.__name__ for kind in get_args(Command)}
    assert repeat(log.facts).difference is None
