"""The log of a backup, which is a database of SQLite's wherever it came from. Blocking.

From PostgreSQL only what is new since the last backup is fetched: its log is the beginning of this one.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from infrastructure.backup.layout import DATABASE, BackupFailed, Destination, Manifest, referenced
from infrastructure.digests import digest
from infrastructure.journal.sqlite import copying, upgrading
from infrastructure.migrating.copies import copy_at
from infrastructure.migrating.logs import CannotCopy, Log, opened
from infrastructure.migrating.migration import copy_log as copy_rows
from infrastructure.migrating.migration import referenced as named_by
from infrastructure.migrating.stages import Counted

Progress = Callable[[int, int], None]  # pages, or rows, that are done, and how many there are


def copy_log(source: Path | str, target: Path, destination: Destination, progress: Progress) -> None:
    """As it is at one moment. Raises BackupFailed, CannotRead, OSError, sqlite3.Error, psycopg.Error."""
    if isinstance(source, Path):
        copying.copy(source, target, progress)
        _refuse_other_releases(target)
        return
    with opened(source) as log:
        if (last := _last_of(destination)) and _gone_on_with(log, last, target, progress):
            return
        _copy(log, target, 0, progress)


def digests_in(database: Path | str) -> set[str]:
    """What the versions in a log consist of. Raises CannotRead, sqlite3.Error, psycopg.Error."""
    if isinstance(database, Path):
        return referenced(database)
    with opened(database) as log:
        return named_by(log)


def _last_of(destination: Destination) -> Path | None:
    """The last backup whose log is what it was when it was made, and of this release."""
    for snapshot in reversed(destination.all()):
        try:
            manifest = Manifest.read(snapshot)
        except BackupFailed:
            continue
        whole = (snapshot / DATABASE).is_file() and digest(snapshot / DATABASE) == manifest.database
        return snapshot if whole and manifest.schema == upgrading.CURRENT else None
    return None


def _gone_on_with(log: Log, last: Path, target: Path, progress: Progress) -> bool:
    """False where the last backup's log is another one: a restored service's, or one that has moved."""
    with copy_at(target) as copy:
        draft = copy.place
    assert isinstance(draft, Path)
    shutil.copyfile(last / DATABASE, draft)
    try:
        _copy(log, target, Manifest.read(last).position, progress)
    except CannotCopy:
        draft.unlink()
        return False
    return True


def _copy(log: Log, target: Path, known: int, progress: Progress) -> None:
    """`known` is the position up to which it is there."""
    with copy_at(target) as copy:
        copy_rows(log, copy, Counted(progress), known=known)
        copy.release()


def _refuse_other_releases(database: Path) -> None:
    """Raises BackupFailed."""
    with closing(sqlite3.connect(database)) as connection:
        if complaint := upgrading.complaint(connection):
            raise BackupFailed(f"The log {complaint}.")
