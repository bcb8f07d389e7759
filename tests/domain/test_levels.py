"""How much somebody may do in the editor, and when they may no longer stay."""

from __future__ import annotations

from itertools import product

import pytest

from domain import commands, events
from domain.file import EVERYBODY, File, Share
from domain.formats import FORMATS, format_of
from domain.levels import RANKS, covers, highest, mode_of
from domain.presence import overstaying
from domain.words import Access, Mode
from tests.story import Story, admit, admitted, at, given, joined, left, opened, present


def test_every_mode_needs_the_access_of_its_name() -> None:
    assert {mode.value for mode in Mode} == {access.value for access in Access} - {"none"}
    assert [covers(access, Mode.COMMENT) for access in Access] == [True, True, True, False, False, False]


def test_the_highest_wins() -> None:
    assert highest([Access.FILL, Access.REVIEW, Access.VIEW]) is Access.REVIEW
    assert highest([]) is Access.NONE


@pytest.mark.parametrize(
    ("name", "modes"),
    [
        ("a.docx", {"edit", "review", "comment", "view"}),
        ("a.odt", {"edit", "review", "comment", "view"}),
        ("a.rtf", {"edit", "review", "comment", "view"}),
        ("a.xlsx", {"edit", "comment", "view"}),
        ("a.ods", {"edit", "comment", "view"}),
        ("a.pptx", {"edit", "comment", "view"}),
        ("a.pdf", {"edit", "comment", "fill", "view"}),
        ("a.csv", {"edit", "view"}),
        ("a.txt", {"edit", "view"}),
        ("a.doc", {"view"}),
        ("a.vsdx", {"view"}),
    ],
)
def test_a_format_is_opened_for_what_it_can_hold(name: str, modes: set[str]) -> None:
    format_ = format_of(name)
    assert format_ is not None
    assert {mode_of(access, Mode.EDIT, format_) for access in Access if access != "none"} == modes
    assert {mode_of(Access.EDIT, wanted, format_) for wanted in Mode} == modes


def test_nobody_is_ever_let_in_for_more_than_is_shared_or_wanted() -> None:
    for format_, access, wanted in product(FORMATS.values(), Access, Mode):
        if access is not Access.NONE:
            mode = mode_of(access, wanted, format_)
            assert RANKS[mode] <= min(RANKS[access], RANKS[wanted])


@pytest.mark.parametrize("mode", Mode)
def test_all_but_viewers_join_the_editing(mode: Mode) -> None:
    document = given(opened(), admitted("bob", 9, mode)).document
    assert (document.admitted_at == at(9)) is mode.joins is (mode is not Mode.VIEW)


# -- staying ---------------------------------------------------------------------------------------------


def file(removed: bool = False, **shares: Access) -> File:
    given_out = {EVERYBODY if who == "everybody" else who: Share(who, to) for who, to in shares.items()}
    return File(name="a.docx", owner="ada", owner_name="Ada", shares=given_out, removed=removed)


def editing(mode: Mode = Mode.EDIT) -> Story:
    return given(opened(), admitted(), joined(), admitted("bob", 2, mode), joined("bob", 3))


def test_who_still_has_what_they_came_with_stays() -> None:
    assert overstaying(editing().document, file(bob=Access.EDIT)) == set()
    assert overstaying(editing(Mode.COMMENT).document, file(bob=Access.REVIEW)) == set()
    assert overstaying(editing().document, file(bob=Access.VIEW, everybody=Access.EDIT)) == set()


@pytest.mark.parametrize("access", [Access.REVIEW, Access.COMMENT, Access.FILL, Access.VIEW, Access.NONE])
def test_who_came_to_edit_and_may_only_do_less_does_not(access: Access) -> None:
    assert overstaying(editing().document, file(bob=access)) == {"bob"}


def test_a_viewer_overstays_once_nothing_is_shared() -> None:
    looking = given(opened(), admitted(), admitted("bob", 2, Mode.VIEW)).document
    assert overstaying(looking, file(bob=Access.VIEW)) == set()
    assert overstaying(looking, file()) == {"bob"}


def test_of_a_removed_file_everybody_overstays() -> None:
    assert overstaying(editing().document, file(removed=True, bob=Access.EDIT)) == {"ada", "bob"}


def test_who_has_left_could_come_back_with_what_they_were_given() -> None:
    assert overstaying(editing().then(left("bob")).document, file(bob=Access.COMMENT)) == {"bob"}


def test_of_whom_nobody_knows_what_they_were_let_in_for_only_the_right_to_be_there_counts() -> None:
    story = editing().then(events.Redacted(at=at(), user=EVERYBODY, by="ada", left={}))
    assert overstaying(story.document, file(bob=Access.FILL)) == set()
    assert overstaying(story.document, file(bob=Access.VIEW)) == {"bob"}


def test_whom_we_never_let_in_is_not_ours_to_judge() -> None:
    assert (
        overstaying(editing().after(present("ada", "guest", seconds=5)).document, file(bob=Access.EDIT))
        == set()
    )


def send_out(*users: str, by: str = "", seconds: float = 20) -> commands.SendOut:
    return commands.SendOut(at=at(seconds), users=users, by=by)


def sent_out(user: str, by: str = "", seconds: float = 20) -> events.SentOut:
    return events.SentOut(at=at(seconds), user=user, by=by)


def test_whoever_is_there_is_sent_out_once() -> None:
    story = editing()
    assert story.when(send_out("bob", "carol", by="ada")) == (sent_out("bob", "ada"),)
    assert story.then(sent_out("bob", "ada")).when(send_out("bob", by="ada")) == ()


def test_who_was_sent_out_and_is_let_in_for_less_may_stay() -> None:
    story = editing().then(sent_out("bob"), left("bob", 21))
    again = story.after(admit("bob", 30, mode=Mode.COMMENT), present("ada", "bob", seconds=31))
    assert "bob" not in again.document.sent_out
    assert overstaying(again.document, file(bob=Access.COMMENT)) == set()
    assert again.when(send_out("bob", seconds=40)) == (sent_out("bob", seconds=40),)


def test_who_was_sent_out_and_comes_back_uninvited_does_not_stay() -> None:
    story = editing().then(sent_out("bob"), left("bob", 21), joined("bob", 22))
    assert overstaying(story.document, file(bob=Access.REVIEW)) == {"bob"}
    assert overstaying(story.document, file(bob=Access.EDIT)) == set()
