"""What people do to a file outside the editor."""

from __future__ import annotations

import pytest

from domain import events
from domain import file as files
from domain.file import EVERYBODY, File
from domain.words import Access, Trigger
from tests.story import at

ADDED = events.Added(at=at(), name="a.docx", owner="ada", owner_name="Ada")


def version(number: int, sha256: str, *, head: bool = True) -> events.VersionAdded:
    return events.VersionAdded(
        at=at(number),
        number=number,
        sha256=sha256,
        size=9,
        trigger=Trigger.UPLOAD,
        filetype="docx",
        head=head,
    )


def given(*facts: events.FileEvent) -> File:
    file = files.replay((ADDED, version(1, "one"), *facts))
    assert file is not None
    return file


def shared(user: str, access: Access) -> events.Shared:
    return events.Shared(at=at(), user=user, name=user, access=access, by="ada")


def test_the_head_is_the_last_version_that_claimed_it() -> None:
    file = given(version(2, "two"), version(3, "three", head=False))
    assert (file.head, file.last, file.sha256) == (2, 3, "two")


@pytest.mark.parametrize(
    ("facts", "user", "access"),
    [
        ((), "ada", Access.EDIT),
        ((), "bob", Access.NONE),
        ((shared("bob", Access.VIEW),), "bob", Access.VIEW),
        ((shared("bob", Access.VIEW), shared("bob", Access.EDIT)), "bob", Access.EDIT),
        ((shared("bob", Access.EDIT), shared("bob", Access.NONE)), "bob", Access.NONE),
        ((shared(EVERYBODY, Access.VIEW),), "cyd", Access.VIEW),
        ((shared(EVERYBODY, Access.VIEW), shared("bob", Access.EDIT)), "bob", Access.EDIT),
        ((shared(EVERYBODY, Access.EDIT), shared("bob", Access.VIEW)), "bob", Access.EDIT),
    ],
)
def test_who_may_do_what(facts: tuple[events.FileEvent, ...], user: str, access: Access) -> None:
    assert given(*facts).access(user) is access


def test_the_same_name_is_no_news() -> None:
    assert files.rename(given(), at=at(), name="a.docx", by="ada") == ()
    assert files.rename(given(), at=at(), name="b.docx", by="ada") == (
        events.Renamed(at=at(), name="b.docx", by="ada"),
    )


def test_the_same_share_is_no_news() -> None:
    share = {"at": at(), "user": "bob", "name": "bob", "by": "ada"}
    assert files.share(given(), access=Access.VIEW, **share) == (shared("bob", Access.VIEW),)  # type: ignore[arg-type]
    assert files.share(given(shared("bob", Access.VIEW)), access=Access.VIEW, **share) == ()  # type: ignore[arg-type]
    assert files.share(given(), access=Access.NONE, **share) == ()  # type: ignore[arg-type]


def test_an_owner_cannot_be_shared_out() -> None:
    assert files.share(given(), at=at(), user="ada", name="Ada", access=Access.VIEW, by="ada") == ()


def test_a_file_is_removed_once_and_can_come_back() -> None:
    (removed,) = files.remove(given(), at=at(), by="ada")
    gone = given(removed)
    assert gone.removed
    assert files.remove(gone, at=at(), by="ada") == ()
    (back,) = files.reinstate(gone, at=at(), by="ada")
    assert not given(removed, back).removed
    assert files.reinstate(given(), at=at(), by="ada") == ()


def test_an_upload_gets_the_next_number_even_after_versions_beside_the_head() -> None:
    file = given(version(2, "two", head=False))
    (put,) = files.put(file, at=at(), sha256="three", size=1, filetype="docx", by="bob")
    assert isinstance(put, events.VersionAdded)
    assert (put.number, put.head, put.users) == (3, True, ("bob",))


def test_uploading_the_head_again_is_no_news() -> None:
    assert files.put(given(), at=at(), sha256="one", size=9, filetype="docx", by="ada") == ()


def test_history_begins_with_added() -> None:
    with pytest.raises(ValueError, match="cannot begin with Removed"):
        files.replay([events.Removed(at=at(), by="ada")])
