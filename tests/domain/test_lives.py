"""Any life of a document: whatever the server, the users and the network do, in whatever order."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from application.causes import abridged, restored
from domain import commands, events
from domain import file as files
from domain.commands import Command
from domain.deciding import decide
from domain.document import Document, evolve, replay
from domain.events import DocumentEvent, FileEvent
from domain.offers import offer_id
from domain.saving import commit, take_stored
from domain.words import Mode, Next, Source, Trigger
from tests.story import admit, at, present, take, unchanged, url

USERS = st.sampled_from(["ada", "bob"])
NUMBERS = st.integers(1, 4)
MOMENTS = st.integers(0, 100)


def check_that_it_can_be_made_again(command: Command, facts: Sequence[DocumentEvent]) -> None:
    """What is kept beside the facts is enough to know the command."""
    if facts:
        assert restored(json.loads(json.dumps(abridged(command, facts))), facts) == command


class Lives(RuleBasedStateMachine):
    """One file, one key; the file may be uploaded to meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.past: list[DocumentEvent] = []
        self.file_past: list[FileEvent] = [
            events.Added(at=at(), name="a.docx", owner="ada", owner_name="Ada"),
            self._upload(1, "original"),
        ]
        self.tell(
            commands.Open(
                file="f", name="a.docx", filetype="docx", owner="ada", first=admit("ada", 0, head=1)
            )
        )

    @staticmethod
    def _upload(number: int, sha256: str) -> events.VersionAdded:
        return events.VersionAdded(
            at=at(), number=number, sha256=sha256, size=1, trigger=Trigger.UPLOAD, filetype="docx", head=True
        )

    @property
    def document(self) -> Document:
        document = replay(self.past)
        assert document is not None
        return document

    @property
    def file(self) -> files.File:
        file = files.replay(self.file_past)
        assert file is not None
        return file

    def tell(self, command: Command) -> None:
        """Do it, and see that doing it again states nothing new."""
        before = replay(self.past)
        facts = decide(before, command)
        self.past += facts
        check_that_it_can_be_made_again(command, facts)
        if not (isinstance(command, commands.NoteFailure) and command.next is Next.RETRY):
            assert decide(self.document, command) == (), f"{command} twice"

    @rule(seconds=st.sampled_from([0.5, 3.0, 20.0, 700.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(user=USERS, mode=st.sampled_from(Mode))
    def somebody_opens(self, user: str, mode: Mode) -> None:
        was = self.document
        self.tell(admit(user, self.now, head=self.file.head, mode=mode))
        if was.closed and was.committed:
            assert self.document.closed, "a key whose change was committed was handed out again"

    @rule(users=st.sets(USERS), live=st.sampled_from([None, "other"]))
    def the_server_says_who_edits(self, users: set[str], live: str | None) -> None:
        self.tell(present(*sorted(users), seconds=self.now, live=live))
        if users:
            assert self.document.users == users
            assert not self.document.closed, "a genuine presence was refused"

    @rule(users=st.sets(USERS), by=st.sampled_from(["", "ada"]))
    def somebody_is_sent_out(self, users: set[str], by: str) -> None:
        self.tell(commands.SendOut(at=at(self.now), users=tuple(sorted(users)), by=by))
        assert not users & {user for user, _, _ in self.document.admissions}

    @rule(n=NUMBERS, status=st.sampled_from([2, 3, 6, 6, 7]), lastsave=MOMENTS, form=st.booleans())
    def the_server_offers(self, n: int, status: int, lastsave: int, form: bool) -> None:
        trigger = Trigger.FORM if form and status == 6 else None
        self.tell(take(n, status, self.now, lastsave=lastsave, trigger=trigger))
        offer = offer_id(status, url(n))
        known = offer in self.document.offers or offer in self.document.settled
        assert known, "a genuine offer was refused"

    @rule()
    def the_server_says_nothing_was_changed(self) -> None:
        closed_as = self.document.closed
        self.tell(unchanged(self.now))
        if closed_as:
            assert self.document.closed == closed_as

    @rule(status=st.sampled_from([3, 7]), lastsave=MOMENTS, keep=st.booleans())
    def the_server_fails(self, status: int, lastsave: int, keep: bool) -> None:
        self.tell(
            commands.NoteServerFailure(at=at(self.now), status=status, lastsave=at(lastsave), keep=keep)
        )

    @rule()
    def the_server_does_not_know_the_key(self) -> None:
        self.tell(commands.CloseUnknown(at=at(self.now)))

    @precondition(lambda self: self.document.offers)
    @rule(data=st.data(), content=st.sampled_from(["A", "B", "original"]))
    def bytes_are_safe(self, data: Any, content: str) -> None:
        offer = data.draw(st.sampled_from(sorted(self.document.offers)))
        head, versions = self.file.head, self.file.last
        command = commands.CommitOffer(at=at(self.now), offer=offer, sha256=content, size=1)
        result = commit("key", self.document, self.file, command)
        check_that_it_can_be_made_again(command, result.document)
        self.past += result.document
        self.file_past += result.file
        assert offer not in self.document.offers
        version = self.document.settled[offer].version
        assert version is not None
        assert version <= self.file.last
        assert self.file.last - versions == len(result.file)
        if self.file.head != head:
            assert self.file.sha256 == content
        assert commit("key", self.document, self.file, command).document == ()

    @rule(n=NUMBERS, status=st.sampled_from([2, 3, 6]), lastsave=MOMENTS, content=st.sampled_from(["A", "B"]))
    def bytes_come_that_the_journal_could_not_take(
        self, n: int, status: int, lastsave: int, content: str
    ) -> None:
        offer = take(n, status, self.now, lastsave=lastsave)
        before = self.document.settled.get(offer.offer)
        command = commands.TakeStored(at=at(self.now), offer=offer, sha256=content, size=1)
        result = take_stored("key", self.document, self.file, command)
        check_that_it_can_be_made_again(command, result.document)
        self.past += result.document
        self.file_past += result.file
        settled = self.document.settled[offer.offer]
        assert offer.offer not in self.document.offers
        assert settled.version is not None or settled == before, "quarantined a moment ago"
        again = take_stored("key", self.document, self.file, command)
        assert again.document == again.file == ()

    @rule(back=st.integers(0, 3))
    def the_server_loads_a_version_it_was_given_before(self, back: int) -> None:
        version = max(1, self.document.head - back)
        self.tell(commands.NoteLoaded(at=at(self.now), version=version))
        assert self.document.head == version

    @rule(ago=st.sampled_from([5.0, 61.0, 600.0]))
    def the_server_has_changes_that_nobody_edits(self, ago: float) -> None:
        self.tell(commands.NoteOrphaned(at=at(self.now), since=at(self.now - ago)))

    @precondition(lambda self: self.document.offers)
    @rule(data=st.data(), next_=st.sampled_from([Next.RETRY, Next.GIVE_UP, Next.QUARANTINE]))
    def a_fetch_fails(self, data: Any, next_: Next) -> None:
        offer = data.draw(st.sampled_from(sorted(self.document.offers)))
        note = commands.NoteFailure(
            at=at(self.now), source=Source.DOWNLOAD, detail="x", attempt=1, next=next_, offer=offer
        )
        self.tell(note)
        assert (offer in self.document.offers) == (next_ is Next.RETRY)

    @rule()
    def somebody_uploads(self) -> None:
        self.file_past.append(self._upload(self.file.last + 1, f"upload {self.file.last + 1}"))

    @invariant()
    def the_present_is_the_past_replayed(self) -> None:
        state = None
        for fact in self.past:
            state = evolve(state, fact)
        assert state == replay(self.past)

    @invariant()
    def the_head_is_never_a_form_or_a_beaten_save(self) -> None:
        head = next(
            v for v in self.file_past if isinstance(v, events.VersionAdded) and v.number == self.file.head
        )
        assert head.head
        assert head.trigger not in (Trigger.FORM, Trigger.FAILED, Trigger.CONFLICT)

    @invariant()
    def every_head_of_the_session_outranks_the_one_before(self) -> None:
        ranks = []
        state = None
        for fact in self.past:
            if isinstance(fact, events.Reloaded):
                ranks.clear()  # it begins anew
            if isinstance(fact, events.Forcesaved | events.Saved) and fact.head and state:
                ranks.append(state.rank(state.offers[fact.offer]))
            state = evolve(state, fact)
        assert ranks == sorted(ranks)

    @invariant()
    def what_the_server_keeps_is_of_an_open_document(self) -> None:
        document = self.document
        assert not (document.closed and document.kept_there)

    @invariant()
    def nobody_edits_a_closed_document(self) -> None:
        document = self.document
        assert not (document.closed and document.users)


Lives.TestCase.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
TestLives = Lives.TestCase
