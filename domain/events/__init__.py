"""What has happened. Past tense; names and fields are the storage format.

A recorded class is never renamed and never loses a field; a new field has a default; a new meaning
is a new class. `at` is when we recorded the fact, aware UTC.
"""

from __future__ import annotations

from domain.events.documents import (
    Admitted,
    Closed,
    Errored,
    Forcesaved,
    Joined,
    Left,
    Opened,
    Reloaded,
    Reopened,
    Replied,
    Resumed,
    Saved,
    SaveOffered,
    SentOut,
)
from domain.events.fact import Fact, Redacted
from domain.events.files import Added, Reinstated, Removed, Renamed, Shared, Thinned, VersionAdded
from domain.events.readings import Consulted

DocumentEvent = (
    Opened
    | Admitted
    | Joined
    | Left
    | SentOut
    | SaveOffered
    | Forcesaved
    | Saved
    | Closed
    | Reopened
    | Errored
    | Reloaded
    | Resumed
    | Replied
    | Redacted
)
FileEvent = Added | VersionAdded | Thinned | Renamed | Shared | Removed | Reinstated | Redacted
ReadingEvent = Consulted | Redacted
Event = DocumentEvent | FileEvent | ReadingEvent

__all__ = [
    "Added",
    "Admitted",
    "Closed",
    "Consulted",
    "DocumentEvent",
    "Errored",
    "Event",
    "Fact",
    "FileEvent",
    "Forcesaved",
    "Joined",
    "Left",
    "Opened",
    "ReadingEvent",
    "Redacted",
    "Reinstated",
    "Reloaded",
    "Removed",
    "Renamed",
    "Reopened",
    "Replied",
    "Resumed",
    "SaveOffered",
    "Saved",
    "SentOut",
    "Shared",
    "Thinned",
    "VersionAdded",
]
