"""The closed vocabularies of the domain: these words are stored, so they are never renamed."""

from __future__ import annotations

from enum import StrEnum


class Mode(StrEnum):
    """How a user was let in. All but `view` are ONLYOFFICE's `mode: edit`, with fewer permissions."""

    EDIT = "edit"
    REVIEW = "review"  # every change is a suggestion
    COMMENT = "comment"
    FILL = "fill"  # the fields of a form
    VIEW = "view"

    @property
    def joins(self) -> bool:
        """Whether such a session joins the editing, so that callbacks and saves come of it."""
        return self is not Mode.VIEW


class Trigger(StrEnum):
    """Why a version exists."""

    COMMAND = "command"  # forcesavetype 0: our auto-save
    BUTTON = "button"  # forcesavetype 1: the save button, Ctrl+S
    TIMER = "timer"  # forcesavetype 2: the server's autoAssembly
    FORM = "form"  # forcesavetype 3: a form was submitted
    FINAL = "final"  # status 2: everybody has left
    FAILED = "failed"  # status 3 or 7 that came with bytes all the same
    RECOVERED = "recovered"  # a forgotten file, pulled back
    UPLOAD = "upload"
    RESTORE = "restore"
    BLANK = "blank"  # a new file begun with nothing in it
    CONVERSION = "conversion"  # a new file made of one of another type
    SAVE_AS = "save as"  # a copy that an editor made
    CONFLICT = "conflict"  # the file moved on outside the session that saved this


class CloseReason(StrEnum):
    SAVED = "saved"
    UNCHANGED = "unchanged"
    SUPERSEDED = "superseded"  # nobody edits it and the file has moved on
    ABANDONED = "abandoned"  # let in, but nobody ever came
    LOST = "lost"  # the Document Server no longer has what was edited


class Standing(StrEnum):
    """Whether a key may be handed out to the next one who opens the file."""

    LIVE = "live"  # the one key of its file that is handed out
    SPENT = "spent"  # a change of it was committed: the server will not take it again
    DETACHED = "detached"  # another key of the file is live; its saves become conflict versions


class Source(StrEnum):
    """Where an error comes from."""

    SERVER = "server"
    DOWNLOAD = "download"
    VERIFICATION = "verification"
    STORAGE = "storage"
    COMMAND = "command"
    CONVERSION = "conversion"


class Next(StrEnum):
    """What follows an error."""

    RETRY = "retry"
    GIVE_UP = "give up"
    QUARANTINE = "quarantine"
    CLOSE = "close"
    GO_ON = "go on"
    REOPEN = "reopen"  # the server keeps the changes: opening the document and leaving it delivers them


class Access(StrEnum):
    """What a share allows at most, the most first; `none` takes it back.

    Only `edit` is also a right to upload, restore and rename.
    """

    EDIT = "edit"
    REVIEW = "review"
    COMMENT = "comment"
    FILL = "fill"
    VIEW = "view"
    NONE = "none"
