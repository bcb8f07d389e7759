"""The stand-in's decisions about one key: given what happened, who may do what."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from infrastructure.standin.openings import Opening
from infrastructure.standin.room import TOLD_LIMIT, Delivery, Departure, Phase, Room, Session, Trigger

numbers = count(1)


def session(user: str = "ada", *, editing: bool = True, callback: bool = True) -> Session:
    url = f"http://integrator/callback?who={user}" if callback else None
    opening = Opening("k", "http://integrator/file", "txt", "t.txt", user, user.title(), url, editing, True)
    return Session(next(numbers), opening, "http://standin", editing)


def given(*sessions: Session, text: str = "night") -> Room:
    room = Room("k", "txt")
    for each in sessions:
        room.enter(each)
        each.submitted = text
    room.load(text.encode(), text)
    return room


def test_editors_are_counted_once_and_viewers_not_at_all() -> None:
    room = given(session("ada"), session("ada"), session("bob"), session("eve", editing=False))
    assert room.users == ["ada", "bob"]


def test_who_may_only_comment_is_there_and_changes_nothing() -> None:
    bob = session("bob")
    bob.opening = replace(bob.opening, rights="comment")
    room = given(bob)
    assert not room.edit(bob, "good night", None, 1.0)
    assert (room.users, room.text) == (["bob"], "night")


def test_nothing_can_be_saved_before_a_change() -> None:
    room = given(session())
    assert not room.forcesave_due()
    assert room.refused_forcesave() is None


def test_a_change_can_be_saved_once() -> None:
    ada = session()
    room = given(ada)
    assert room.edit(ada, "good night", None, 1.0)
    assert room.forcesave_due()
    room.start_forcesave(Trigger.COMMAND)
    assert not room.forcesave_due()


def test_a_refused_save_stays_on_offer_until_the_next_change() -> None:
    ada = session()
    room = given(ada)
    room.edit(ada, "good night", None, 1.0)
    saved = room.start_forcesave(Trigger.BUTTON, presser=ada)
    assert room.refused_forcesave() is None, "still under way"
    saved.delivery = Delivery.REFUSED
    assert room.refused_forcesave() is saved
    room.edit(ada, "good night!", None, 2.0)
    assert room.refused_forcesave() is None
    assert room.forcesave_due()


def test_a_snapshot_does_not_see_what_comes_after() -> None:
    ada = session()
    room = given(ada)
    room.edit(ada, "one", None, 1.0)
    saved = room.start_forcesave(Trigger.COMMAND)
    room.edit(ada, "one two", None, 2.0)
    assert saved.text == "one"


def test_only_an_accepted_save_of_the_latest_change_makes_a_final_one_unmodified() -> None:
    ada = session()
    room = given(ada)
    room.edit(ada, "one", None, 1.0)
    saved = room.start_forcesave(Trigger.COMMAND)
    assert room.delivered is False
    saved.delivery = Delivery.ENDED
    assert room.delivered is True
    room.edit(ada, "two", None, 2.0)
    assert room.delivered is False


def test_without_a_callback_there_is_nothing_to_save_to() -> None:
    ada = session(callback=False)
    room = given(ada)
    room.edit(ada, "one", None, 1.0)
    assert not room.forcesave_due()


def test_the_last_editor_to_leave_decides_how_it_ends() -> None:
    ada, bob, eve = session("ada"), session("bob"), session("eve", editing=False)
    room = given(ada, bob, eve)
    assert room.leave(eve) is Departure.UNNOTICED
    assert room.leave(ada) is Departure.OTHERS_STAY
    assert room.leave(bob) is Departure.UNCHANGED
    assert room.phase is Phase.OPEN


def test_a_change_is_to_be_saved_when_all_have_left() -> None:
    ada = session()
    room = given(ada)
    room.edit(ada, "one", None, 1.0)
    assert room.leave(ada) is Departure.TO_SAVE
    assert room.phase is Phase.WAITING
    assert room.admits(0.0), "there is time to come back"


def test_nobody_enters_while_the_final_save_is_on_its_way_or_just_accepted() -> None:
    room = given(session())
    room.phase = Phase.OFFERING
    assert not room.admits(0.0)
    room.spend(until=300.0)
    assert not room.admits(299.0)
    assert room.admits(300.0)
    assert not room.to_save


def test_a_forgotten_document_is_to_be_saved_even_unchanged() -> None:
    ada = session()
    room = given(ada)
    room.forgotten = True
    assert room.delivered is None
    assert not room.forcesave_due()
    assert room.leave(ada) is Departure.TO_SAVE


def test_history_has_an_entry_for_each_run_of_changes() -> None:
    ada, bob = session("ada"), session("bob")
    room = given(ada, bob)
    for who, text, at in [(ada, "1", 1.0), (ada, "12", 2.0), (bob, "night3", 3.0), (ada, "124", 4.0)]:
        room.edit(who, text, None, at)
    assert [(run.user_id, run.started) for run in room.history] == [("ada", 1.0), ("bob", 3.0), ("ada", 4.0)]


def test_a_text_grows_from_what_its_page_was_told() -> None:
    ada, bob = session("ada"), session("bob")
    room = given(ada, bob)
    told = bob.tell(room.text)
    room.edit(ada, "good night", None, 1.0)
    room.edit(bob, "night, Ada", told, 2.0)
    assert room.text == "good night, Ada"


def test_a_silent_page_is_not_remembered_for_ever() -> None:
    ada = session()
    for number in range(1000):
        ada.tell(f"text {number}")
    assert len(ada.told) <= TOLD_LIMIT
    assert ada.ground(1000) == "text 999"


def test_who_may_not_edit_changes_nothing() -> None:
    eve = session("eve", editing=False)
    room = given(eve)
    assert not room.edit(eve, "mine now", None, 1.0)
    assert not replace(room, document=None).edit(session(), "too early", None, 1.0)
    assert room.text == "night"
