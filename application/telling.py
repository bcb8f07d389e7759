"""Facts in plain words, for whoever reads the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from domain import events
from domain.events import Event
from domain.file import EVERYBODY
from domain.words import Access, CloseReason, Next, Source, Standing, Trigger

OFFERED = {
    Trigger.COMMAND: "what the auto-save asked for",
    Trigger.BUTTON: "what somebody saved",
    Trigger.TIMER: "what its own timer saved",
    Trigger.FORM: "a submitted form",
    Trigger.FINAL: "the document as it was when everybody had left",
    Trigger.FAILED: "what it had of a document that it could not assemble",
    Trigger.RECOVERED: "a save that it had given up delivering",
}
CAUSES = {
    Trigger.COMMAND: "auto-save",
    Trigger.BUTTON: "the save button",
    Trigger.TIMER: "the server's timer",
    Trigger.FORM: "a submitted form",
    Trigger.FINAL: "everybody had left",
    Trigger.FAILED: "a failed assembly",
    Trigger.RECOVERED: "recovered from the server",
    Trigger.UPLOAD: "upload",
    Trigger.RESTORE: "restore",
    Trigger.BLANK: "a new file",
    Trigger.CONVERSION: "conversion",
    Trigger.SAVE_AS: "a copy from the editor",
    Trigger.CONFLICT: "the file had moved on",
}
CLOSED = {
    CloseReason.SAVED: "The session ended; everything is saved.",
    CloseReason.UNCHANGED: "The session ended; nothing was changed.",
    CloseReason.SUPERSEDED: "The session was retired: nobody used it, and the file had moved on.",
    CloseReason.ABANDONED: "The session ended; nobody had come to edit.",
    CloseReason.LOST: "The session ended without its last save.",
}
REOPENED = {
    Standing.LIVE: "The session came alive again",
    Standing.SPENT: "The session came alive again after its last save, and nobody else is let into it",
    Standing.DETACHED: "The session came alive again beside a newer one, and its saves are kept as conflicts",
}
WENT_WRONG = {
    Source.SERVER: "{}",
    Source.DOWNLOAD: "A save could not be fetched: {}",
    Source.VERIFICATION: "What came as a save is not the document: {}",
    Source.STORAGE: "A save could not be stored: {}",
    Source.COMMAND: "{}",
    Source.CONVERSION: "{}",
}
THEN = {
    Next.RETRY: "Docledger tries again.",
    Next.GIVE_UP: "Docledger gave up on this save after {}.",
    Next.QUARANTINE: "The bytes are kept in quarantine, and what people open stays as it is.",
    Next.CLOSE: "The session is over.",
    Next.GO_ON: "Editing goes on.",
    Next.REOPEN: "",  # the detail says what to do
}
SOMEBODY = "somebody"
MANY = 10  # numbers that are told one by one


def doing(level: str) -> str:
    """As in: shared with Bob, to …"""
    return "fill in" if level == Access.FILL else level


def told(fact: Event, names: Mapping[str, str]) -> str:
    """One or two sentences. `names` are those of our ids; who is not in it is somebody."""
    text = _told(fact, names)
    return text[0].upper() + text[1:] if text.startswith(SOMEBODY) else text


def _told(fact: Event, names: Mapping[str, str]) -> str:
    match fact:
        case events.Errored():
            return _errored(fact)
        case events.Forcesaved() | events.Saved() | events.VersionAdded():
            return _saved(fact, names)
        case events.Admitted() | events.Joined() | events.Left() | events.SentOut() | events.Consulted():
            return _person(fact, names)
        case (
            events.Added()
            | events.Renamed()
            | events.Shared()
            | events.Removed()
            | events.Reinstated()
            | events.Thinned()
        ):
            return _file(fact, names)
        case events.Redacted(user=user, left=left):
            whose = "Everybody" if user == EVERYBODY else _who([user], names)
            return f"{whose}’s personal data were taken out of {count_of(len(left), 'event')}."
        case _:
            return _session(fact, names)


def _errored(fact: events.Errored) -> str:
    detail = fact.detail
    if fact.source is Source.VERIFICATION:
        detail = detail.partition(": ")[0]  # what follows is advice for an upload
    said = WENT_WRONG[fact.source].format(detail)
    then = THEN[fact.next].format(count_of(fact.attempt, "attempt"))
    end = "" if not said or said.endswith((".", "!", "?")) else "."
    return f"{said[:1].upper()}{said[1:]}{end} {then}".strip()


def _session(fact: Event, names: Mapping[str, str]) -> str:
    match fact:
        case events.Opened(name=name, base=base):
            return f"A session of “{name}” began with version {base}."
        case events.SaveOffered(trigger=Trigger.BUTTON | Trigger.FORM, users=users) if users:
            what = "saved" if fact.trigger is Trigger.BUTTON else "submitted"
            return f"The Document Server offered what {_who(users, names)} {what}."
        case events.SaveOffered(trigger=trigger):
            return f"The Document Server offered {OFFERED.get(trigger, trigger)}."
        case events.Closed(reason=reason):
            return CLOSED[reason]
        case events.Reopened(user=user, standing=standing):
            return f"{REOPENED[standing]}{f', with {who}' if (who := names.get(user)) else ''}."
        case events.Reloaded(version=version):
            return f"The Document Server loaded version {version} again and goes on from there."
        case events.Resumed():
            return "Auto-save works again: the Document Server obeys."
        case events.Replied(http=http, error=error, seconds=seconds):
            answer = f"error {error}" if http == 200 else f"HTTP {http}, error {error}"
            what = "to keep what it has" if error else "that all is well"
            return f"The Document Server was told {what} ({answer}), {_seconds(seconds)} after it had called."
    raise ValueError(f"nobody has said how to tell of {type(fact).__name__}")


def _person(
    fact: events.Admitted | events.Joined | events.Left | events.SentOut | events.Consulted,
    names: Mapping[str, str],
) -> str:
    who = getattr(fact, "name", "") or _who([fact.user], names)
    was = "were" if who == "You" else "was"  # as the demo calls its own user
    address = getattr(fact, "address", "")
    place = f", from {address}" if address else ""
    match fact:
        case events.Admitted(mode=mode):
            return f"{who} {was} let in to {doing(mode)}{place}."
        case events.Joined():
            return f"{who} joined."
        case events.Left():
            return f"{who} left."
        case events.SentOut(by=""):
            return f"{who} {was} sent out, and may no longer do what they were let in for."
        case events.SentOut(by=by):
            return f"{_who([by], names)} sent {who} out."
        case events.Consulted(what=what, filters=filters):
            return f"{who} read {what}{f' ({filters})' if filters else ''}{place}."


def _saved(fact: events.Forcesaved | events.Saved | events.VersionAdded, names: Mapping[str, str]) -> str:
    beside = "" if fact.head else ", beside the current one"
    match fact:
        case events.VersionAdded(trigger=Trigger.UPLOAD):
            return f"{_who(fact.users, names)} uploaded version {fact.number}, {size_of(fact.size)}."
        case events.VersionAdded(trigger=Trigger.BLANK):
            return f"{_who(fact.users, names)} began it as a new document, {size_of(fact.size)}."
        case events.VersionAdded(trigger=Trigger.CONVERSION):
            of = f"version {fact.from_version} of a {fact.converted_from} file"
            return f"{_who(fact.users, names)} had it converted from {of}, {size_of(fact.size)}."
        case events.VersionAdded(trigger=Trigger.SAVE_AS):
            of = f" made of a {fact.converted_from} file" if fact.converted_from else ""
            return f"{_who(fact.users, names)} saved it as a copy from the editor{of}, {size_of(fact.size)}."
        case events.VersionAdded(trigger=Trigger.RESTORE):
            who = _who(fact.users, names)
            return (
                f"{who} brought version {fact.restored} back as version {fact.number}, {size_of(fact.size)}."
            )
        case events.VersionAdded(trigger=Trigger.CONFLICT):
            return (
                f"Version {fact.number} was kept beside the current one, {size_of(fact.size)}: "
                "the file had moved on without it."
            )
        case events.VersionAdded():
            cause = CAUSES[fact.trigger]
            was = f"converted from {fact.converted_from} and stored" if fact.converted_from else "stored"
            return f"Version {fact.number} was {was} ({cause}), {size_of(fact.size)}{beside}."
        case events.Forcesaved(trigger=trigger):
            cause = CAUSES[trigger]
        case events.Saved():
            cause = CAUSES[Trigger.FINAL]
    what = f"Saved as version {fact.version} ({cause}), {size_of(fact.size)}"
    made = f", converted from version {fact.original}" if fact.original else ""
    return f"{what}, {_seconds(fact.lag)} after the last change{beside}{made}."


def _file(
    fact: events.Added | events.Renamed | events.Shared | events.Removed | events.Reinstated | events.Thinned,
    names: Mapping[str, str],
) -> str:
    match fact:
        case events.Added(owner=owner, owner_name=known, name=name):
            return f"{known or _who([owner], names)} added “{name}”."
        case events.Renamed(by=by, name=name):
            return f"{_who([by], names)} renamed it “{name}”."
        case events.Shared(by=by, user=user, name=known, access=access):
            whom = "everybody" if user == EVERYBODY else known or _who([user], names)
            if access is Access.NONE:
                return f"{_who([by], names)} no longer shares it with {whom}."
            return f"{_who([by], names)} shared it with {whom}, to {doing(access)}."
        case events.Removed(by=by):
            return f"{_who([by], names)} deleted it."
        case events.Reinstated(by=by):
            return f"{_who([by], names)} brought it back."
        case events.Thinned(numbers=numbers):
            which = ", ".join(f"v{number}" for number in numbers[:MANY])
            more = ", …" if len(numbers) > MANY else ""
            return f"{count_of(len(numbers), 'automatic save')} made room for others: {which}{more}."


def _who(users: Sequence[str], names: Mapping[str, str]) -> str:
    return ", ".join(names.get(user) or SOMEBODY for user in users) or SOMEBODY


def count_of(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _seconds(seconds: float) -> str:
    if seconds < 0.1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def size_of(size: float) -> str:
    """Bytes, as people say them."""
    for unit in ("B", "KB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
