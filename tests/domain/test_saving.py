"""Where a save goes: the head, a version beside it, or a conflict; and when it ends the session."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain import commands, events
from domain.file import File
from domain.offers import offer_id
from domain.saving import Commit, commit, take_stored
from domain.words import CloseReason, Next, Source, Standing, Trigger
from tests.story import (
    EDITING,
    Story,
    at,
    closed,
    forcesaved,
    joined,
    left,
    offered,
    reopened,
    saved,
    stored,
    take,
    url,
)

FILE = File(name="a.docx", owner="ada", owner_name="Ada", head=1, last=1, sha256="original", size=5)


def committed(story: Story, command: commands.CommitOffer, file: File = FILE) -> Commit:
    return commit("key", story.document, file, command)


def the_version(result: Commit) -> events.VersionAdded:
    (version,) = result.file
    assert isinstance(version, events.VersionAdded)
    return version


def test_a_forcesave_becomes_the_head() -> None:
    result = committed(EDITING.then(offered()), stored())
    assert result.document == (forcesaved(),)
    version = the_version(result)
    assert (version.number, version.head, version.trigger, version.key) == (2, True, Trigger.COMMAND, "key")


def test_a_final_becomes_the_head_and_ends_the_session() -> None:
    result = committed(EDITING.then(offered(2, 2, 60)), stored(2, 2, 61))
    assert result.document == (saved(2, 2), closed(CloseReason.SAVED))
    assert the_version(result).trigger is Trigger.FINAL


def test_a_final_does_not_end_the_session_of_somebody_who_came_back() -> None:
    result = committed(EDITING.then(offered(2, 2, 60), joined("ada", 62)), stored(2, 2, 63))
    assert [type(fact) for fact in result.document] == [events.Saved]


def test_an_offer_is_committed_once() -> None:
    assert committed(EDITING.then(offered(), forcesaved()), stored()) == Commit()


def test_the_bytes_of_the_head_are_no_new_version() -> None:
    result = committed(EDITING.then(offered()), stored(sha256="original"))
    assert result.file == ()
    (fact,) = result.document
    assert isinstance(fact, events.Forcesaved)
    assert (fact.version, fact.head) == (1, True)


def test_undoing_everything_is_a_new_version_of_old_bytes() -> None:
    story = EDITING.then(offered(1), forcesaved(1, 2), offered(2, seconds=40))
    file = replace(FILE, head=2, last=2, sha256="bytes 1")
    result = committed(story, stored(2, seconds=41, sha256="original"), file)
    assert the_version(result).number == 3
    assert the_version(result).head


# -- order -------------------------------------------------------------------------------------------

SAVED_AT_50 = EDITING.then(offered(1, seconds=30), offered(2, 2, seconds=60, lastsave=50))
AT_2 = replace(FILE, head=2, last=2, sha256="bytes 2")


def test_a_forcesave_that_comes_after_the_final_is_kept_but_not_the_head() -> None:
    story = SAVED_AT_50.then(saved(2, 2), closed(CloseReason.SAVED))
    result = committed(story, stored(1, seconds=70), AT_2)
    assert [type(fact) for fact in result.document] == [events.Forcesaved]
    assert not the_version(result).head
    assert the_version(result).trigger is Trigger.COMMAND


def test_a_final_beats_a_forcesave_of_the_same_second() -> None:
    story = EDITING.then(offered(1, seconds=30, lastsave=30), offered(2, 2, seconds=40, lastsave=30))
    story = story.then(saved(2, 2, 41))
    assert not the_version(committed(story, stored(1, seconds=50), AT_2)).head


def test_between_forcesaves_of_the_same_second_the_one_received_later_wins() -> None:
    story = EDITING.then(offered(1, lastsave=30), offered(2, lastsave=30))
    later_first = story.then(forcesaved(2, 2))
    assert not the_version(committed(later_first, stored(1), AT_2)).head
    earlier_first = story.then(forcesaved(1, 2))
    assert the_version(committed(earlier_first, stored(2), replace(AT_2, sha256="bytes 1"))).head


def test_without_lastsave_the_order_of_arrival_decides() -> None:
    first, second = (replace(offered(n), lastsave=None) for n in (1, 2))
    story = EDITING.then(first, second, forcesaved(2, 2))
    assert not the_version(committed(story, stored(1), AT_2)).head


def test_a_clock_that_once_ran_ahead_does_not_pin_the_head() -> None:
    ahead = replace(offered(1), lastsave=at(3600 * 24 * 365))
    story = EDITING.then(ahead, forcesaved(1, 2), offered(2, 2, 60))
    assert the_version(committed(story, stored(2, 2, 61), replace(AT_2, sha256="bytes 1"))).head


# -- conflicts and what never becomes the head -------------------------------------------------------

UPLOADED = replace(FILE, head=2, last=2, sha256="uploaded")


def test_a_file_that_moved_on_outside_keeps_both() -> None:
    version = the_version(committed(EDITING.then(offered()), stored(), UPLOADED))
    assert (version.number, version.head) == (3, False)
    assert (version.trigger, version.origin) == (Trigger.CONFLICT, Trigger.COMMAND)


def test_a_session_in_conflict_stays_beside_the_head() -> None:
    story = EDITING.then(offered(1), forcesaved(1, 3, head=False), offered(2, 2, 60))
    version = the_version(committed(story, stored(2, 2, 61), replace(UPLOADED, last=3)))
    assert (version.number, version.head, version.trigger) == (4, False, Trigger.CONFLICT)


def test_the_same_conflicting_bytes_are_one_version() -> None:
    story = EDITING.then(offered(1), forcesaved(1, 3, head=False), offered(2, 2, 60))
    result = committed(story, stored(2, 2, 61, sha256="bytes 1"), replace(UPLOADED, last=3))
    assert result.file == ()
    assert isinstance(result.document[0], events.Saved)
    assert result.document[0].version == 3


def test_renaming_a_file_is_no_conflict() -> None:
    version = the_version(committed(EDITING.then(offered()), stored(), replace(FILE, name="b.docx")))
    assert version.head


def test_what_a_detached_session_saves_is_a_conflict_though_the_head_did_not_move() -> None:
    story = EDITING.then(closed(), reopened(Standing.DETACHED), offered(1, seconds=80))
    assert the_version(committed(story, stored(1, seconds=81))).trigger is Trigger.CONFLICT


@pytest.mark.parametrize(
    "offer",
    [
        offered(1, trigger=Trigger.FORM),
        offered(1, filetype="pdf"),
        offered(1, status=6, trigger=Trigger.FAILED),
    ],
    ids=["a form", "another type", "left by a failed save"],
)
def test_some_saves_never_become_the_head(offer: events.SaveOffered) -> None:
    version = the_version(committed(EDITING.then(offer), stored()))
    assert (version.head, version.trigger) == (False, offer.trigger)


def test_a_removed_file_still_keeps_a_late_save() -> None:
    version = the_version(committed(EDITING.then(offered()), stored(), replace(FILE, removed=True)))
    assert version.head


def test_bytes_that_come_with_a_status_3_are_kept_and_the_session_is_lost() -> None:
    story = EDITING.then(offered(1, 3, 60, trigger=Trigger.FAILED))
    result = committed(story, stored(1, 3, 61))
    assert not the_version(result).head
    _, errored, end = result.document
    assert isinstance(errored, events.Errored)
    assert errored.next is Next.CLOSE
    assert end == closed(CloseReason.LOST)


def test_the_last_word_of_a_spent_key_closes_it_again() -> None:
    story = EDITING.then(offered(2, 2, 60), saved(2, 2), closed(CloseReason.SAVED))
    story = story.then(reopened(Standing.SPENT), offered(7, seconds=70, lastsave=40))
    assert committed(story, stored(7, seconds=71), AT_2).document[-1] == closed(CloseReason.SAVED, 71)


def test_an_older_save_that_gets_here_after_a_recovered_file_stays_beside_it() -> None:
    recovered = replace(offered(9, 2, 100, trigger=Trigger.RECOVERED), lastsave=None)
    story = EDITING.then(left(), recovered, saved(9, 2, 101), closed(CloseReason.SAVED, 101))
    late = story.then(reopened(Standing.SPENT, 102), offered(1, 6, 40))
    result = committed(late, stored(1), replace(FILE, head=2, last=2))
    assert the_version(result).head is False


def test_of_two_saves_of_one_second_the_one_received_later_wins_though_it_was_recorded_first() -> None:
    story = EDITING.then(offered(2, 6, 31, lastsave=30), forcesaved(2, seconds=32))
    result = committed(story.then(offered(1, 6, 30, lastsave=30)), stored(1), replace(FILE, head=2, last=2))
    assert the_version(result).head is False


def test_a_final_that_is_recorded_late_ends_nothing_for_who_came_after_it() -> None:
    story = EDITING.then(joined("bob", 90), offered(2, 2, 60))
    assert "bob" in story.document.users
    assert committed(story, stored(2, 2, 61)).document == (saved(2, 2),)


def test_a_recovered_file_ends_the_session_though_its_refused_final_still_waits() -> None:
    recovered = offered(9, 2, 100, trigger=Trigger.RECOVERED)
    story = EDITING.then(offered(2, 2, 60), recovered)
    result = committed(story, stored(9, 2, 101))
    assert the_version(result).trigger is Trigger.RECOVERED
    assert result.document[-1] == closed(CloseReason.SAVED, 101)
    assert not story.then(*result.document).document.finishing


@pytest.mark.parametrize("known_before", [True, False], ids=["waiting", "recorded late"])
def test_what_was_offered_before_the_recovered_file_does_not_replace_it(known_before: bool) -> None:
    """A forgotten file does not say when it was changed last, but nothing was changed after it."""
    older, recovered = (
        offered(1, seconds=30),
        replace(offered(9, 2, 100, trigger=Trigger.RECOVERED), lastsave=None),
    )
    story = EDITING.then(older, recovered) if known_before else EDITING.then(recovered)
    story = story.then(*committed(story, stored(9, 2, 101)).document)
    if not known_before:
        story = story.then(reopened(Standing.SPENT), older)
    assert not the_version(committed(story, stored(1, seconds=102), AT_2)).head


def test_what_is_typed_after_a_recovered_file_is_newer() -> None:
    recovered = replace(offered(9, 2, 100, trigger=Trigger.RECOVERED), lastsave=None)
    story = EDITING.then(recovered)
    story = story.then(*committed(story, stored(9, 2, 101)).document, reopened(Standing.SPENT))
    story = story.then(offered(3, seconds=200, lastsave=-3600))  # the server's clock is behind
    assert the_version(committed(story, stored(3, seconds=201), AT_2)).head


def test_lag_counts_from_the_servers_last_change() -> None:
    (fact,) = committed(EDITING.then(offered(seconds=30, lastsave=25)), stored(seconds=31)).document
    assert isinstance(fact, events.Forcesaved)
    assert fact.lag == 6


def test_lag_is_never_negative_though_clocks_differ() -> None:
    (fact,) = committed(EDITING.then(offered(seconds=30, lastsave=99)), stored(seconds=31)).document
    assert isinstance(fact, events.Forcesaved)
    assert fact.lag == 0


def test_what_is_typed_into_a_version_that_was_loaded_late_is_a_conflict() -> None:
    story = EDITING.then(offered(2, 2, 60), saved(2, 2), closed(CloseReason.SAVED), reopened(Standing.SPENT))
    story = story.then(*story.when(commands.NoteLoaded(at=at(700), version=1)), offered(5, 2, 710))
    version = the_version(committed(story, stored(5, 2, 711), AT_2))
    assert (version.trigger, version.head) == (Trigger.CONFLICT, False)


def test_a_version_that_is_the_sessions_own_head_is_no_news() -> None:
    assert EDITING.when(commands.NoteLoaded(at=at(2), version=1)) == ()


def taken(n: int = 1, status: int = 6, seconds: float = 90, live: str | None = None) -> commands.TakeStored:
    return commands.TakeStored(
        at=at(seconds), offer=take(n, status, 30, live=live), sha256=f"bytes {n}", size=10, changes_sha256="c"
    )


def test_an_offer_that_could_not_be_recorded_is_recorded_with_its_bytes_at_once() -> None:
    result = take_stored("key", EDITING.document, FILE, taken())
    assert [type(fact).__name__ for fact in result.document] == ["SaveOffered", "Forcesaved"]
    version = the_version(result)
    assert (version.sha256, version.head, version.changes_sha256) == ("bytes 1", True, "c")
    assert version.offer == offer_id(6, url(1))


def test_an_offer_that_was_recorded_and_not_committed_is_committed() -> None:
    story = EDITING.then(offered(2, 2, 30))
    result = take_stored("key", story.document, FILE, taken(2, 2))
    assert [type(fact).__name__ for fact in result.document] == ["Saved", "Closed"]


def test_an_offer_that_is_a_version_already_changes_nothing() -> None:
    story = EDITING.then(offered(), forcesaved())
    assert take_stored("key", story.document, FILE, taken()) == Commit()


def test_an_offer_that_was_given_up_meanwhile_is_stored_after_all() -> None:
    given_up = events.Errored(
        at=at(40),
        source=Source.DOWNLOAD,
        detail="410",
        attempt=7,
        next=Next.GIVE_UP,
        offer=offer_id(6, url(1)),
    )
    result = take_stored("key", EDITING.then(offered(), given_up).document, FILE, taken())
    assert the_version(result).head


def test_an_offer_that_comes_when_another_key_is_live_is_a_conflict() -> None:
    story = EDITING.then(left(), closed())
    result = take_stored("key", story.document, FILE, taken(live="another"))
    assert the_version(result).trigger is Trigger.CONFLICT
    assert not the_version(result).head


def test_bytes_of_a_version_that_was_thinned_out_become_a_version_again() -> None:
    story = EDITING.then(offered(), forcesaved(), left(), closed(CloseReason.SAVED))
    again = replace(taken(5), sha256="bytes 1")
    result = take_stored("key", story.document, FILE, again, thinned={2})
    assert the_version(result).sha256 == "bytes 1"
    came_alive = result.document[0]
    assert isinstance(came_alive, events.Reopened)
    assert came_alive.standing is Standing.SPENT, "what was thinned out was committed all the same"
    assert take_stored("key", story.document, FILE, again).file == ()
