"""What follows when an open document is asked something."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain import commands, events
from domain.events import DocumentEvent
from domain.offers import failure_id, offer_id
from domain.words import CloseReason, Mode, Next, Source, Standing, Trigger
from tests.story import (
    EDITING,
    Story,
    admit,
    admitted,
    at,
    closed,
    forcesaved,
    given,
    joined,
    left,
    offered,
    opened,
    present,
    reopened,
    saved,
    take,
    unchanged,
    url,
)

CLOSED_UNCHANGED = EDITING.then(left(), closed())
CLOSED_SAVED = EDITING.then(offered(2, 2, 60), saved(2, 2), closed(CloseReason.SAVED))
FINISHING = EDITING.then(offered(2, 2, 60))


def failed(
    offer: str | None, next_: Next, attempt: int = 1, source: Source = Source.DOWNLOAD
) -> commands.NoteFailure:
    return commands.NoteFailure(
        at=at(65), source=source, detail="no route", attempt=attempt, next=next_, offer=offer
    )


def test_it_is_known_since_when_somebody_edits_and_when_it_was_last_stored() -> None:
    both = EDITING.then(joined("bob", 20), left("ada", 25))
    assert (both.document.editing_since, both.document.saved_at) == (joined().at, None)
    stored = both.then(offered(1, 6, 30), forcesaved(seconds=31))
    assert stored.document.saved_at == at(31)
    again = stored.then(left("bob", 40), joined("ada", 50))
    assert (again.document.editing_since, again.document.saved_at) == (at(50), at(31))


# -- opening and admitting ---------------------------------------------------------------------------


def test_opening_admits_its_first_user() -> None:
    command = commands.Open(
        file="f", name="a.docx", filetype="docx", owner="ada", first=admit("ada", 0, head=1)
    )
    assert given().when(command) == (opened(), admitted())


def test_a_key_is_opened_once() -> None:
    command = commands.Open(file="f", name="a.docx", filetype="docx", owner="ada", first=admit("ada"))
    assert EDITING.when(command) == ()


@pytest.mark.parametrize(
    "command", [admit(), present("ada"), take(), unchanged(), failed(None, Next.GO_ON)], ids=repr
)
def test_nothing_follows_for_a_key_that_was_never_issued(command: commands.Command) -> None:
    assert given().when(command) == ()


def test_a_second_user_is_admitted_under_the_same_key() -> None:
    assert EDITING.when(admit("bob", 70)) == (admitted("bob", 70),)


def test_a_reload_of_the_page_is_no_new_fact() -> None:
    assert EDITING.when(admit("ada", 70)) == ()


def test_a_reload_of_the_page_is_one_where_other_nodes_have_to_know_of_it() -> None:
    assert EDITING.when(replace(admit("ada", 70), afresh=True)) == (admitted("ada", 70),)


def test_the_same_user_is_admitted_again_to_view() -> None:
    assert EDITING.when(admit("ada", 70, mode=Mode.VIEW)) == (admitted("ada", 70, Mode.VIEW),)


def test_nobody_is_admitted_while_the_final_save_is_not_safe() -> None:
    assert FINISHING.document.finishing
    assert FINISHING.when(admit()) == ()


def test_who_comes_back_before_the_final_is_safe_goes_on_under_the_key() -> None:
    story = FINISHING.then(joined("ada", 62))
    assert not story.document.finishing
    assert story.when(admit("bob", 70)) == (admitted("bob", 70),)


def test_a_key_that_nobody_edits_is_retired_when_the_file_has_moved_on() -> None:
    story = given(opened(), admitted())
    assert story.when(admit(head=2)) == (events.Closed(at=at(70), reason=CloseReason.SUPERSEDED),)


def test_a_key_whose_editors_are_gone_without_a_word_is_not_retired_when_the_file_moves_on() -> None:
    """The server may have their changes, and only opening this key and leaving it delivers them."""
    story = EDITING.then(left())
    assert story.when(admit(head=2)) == (admitted("bob", 70),)


def test_who_looked_at_the_file_before_the_last_save_retires_no_key() -> None:
    story = EDITING.then(offered(), left(seconds=60), forcesaved(version=2, seconds=61))
    assert story.when(admit("bob", 62, head=1)) == (admitted("bob", 62),)


def test_a_key_that_somebody_edits_is_joined_although_the_file_has_moved_on() -> None:
    assert EDITING.when(admit("bob", 70, head=2)) == (admitted("bob", 70),)


def test_the_sessions_own_saves_do_not_retire_it() -> None:
    story = EDITING.then(offered(), forcesaved(), left())
    assert story.when(admit("bob", 70, head=2)) == (admitted("bob", 70),)


def test_a_key_closed_unchanged_is_handed_out_again_for_a_while() -> None:
    assert CLOSED_UNCHANGED.when(admit("bob", 70)) == (reopened(user="bob"), admitted("bob", 70))


@pytest.mark.parametrize(
    ("story", "command"),
    [
        (CLOSED_UNCHANGED, admit(seconds=61 + 600)),
        (CLOSED_UNCHANGED, admit(head=2)),
        (CLOSED_SAVED, admit(head=2)),
        (EDITING.then(offered(), forcesaved(), closed(CloseReason.UNCHANGED)), admit(head=2)),
        (EDITING.then(closed(CloseReason.LOST)), admit()),
        (given(opened(), closed(CloseReason.ABANDONED)), admit()),
    ],
    ids=["too late", "the head moved", "saved", "forcesaved", "lost", "abandoned"],
)
def test_otherwise_a_closed_key_is_never_handed_out_again(story: object, command: commands.Admit) -> None:
    assert story.when(command) == ()  # type: ignore[attr-defined]


# -- presence ----------------------------------------------------------------------------------------


def test_users_is_the_truth_about_who_edits() -> None:
    assert EDITING.when(present("bob", "cyd")) == (
        joined("bob", 10),
        joined("cyd", 10),
        left("ada", 10),
    )


def test_a_second_tab_of_the_same_user_changes_nothing() -> None:
    assert EDITING.when(present("ada")) == ()


def test_a_presence_does_not_reopen_an_empty_document() -> None:
    assert CLOSED_UNCHANGED.when(present()) == ()


@pytest.mark.parametrize(
    ("story", "live", "standing"),
    [
        (CLOSED_UNCHANGED, None, Standing.LIVE),
        (CLOSED_UNCHANGED, "another key", Standing.DETACHED),
        (CLOSED_SAVED, None, Standing.SPENT),
        (CLOSED_SAVED, "another key", Standing.DETACHED),
        (EDITING.then(closed(CloseReason.LOST)), None, Standing.SPENT),
    ],
)
def test_a_laptop_that_wakes_reopens_the_key(story: object, live: str | None, standing: Standing) -> None:
    facts = story.when(present("ada", seconds=70, live=live))  # type: ignore[attr-defined]
    assert facts == (reopened(standing), joined("ada", 70))


def test_a_key_that_is_not_live_is_not_handed_out() -> None:
    story = CLOSED_UNCHANGED.then(reopened(Standing.DETACHED), joined("ada", 70))
    assert story.when(admit("bob", 80)) == ()


# -- offers ------------------------------------------------------------------------------------------


def test_an_offer_is_recorded_before_anything_is_fetched() -> None:
    assert EDITING.when(take()) == (offered(),)


def test_a_repeat_with_a_fresh_signature_is_no_new_offer() -> None:
    repeat = replace(take(), url=url(1).replace("md5=abc", "md5=xyz"))
    assert EDITING.then(offered()).when(repeat) == ()


def test_the_same_path_under_another_status_is_another_offer() -> None:
    assert offer_id(6, url(1)) != offer_id(2, url(1))


def test_a_second_offer_is_taken_while_the_first_is_fetched() -> None:
    assert EDITING.then(offered(1)).when(take(2, 6, 40)) == (offered(2, 6, 40),)


def test_a_final_is_taken_while_a_forcesave_is_fetched() -> None:
    story = EDITING.then(offered(1))
    facts = story.when(take(2, 2, 40))
    assert facts == (offered(2, 2, 40),)
    assert story.then(*facts).document.users == frozenset()


def test_a_stored_offer_is_not_fetched_again_within_a_day() -> None:
    story = EDITING.then(offered(), forcesaved(seconds=31))
    assert story.when(take(seconds=31 + 86399)) == ()
    assert story.when(take(seconds=31 + 86400)) == (offered(seconds=31 + 86400),)


def test_an_offer_that_was_given_up_is_taken_again_when_it_is_repeated() -> None:
    story = EDITING.then(offered())
    story = story.then(*story.when(failed(offer_id(6, url(1)), Next.GIVE_UP)))
    assert story.when(take(seconds=80)) == (offered(seconds=80),)


def test_a_late_offer_reopens_a_closed_key() -> None:
    assert CLOSED_SAVED.when(take(7, 6, 70)) == (reopened(Standing.SPENT), offered(7, 6, 70))


def test_a_repeated_final_after_closing_changes_nothing() -> None:
    assert CLOSED_SAVED.when(take(2, 2, 90, lastsave=88)) == ()


def test_a_server_that_does_not_say_the_type_means_the_documents_own() -> None:
    (fact,) = EDITING.when(take(filetype=""))
    assert isinstance(fact, events.SaveOffered)
    assert fact.filetype == "docx"


# -- closing -----------------------------------------------------------------------------------------


def test_a_status_4_closes_a_document_without_changes() -> None:
    assert EDITING.when(unchanged(60)) == (left("ada", 60), closed(seconds=60))


@pytest.mark.parametrize("seconds", [1, 5, 10.9])
def test_a_status_4_soon_after_a_join_waits_for_confirmation(seconds: float) -> None:
    assert EDITING.when(unchanged(seconds)) == ()


def test_a_status_4_soon_after_an_admission_waits_too_though_it_was_no_fact() -> None:
    assert EDITING.when(unchanged(60, admitted=55)) == ()


def test_a_confirmed_status_4_closes() -> None:
    assert EDITING.when(unchanged(5, confirmed=4)) == (left("ada", 5), closed(seconds=5))


def test_a_confirmation_older_than_the_last_join_does_not_count() -> None:
    assert EDITING.when(unchanged(5, confirmed=0.5)) == ()


def test_a_status_4_after_a_forcesave_is_no_unchanged_document() -> None:
    story = EDITING.then(offered(), forcesaved())
    assert story.when(unchanged())[-1] == closed(CloseReason.SAVED, 60)


def test_a_status_4_does_not_close_over_an_offer_under_way() -> None:
    assert EDITING.then(offered()).when(unchanged()) == (left("ada", 60),)


@pytest.mark.parametrize("story", [CLOSED_SAVED, CLOSED_UNCHANGED, EDITING.then(closed(CloseReason.LOST))])
def test_a_status_4_never_changes_how_a_document_was_closed(story: object) -> None:
    assert story.when(unchanged(99)) == ()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("story", "reason"),
    [
        (given(opened(), admitted()), CloseReason.ABANDONED),
        (EDITING, CloseReason.LOST),
        (EDITING.then(left()), CloseReason.LOST),
        (CLOSED_SAVED.then(reopened(Standing.SPENT)), CloseReason.SAVED),
    ],
)
def test_what_the_server_does_not_know_is_closed(story: object, reason: CloseReason) -> None:
    facts = story.when(commands.CloseUnknown(at=at(99)))  # type: ignore[attr-defined]
    assert facts[-1] == closed(reason, 99)


def test_an_unknown_key_is_not_closed_over_an_offer_under_way() -> None:
    assert EDITING.then(offered()).when(commands.CloseUnknown(at=at(99))) == ()


# -- failures ----------------------------------------------------------------------------------------


def server_failure(status: int, *, keep: bool = False) -> commands.NoteServerFailure:
    return commands.NoteServerFailure(at=at(60), status=status, lastsave=at(50), keep=keep)


def test_a_status_3_loses_the_session_and_says_so() -> None:
    errored, end = EDITING.when(server_failure(3))
    assert isinstance(errored, events.Errored)
    assert (errored.source, errored.next) == (Source.SERVER, Next.CLOSE)
    assert end == closed(CloseReason.LOST, 60)


def test_a_status_3_keeps_the_key_live_when_the_server_was_told_to_keep_its_changes() -> None:
    errored, *others = EDITING.when(server_failure(3, keep=True))
    assert isinstance(errored, events.Errored)
    assert others == [left("ada", 60)]
    assert EDITING.then(errored, *others).when(admit("bob", 70)) == (admitted("bob", 70),)


def test_a_status_7_is_noted_and_editing_goes_on() -> None:
    (errored,) = EDITING.when(server_failure(7))
    assert isinstance(errored, events.Errored)
    assert errored.next is Next.GO_ON
    assert EDITING.then(errored).document.users == {"ada"}


@pytest.mark.parametrize("status", [3, 7])
def test_a_repeated_failure_changes_nothing(status: int) -> None:
    story = EDITING.after(server_failure(status))
    assert failure_id(status, at(50)) in story.document.settled
    assert story.when(server_failure(status)) == ()


def test_a_failed_fetch_leaves_the_offer_waiting() -> None:
    story = EDITING.then(offered()).after(failed(offer_id(6, url(1)), Next.RETRY))
    assert story.document.offers
    assert story.document.trouble


@pytest.mark.parametrize("next_", [Next.GIVE_UP, Next.QUARANTINE])
def test_a_final_that_cannot_be_had_loses_the_session(next_: Next) -> None:
    facts = FINISHING.when(failed(offer_id(2, url(2)), next_))
    assert facts[-1] == closed(CloseReason.LOST, 65)


@pytest.mark.parametrize("next_", [Next.GIVE_UP, Next.QUARANTINE])
def test_a_forcesave_that_cannot_be_had_does_not_end_the_session(next_: Next) -> None:
    story = EDITING.then(offered()).after(failed(offer_id(6, url(1)), next_))
    assert not story.document.closed
    assert not story.document.offers


def test_a_failure_of_an_offer_that_is_settled_is_no_news() -> None:
    story = EDITING.then(offered(), forcesaved())
    assert story.when(failed(offer_id(6, url(1)), Next.GIVE_UP)) == ()


def test_a_save_makes_trouble_good() -> None:
    story = EDITING.after(failed(None, Next.GO_ON, source=Source.COMMAND)).then(offered(), forcesaved())
    assert story.document.trouble is None


def test_history_begins_with_opened() -> None:
    with pytest.raises(ValueError, match="cannot begin with Joined"):
        _ = given(joined()).document


def test_a_form_is_an_offer_like_any_other() -> None:
    (fact,) = EDITING.when(take(trigger=Trigger.FORM))
    assert isinstance(fact, events.SaveOffered)


def test_a_forgotten_file_is_taken_each_time_for_it_has_always_the_same_path() -> None:
    forgotten = take(5, 2, 90, trigger=Trigger.RECOVERED)
    story = CLOSED_SAVED.then(*CLOSED_SAVED.when(forgotten), saved(5, 3, 91))
    again = take(5, 2, 200, trigger=Trigger.RECOVERED)
    assert [type(fact) for fact in story.when(again)] == [events.SaveOffered]


def test_a_forgotten_file_that_somebody_has_open_again_is_not_taken() -> None:
    assert EDITING.when(take(5, 2, 90, trigger=Trigger.RECOVERED)) == ()


def orphaned(
    seconds: float = 200, since: float = 130, admitted: float | None = None
) -> commands.NoteOrphaned:
    return commands.NoteOrphaned(
        at=at(seconds), since=at(since), admitted=None if admitted is None else at(admitted)
    )


def test_changes_that_nobody_edits_are_noted_with_what_to_do() -> None:
    (errored,) = EDITING.then(left()).when(orphaned())
    assert isinstance(errored, events.Errored)
    assert errored.next is Next.REOPEN
    assert "open the document again and leave it" in errored.detail


def test_of_a_used_up_key_only_what_is_true_is_said() -> None:
    story = CLOSED_SAVED.then(reopened(Standing.SPENT), left(seconds=80))
    (errored,) = story.when(orphaned())
    assert isinstance(errored, events.Errored)
    assert "open the document again" not in errored.detail
    assert "used-up key" in errored.detail


@pytest.mark.parametrize(
    ("story", "command"),
    [
        (EDITING, orphaned()),
        (EDITING.then(left()), orphaned(since=141)),
        (EDITING.then(left()), orphaned(admitted=131)),
        (EDITING.then(left(), admitted("bob", 131)), orphaned()),
        (EDITING.then(left(), joined("bob", 131), left("bob", 140)), orphaned()),
        (EDITING.then(left(), offered(2, 2, 60)), orphaned()),
        (EDITING.then(left(), closed()), orphaned()),
    ],
    ids=["edited", "too soon", "let in", "admitted", "joined", "offered", "closed"],
)
def test_what_may_still_come_by_itself_is_no_orphan(story: Story, command: commands.NoteOrphaned) -> None:
    assert story.when(command) == ()


def test_a_key_whose_changes_are_at_the_server_is_handed_out_though_the_file_has_moved_on() -> None:
    story = EDITING.then(left())
    kept = story.then(*story.when(orphaned()))
    assert kept.document.kept_there
    (let_in,) = kept.when(admit(head=9, seconds=300))
    assert isinstance(let_in, events.Admitted)


@pytest.mark.parametrize("end", [saved(), closed()], ids=["saved", "closed"])
def test_what_is_delivered_or_over_is_not_kept_there_any_more(end: DocumentEvent) -> None:
    story = EDITING.then(left())
    kept = story.then(*story.when(orphaned()), offered(2, 2, 210))
    assert not kept.then(end).document.kept_there
