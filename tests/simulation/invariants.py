"""What must hold at the end of every history, whatever went wrong on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from math import inf

from application.fetching import GONE
from application.repeating import repeat
from domain import document as documents
from domain import events
from domain import file as files
from domain.document import Document
from domain.offers import Offer
from domain.words import Next, Standing, Trigger
from tests.simulation.docledger import Docledger
from tests.simulation.node import NOON
from tests.simulation.office import Office
from tests.simulation.storage import DoomedJournal
from tests.simulation.witness import Offered, Witness, marks_in

SOON = 45.0  # seconds: an interval of the auto-save, and time for assembly, callback and download
LONG = 700.0  # seconds after which the service asks who edits, so that a lost callback does not matter
# That run as long as the service does: alarms, forgotten files, shards, the spool, the overflow.
WORKERS = 5
# What does not keep the bytes of an offer from being made safe; after a start, only the journal knows of it.
SURVIVED = frozenset({"callback", "command", "assembly"})
BORNE = SURVIVED | {"journal", "blobs"}
WITHIN = 130.0  # seconds without trouble in which an offer must come in: twice the longest pause

BESIDE = frozenset({Trigger.FORM, Trigger.FAILED, Trigger.CONFLICT})


class Reckoning:
    def __init__(self, docledger: Docledger, office: Office) -> None:
        self.docledger, self.office = docledger, office
        self.journal: DoomedJournal = docledger.journal
        self.witness: Witness = docledger.witness
        self.versions = [
            (file, event)
            for name, _, event in self.journal.log
            if isinstance(event, events.VersionAdded) and (file := name.removeprefix("file/"))
        ]
        self.kept = {event.sha256: self._bytes(event.sha256) for _, event in self.versions}
        self.excuses: Counter[str] = Counter()

    def faults(self) -> list[str]:
        faults = [*self.witness.faults]
        for check in (
            self.acknowledged,
            self.typed,
            self.autosaved,
            self.replayed,
            self.decided_again,
            self.one_live_key,
            self.heads,
            self.once,
            self.finished,
        ):
            faults += [f"{check.__name__}: {fault}" for fault in check()]
        return faults

    def _bytes(self, sha256: str) -> bytes:
        return self.docledger.bytes(sha256) or b""

    def acknowledged(self) -> Iterator[str]:
        """1: what was answered with error 0 and could be had is a version."""
        kept = set(self.kept.values())
        for offer in self.witness.offers.values():
            if offer.accepted is not None and offer.content not in kept:
                excuse = self._excuse(offer)
                if excuse:
                    self.excuses[excuse] += 1
                else:
                    yield f"{offer} is no version"

    def _excuse(self, offer: Offered) -> str | None:
        if self.docledger.durable:
            return None
        if self.witness.spoils.get((offer.path, "garbage"), 0) >= 2:
            return "garbage"
        if self.witness.spoils.get((offer.path, "gone"), 0) >= GONE:
            return "gone"
        troubles = self.docledger.troubles
        killed = "docledger" in troubles.between(offer.at, offer.expires)
        but = SURVIVED if killed else BORNE
        if not troubles.calm(offer.at, offer.expires, WITHIN, but):
            return "out of reach while its url lived"
        return None

    def typed(self) -> Iterator[str]:
        """2: whatever was typed is in some version, or it is known who lost it."""
        kept = {mark for content in self.kept.values() for mark in marks_in(content)}
        excused = dict(self.witness.lost)
        for key in self._stranded():
            excused.update((mark, "stranded") for mark in marks_in(self.office.text(key)))
        for offer in self.witness.offers.values():
            if offer.accepted is not None and offer.status in (2, 3) and (why := self._excuse(offer)):
                excused.update((mark, why) for mark in marks_in(offer.content))
        for mark, (key, _) in self.witness.typed_.items():
            if mark not in kept:
                if mark in excused:
                    self.excuses[excused[mark]] += 1
                else:
                    yield f"{mark}, typed under {key}, is in no version"

    def _stranded(self) -> list[str]:
        """A known limit: changes that the server keeps under a key that is not handed out any more."""
        documents = {key: state for key, (state, _) in self.journal.documents_.items()}
        return [
            key
            for key, state in documents.items()
            if state.kept_there and state.standing is not Standing.LIVE
        ]

    def autosaved(self) -> Iterator[str]:
        """9: while nothing is wrong, what is typed is a version within one interval of the auto-save."""
        stored: dict[str, float] = {}
        for _, version in self.versions:
            for mark in marks_in(self.kept[version.sha256]):
                stored.setdefault(mark, (version.at - NOON).total_seconds())
        for mark, (key, at) in self.witness.typed_.items():
            late = stored.get(mark, inf) > at + SOON
            if late and self.docledger.troubles.calm(at - LONG, at + SOON, LONG + SOON):
                yield f"{mark}, typed under {key} at {at:.3f}, was stored at {stored.get(mark)}"

    def replayed(self) -> Iterator[str]:
        """6: the present is the past replayed."""
        for key, (state, version) in self.journal.documents_.items():
            facts = [recorded.event for recorded in self.journal.streams[f"document/{key}"]]
            if state != documents.replay(facts) or version != len(facts):  # type: ignore[arg-type]
                yield f"{key} is not what its facts lead to"
        for file, row in self.journal.files_.items():
            facts = [recorded.event for recorded in self.journal.streams[f"file/{file}"]]
            if row.file != files.replay(facts) or row.version != len(facts):  # type: ignore[arg-type]
                yield f"{file} is not what its facts lead to"
            numbers = [version.number for owner, version in self.versions if owner == file]
            if numbers != list(range(1, len(numbers) + 1)):
                yield f"{file} has the versions {numbers}"

    def decided_again(self) -> Iterator[str]:
        """Every decision in the log, made again, gives the log: nothing it was made on is missing there."""
        difference = repeat(self.journal.kept).difference
        if difference:
            yield f"{difference.fact} was decided on {difference.command}, and now {difference.decided}"

    def one_live_key(self) -> Iterator[str]:
        """3: at most one key of a file is live, and a key whose change was committed is not handed out."""
        states: dict[str, Document] = {}
        for name, _, event in self.journal.log:
            kind, _, key = name.partition("/")
            if kind != "document":
                continue
            before = states.get(key)
            if isinstance(event, events.Admitted) and before and not _is_live(before):
                yield f"{key} was handed out while {before.standing}, closed {before.closed}"
            states[key] = state = documents.evolve(before, event)  # type: ignore[arg-type]
            live = [other for other, each in states.items() if each.file == state.file and _is_live(each)]
            if len(live) > 1:
                yield f"{live} are all live"
        live_keys = {state.file: key for key, state in states.items() if _is_live(state)}
        if live_keys != self.journal.live:
            yield f"{self.journal.live} are said to be live, but {live_keys} are"

    def heads(self) -> Iterator[str]:
        """4: heads of a session only go forward, and a session replaces only what it knew."""
        base = {
            name.removeprefix("document/"): event.base
            for name, _, event in self.journal.log
            if isinstance(event, events.Opened)
        }
        head: dict[str, events.VersionAdded] = {}
        last: dict[str, events.VersionAdded] = {}  # by key: the session's last head
        for file, version in self.versions:
            if not version.head:
                continue
            if version.trigger in BESIDE:
                yield f"version {version.number} of {file} is the head, but {version.trigger}"
            before = head.get(file)
            if version.key and before and before.key != version.key and before.number != base[version.key]:
                yield f"version {version.number} of {file} replaced {before.number}, which it did not know"
            own = last.get(version.key or "")
            if own and not self._indistinguishable(own, version):
                missing = set(marks_in(self.kept[own.sha256])) - set(marks_in(self.kept[version.sha256]))
                if missing:
                    yield f"version {version.number} of {file} has lost {sorted(missing)} of {own.number}"
            if version.key:
                last[version.key] = version
            head[file] = version

    def _indistinguishable(self, one: events.VersionAdded, other: events.VersionAdded) -> bool:
        """Of one second, or a clock was wrong: `lastsave` does not say which of the two came first."""
        if self.office.set_back:
            return True
        offers = self.journal.streams[f"document/{one.key}"]
        made = {fact.event.offer: fact.event for fact in offers if isinstance(fact.event, events.SaveOffered)}
        before, after = made[one.offer or ""], made[other.offer or ""]
        too_far_ahead = before.lastsave is not None and Offer(before, 0).lastsave is None
        return before.lastsave == after.lastsave or too_far_ahead

    def once(self) -> Iterator[str]:
        """5: no offer makes two versions, and no session stores the same bytes twice for nothing."""
        seen: dict[tuple[str, str], events.VersionAdded] = {}
        head: dict[str, str] = {}  # of each file, its digest
        for file, version in self.versions:
            twin = seen.get((version.key or "", version.sha256))
            useless = head.get(file) == version.sha256 if version.head else twin is not None
            if version.key and useless:
                yield f"{version.number} of {file} has the bytes of an earlier version"
            if version.head:
                head[file] = version.sha256
            seen[version.key or "", version.sha256] = version
        for stream, facts in self.journal.streams.items():
            open_: dict[str, events.SaveOffered] = {}
            for recorded in facts:
                fact = recorded.event
                if isinstance(fact, events.SaveOffered) and fact.trigger is not Trigger.RECOVERED:
                    if fact.offer in open_:
                        yield f"{fact.offer} was offered twice to {stream}"
                    open_[fact.offer] = fact
                elif isinstance(fact, events.Errored) and fact.next is Next.GIVE_UP and fact.offer:
                    open_.pop(fact.offer, None)

    def finished(self) -> Iterator[str]:
        """7, 9: nothing waits, nothing is open, nothing is left at the server, nobody is at work."""
        for key, (state, _) in self.journal.documents_.items():
            if state.offers:
                yield f"{key} has offers that wait for ever: {list(state.offers)}"
            if not state.closed and key not in self._stranded():
                yield f"{key} was never closed: {state}"
        if len(self.office.standin.forgotten):
            yield f"forgotten at the server: {list(self.office.standin.forgotten)}"
        for node in self.docledger.nodes:
            if node.sidecars.kept:
                yield f"sidecars are left: {list(node.sidecars.kept)}"
            if node.overflow.stored:
                yield f"the overflow is not empty: {list(node.overflow.stored)}"
            if len(node.desk):
                yield f"{len(node.desk)} actors never rest"
        ours = [(node.machine, WORKERS) for node in self.docledger.nodes]
        for machine, usual in (*ours, (self.office.machine, 0)):
            assert machine.nursery
            tasks = [task.name for task in machine.nursery.child_tasks]
            if len(tasks) != usual:
                yield f"tasks that never end: {sorted(tasks)}"


def _is_live(state: Document) -> bool:
    return not state.closed and state.standing is Standing.LIVE
