"""What the log says to people: every kind of fact, with the names that are known and without."""

from __future__ import annotations

from dataclasses import replace

import pytest

from application.audit import TYPES
from application.telling import told
from domain import events
from domain.events import Event
from domain.words import Access, CloseReason, Mode, Next, Source, Standing, Trigger
from tests.story import admitted, at, closed, forcesaved, joined, left, offered, opened, reopened, saved

ADDED = events.Added(at=at(), name="Plan.docx", owner="ada", owner_name="Ada")
VERSION = events.VersionAdded(
    at=at(),
    number=3,
    sha256="a" * 64,
    size=20480,
    trigger=Trigger.COMMAND,
    filetype="docx",
    head=True,
    users=("ada",),
)
UPLOADED = replace(VERSION, number=1, trigger=Trigger.UPLOAD)
RESTORED = replace(VERSION, trigger=Trigger.RESTORE, restored=1)
CONFLICT = replace(VERSION, trigger=Trigger.CONFLICT, head=False, origin=Trigger.COMMAND)
FORM = replace(VERSION, trigger=Trigger.FORM, head=False)
RENAMED = events.Renamed(at=at(), name="Draft.docx", by="ada")
SHARED = events.Shared(at=at(), user="bob", name="", access=Access.EDIT, by="ada")
REDACTED = events.Redacted(at=at(), user="bob", by="ada", left={"2": "…", "3": "…"})
REPLIED = events.Replied(at=at(), status=6, http=200, error=0, seconds=0.25)
CONSULTED = events.Consulted(at=at(), user="bob", name="", address="::1", what="the whole log")
ERRORED = events.Errored(at=at(), source=Source.DOWNLOAD, detail="", attempt=1, next=Next.RETRY)


def failed(source: Source, detail: str, then: Next, attempt: int = 1) -> events.Errored:
    return replace(ERRORED, source=source, detail=detail, next=then, attempt=attempt)


