"""Saves that came in another type and were converted, and submitted forms: which version is what."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain import commands, events
from domain.file import File
from domain.saving import Commit, commit, take_stored
from domain.words import Next, Source, Standing, Trigger
from tests.story import EDITING, Story, at, closed, forcesaved, offered, reopened, stored, take

FILE = File(name="a.docx", owner="ada", owner_name="Ada", head=1, last=1, sha256="original", size=5)
FOREIGN = EDITING.then(offered(filetype="odt"))
CONVERTED = replace(stored(sha256="made docx"), original_sha256="as odt", original_size=7)


def committed(story: Story, command: commands.CommitOffer, file: File = FILE) -> Commit:
    return commit("key", story.document, file, command)


def versions(result: Commit) -> list[events.VersionAdded]:
    return [fact for fact in result.file if isinstance(fact, events.VersionAdded)]


def test_what_was_converted_becomes_the_head_and_what_was_offered_stays_beside_it() -> None:
    result = committed(FOREIGN, CONVERTED)
    original, made = versions(result)
    assert (original.number, original.head, original.filetype, original.sha256) == (2, False, "odt", "as odt")
    assert (made.number, made.head, made.filetype, made.sha256) == (3, True, "docx", "made docx")
    assert (made.converted_from, made.from_version, original.converted_from) == ("odt", 2, None)
    assert original.size == 7
    (fact,) = result.document
    assert isinstance(fact, events.Forcesaved)
    assert (fact.version, fact.head, fact.original, fact.original_sha256) == (3, True, 2, "as odt")


def test_the_same_bytes_converted_again_are_no_new_versions() -> None:
    first = committed(FOREIGN, CONVERTED)
    story = FOREIGN.then(*first.document, offered(2, filetype="odt", seconds=60))
    file = replace(FILE, head=3, last=3, sha256="made docx")
    again = committed(
        story, replace(stored(2, sha256="made docx"), original_sha256="as odt", original_size=7), file
    )
    assert again.file == ()
    (fact,) = again.document
    assert isinstance(fact, events.Forcesaved)
    assert (fact.version, fact.original) == (3, 2)


def test_what_was_thinned_out_meanwhile_is_kept_again() -> None:
    story = FOREIGN.then(*committed(FOREIGN, CONVERTED).document, offered(2, filetype="odt", seconds=60))
    file = replace(FILE, head=3, last=3, sha256="made docx")
    command = replace(stored(2, sha256="made docx"), original_sha256="as odt", original_size=7)
    (original,) = commit("key", story.document, file, command, thinned={2}).file
    assert isinstance(original, events.VersionAdded)
    assert (original.number, original.sha256, original.head) == (4, "as odt", False)


def test_a_converted_save_of_a_file_that_moved_on_is_a_conflict() -> None:
    original, made = versions(committed(FOREIGN, CONVERTED, replace(FILE, head=2, last=2, sha256="uploaded")))
    assert (original.trigger, original.head) == (Trigger.COMMAND, False)
    assert (made.trigger, made.origin, made.head) == (Trigger.CONFLICT, Trigger.COMMAND, False)


def test_a_converted_save_that_is_older_than_the_head_stays_beside_it() -> None:
    story = EDITING.then(offered(1, filetype="odt"), offered(2, seconds=60), forcesaved(2, 2, 61))
    _, made = versions(committed(story, CONVERTED, replace(FILE, head=2, last=2, sha256="bytes 2")))
    assert not made.head
    assert made.trigger is Trigger.COMMAND


@pytest.mark.parametrize("trigger", [Trigger.FORM, Trigger.FAILED])
def test_forms_and_what_a_failed_save_left_do_not_become_the_head_by_being_converted(
    trigger: Trigger,
) -> None:
    story = EDITING.then(offered(filetype="odt", trigger=trigger))
    assert not any(version.head for version in versions(committed(story, CONVERTED)))


def test_what_could_not_be_converted_stays_beside_the_head_and_says_why() -> None:
    result = committed(FOREIGN, replace(stored(), detail="It came as odt."))
    (version,) = versions(result)
    assert (version.head, version.filetype, version.number) == (False, "odt", 2)
    kept, errored = result.document
    assert isinstance(kept, events.Forcesaved)
    assert isinstance(errored, events.Errored)
    assert (errored.source, errored.detail, errored.next) == (
        Source.CONVERSION,
        "It came as odt.",
        Next.GO_ON,
    )
    after = FOREIGN.then(*result.document).document
    assert after.trouble == errored
    assert not after.offers


def test_a_save_that_waited_beside_the_journal_brings_what_was_converted_with_it() -> None:
    story = EDITING.then(closed(), reopened(Standing.LIVE))
    offer = take(filetype="odt")
    result = take_stored("key", story.document, FILE, commands.taken(offer, CONVERTED))
    assert [version.head for version in versions(result)] == [False, True]
    assert commands.taken(offer, CONVERTED).commit == replace(CONVERTED, offer=offer.offer)


def test_two_submissions_of_the_same_words_are_two() -> None:
    form = stored(1, sha256="filled in")
    story = EDITING.then(offered(1, trigger=Trigger.FORM), offered(2, trigger=Trigger.FORM, seconds=40))
    first = committed(story, replace(form, forms_sha256="data of ada"))
    story = story.then(*first.document)
    second = replace(stored(2, sha256="filled in"), at=at(41), forms_sha256="data of bob")
    (version,) = versions(committed(story, second, replace(FILE, last=2)))
    assert (version.number, version.head, version.forms_sha256) == (3, False, "data of bob")
    (first_version,) = versions(first)
    assert first_version.forms_sha256 == "data of ada"