TOLD: list[tuple[Event, str, str | None]] = [  # with names, and without where that differs
    (opened(), "A session of “a.docx” began with version 1.", None),
    (
        replace(admitted(), name=""),
        "Ada was let in to edit, from ::1.",
        "Somebody was let in to edit, from ::1.",
    ),
    (replace(admitted(mode=Mode.VIEW), address=""), "Ada was let in to view.", "Ada was let in to view."),
    (
        replace(admitted(), name="You", address=""),
        "You were let in to edit.",
        "You were let in to edit.",
    ),
    (joined(), "Ada joined.", "Somebody joined."),
    (left(), "Ada left.", "Somebody left."),
    (
        replace(admitted(mode=Mode.FILL), name="", address=""),
        "Ada was let in to fill in.",
        "Somebody was let in to fill in.",
    ),
    (
        events.SentOut(at=at(), user="bob", by="ada"),
        "Ada sent Bob out.",
        "Somebody sent somebody out.",
    ),
    (
        events.SentOut(at=at(), user="bob"),
        "Bob was sent out, and may no longer do what they were let in for.",
        "Somebody was sent out, and may no longer do what they were let in for.",
    ),
    (offered(), "The Document Server offered what the auto-save asked for.", None),
    (
        offered(trigger=Trigger.BUTTON),
        "The Document Server offered what Ada saved.",
        "The Document Server offered what somebody saved.",
    ),
    (
        replace(offered(trigger=Trigger.BUTTON), users=()),
        "The Document Server offered what somebody saved.",
        None,
    ),
    (
        offered(trigger=Trigger.FORM),
        "The Document Server offered what Ada submitted.",
        "The Document Server offered what somebody submitted.",
    ),
    (offered(trigger=Trigger.TIMER), "The Document Server offered what its own timer saved.", None),
    (
        offered(status=2),
        "The Document Server offered the document as it was when everybody had left.",
        None,
    ),
    (forcesaved(), "Saved as version 2 (auto-save), 10 B, 1.0 s after the last change.", None),
    (
        replace(forcesaved(head=False), size=1_234_567, lag=300),
        "Saved as version 2 (auto-save), 1.2 MB, 5 min after the last change, beside the current one.",
        None,
    ),
    (
        replace(saved(), lag=10_800),
        "Saved as version 3 (everybody had left), 10 B, 3 h after the last change.",
        None,
    ),
    (closed(), "The session ended; nothing was changed.", None),
    (closed(CloseReason.LOST), "The session ended without its last save.", None),
    (reopened(), "The session came alive again, with Ada.", "The session came alive again."),
    (
        reopened(Standing.DETACHED, user=""),
        "The session came alive again beside a newer one, and its saves are kept as conflicts.",
        None,
    ),
    (
        failed(Source.DOWNLOAD, "12 of 300 bytes arrived", Next.RETRY),
        "A save could not be fetched: 12 of 300 bytes arrived. Docledger tries again.",
        None,
    ),
    (
        failed(Source.DOWNLOAD, "the Document Server answered HTTP 404", Next.GIVE_UP, 3),
        "A save could not be fetched: the Document Server answered HTTP 404. "
        "Docledger gave up on this save after 3 attempts.",
        None,
    ),
    (
        failed(Source.VERIFICATION, "it is damaged (cut short): upload it again", Next.QUARANTINE, 2),
        "What came as a save is not the document: it is damaged (cut short). "
        "The bytes are kept in quarantine, and what people open stays as it is.",
        None,
    ),
    (
        failed(Source.STORAGE, "the blob could not be written: No space left on device", Next.RETRY),
        "A save could not be stored: the blob could not be written: No space left on device. "
        "Docledger tries again.",
        None,
    ),
    (
        failed(
            Source.COMMAND, "Auto-save fails: the Document Server answered 3: an internal fault", Next.GO_ON
        ),
        "Auto-save fails: the Document Server answered 3: an internal fault. Editing goes on.",
        None,
    ),
    (
        failed(Source.SERVER, "Its last changes never came. They are still there {}.", Next.REOPEN),
        "Its last changes never came. They are still there {}.",
        None,
    ),
    (failed(Source.SERVER, "", Next.CLOSE), "The session is over.", None),
    (
        events.Reloaded(at=at(), version=2),
        "The Document Server loaded version 2 again and goes on from there.",
        None,
    ),
    (events.Resumed(at=at()), "Auto-save works again: the Document Server obeys.", None),
    (REPLIED, "The Document Server was told that all is well (error 0), 0.2 s after it had called.", None),
    (
        replace(REPLIED, http=503, error=1, seconds=100),
        "The Document Server was told to keep what it has (HTTP 503, error 1), 100 s after it had called.",
        None,
    ),
    (ADDED, "Ada added “Plan.docx”.", "Ada added “Plan.docx”."),
    (replace(ADDED, owner_name=""), "Ada added “Plan.docx”.", "Somebody added “Plan.docx”."),
    (VERSION, "Version 3 was stored (auto-save), 20.5 KB.", None),
    (UPLOADED, "Ada uploaded version 1, 20.5 KB.", "Somebody uploaded version 1, 20.5 KB."),
    (
        RESTORED,
        "Ada brought version 1 back as version 3, 20.5 KB.",
        "Somebody brought version 1 back as version 3, 20.5 KB.",
    ),
    (
        CONFLICT,
        "Version 3 was kept beside the current one, 20.5 KB: the file had moved on without it.",
        None,
    ),
    (FORM, "Version 3 was stored (a submitted form), 20.5 KB, beside the current one.", None),
    (
        events.Thinned(at=at(), numbers=(2,)),
        "1 automatic save made room for others: v2.",
        None,
    ),
    (
        events.Thinned(at=at(), numbers=tuple(range(1, 31))),
        "30 automatic saves made room for others: v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, ….",
        None,
    ),
    (RENAMED, "Ada renamed it “Draft.docx”.", "Somebody renamed it “Draft.docx”."),
    (SHARED, "Ada shared it with Bob, to edit.", "Somebody shared it with somebody, to edit."),
    (
        replace(SHARED, user="*", access=Access.VIEW),
        "Ada shared it with everybody, to view.",
        "Somebody shared it with everybody, to view.",
    ),
    (
        replace(SHARED, access=Access.FILL),
        "Ada shared it with Bob, to fill in.",
        "Somebody shared it with somebody, to fill in.",
    ),
    (
        replace(SHARED, access=Access.NONE),
        "Ada no longer shares it with Bob.",
        "Somebody no longer shares it with somebody.",
    ),
    (events.Removed(at=at(), by="ada"), "Ada deleted it.", "Somebody deleted it."),
    (events.Reinstated(at=at(), by="ada"), "Ada brought it back.", "Somebody brought it back."),
    (
        REDACTED,
        "Bob’s personal data were taken out of 2 events.",
        "Somebody’s personal data were taken out of 2 events.",
    ),
    (CONSULTED, "Bob read the whole log, from ::1.", "Somebody read the whole log, from ::1."),
    (
        replace(CONSULTED, name="Bob", address="", filters="type=Saved"),
        "Bob read the whole log (type=Saved).",
        "Bob read the whole log (type=Saved).",
    ),
]


@pytest.mark.parametrize(("fact", "named", "nameless"), TOLD)
def test_a_fact_is_told_in_plain_words(fact: Event, named: str, nameless: str | None) -> None:
    assert told(fact, {"ada": "Ada", "bob": "Bob"}) == named
    assert told(fact, {}) == (nameless or named)


def test_every_kind_of_fact_can_be_told() -> None:
    assert {type(fact) for fact, _, _ in TOLD} == {*TYPES.values()}


@pytest.mark.parametrize("trigger", Trigger)
def test_every_trigger_has_words(trigger: Trigger) -> None:
    for fact in (
        replace(VERSION, trigger=trigger),
        replace(forcesaved(), trigger=trigger),
        offered(trigger=trigger),
    ):
        assert told(fact, {}).endswith(".")
        assert trigger != "command" or "auto-save" in told(fact, {})


@pytest.mark.parametrize("standing", Standing)
@pytest.mark.parametrize("reason", CloseReason)
def test_every_end_and_every_return_has_words(reason: CloseReason, standing: Standing) -> None:
    assert told(closed(reason), {}).startswith("The session ")
    assert told(reopened(standing), {}).startswith("The session came alive again")


@pytest.mark.parametrize("source", Source)
@pytest.mark.parametrize("then", Next)
def test_every_error_has_words_that_end(source: Source, then: Next) -> None:
    assert told(failed(source, "it is broken", then), {}).endswith(".")
