"""The read models: tables written in the events' own transaction, a function of events and state."""

from __future__ import annotations

import json
from typing import Any

from application.changes import Change, DocumentChange, FileChange, ReadingChange
from domain import events
from domain.words import Access, Standing

TABLES = (
    """CREATE TABLE IF NOT EXISTS files (
        id TEXT PRIMARY KEY, version INTEGER, added_at TEXT, name TEXT, owner TEXT, owner_name TEXT,
        head INTEGER, last INTEGER, sha256 TEXT, size INTEGER, changed_at TEXT, shares TEXT,
        removed INTEGER)""",
    """CREATE TABLE IF NOT EXISTS visible (user TEXT, file_id TEXT, PRIMARY KEY (user, file_id))
        WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS versions (
        file_id TEXT, number INTEGER, sha256 TEXT, size INTEGER, "trigger" TEXT, created TEXT,
        head INTEGER, users TEXT, key TEXT, filetype TEXT, restored INTEGER,
        changes_sha256 TEXT, forms_sha256 TEXT, converted_from TEXT, from_file TEXT, from_version INTEGER,
        PRIMARY KEY (file_id, number)) WITHOUT ROWID""",
    # The bytes of thinned versions: what may be deleted once nothing else has them.
    """CREATE TABLE IF NOT EXISTS thinned (sha256 TEXT PRIMARY KEY, at TEXT) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS documents (
        key TEXT PRIMARY KEY, version INTEGER, file_id TEXT, state TEXT, standing TEXT, base INTEGER,
        head INTEGER, opened_at TEXT, closed_at TEXT, closed_reason TEXT, users TEXT,
        saved_version INTEGER, saved_at TEXT, trouble TEXT)""",
    "CREATE INDEX IF NOT EXISTS documents_of_file ON documents (file_id, opened_at)",
    "CREATE INDEX IF NOT EXISTS open_documents ON documents (state) WHERE state <> 'closed'",
    # At most one key of a file is handed out: the loser of an opening race fails on this key.
    "CREATE TABLE IF NOT EXISTS live (file_id TEXT PRIMARY KEY, key TEXT UNIQUE) WITHOUT ROWID",
)

INDEXES = (
    "CREATE INDEX IF NOT EXISTS versions_with_content ON versions (sha256)",
    "CREATE INDEX IF NOT EXISTS versions_with_changes ON versions (changes_sha256)"
    " WHERE changes_sha256 IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS versions_with_forms ON versions (forms_sha256)"
    " WHERE forms_sha256 IS NOT NULL",
    """CREATE INDEX IF NOT EXISTS automatic_versions ON versions (file_id)
        WHERE "trigger" IN ('command', 'timer')""",
)

AUTOSAVED_FILES = """SELECT DISTINCT file_id FROM versions
    WHERE "trigger" IN ('command', 'timer') AND file_id > ? ORDER BY file_id LIMIT ?"""
REFERENCED = """SELECT 1 FROM versions WHERE sha256 = ? UNION ALL
    SELECT 1 FROM versions WHERE changes_sha256 = ? UNION ALL
    SELECT 1 FROM versions WHERE forms_sha256 = ? LIMIT 1"""
FREED = """SELECT sha256 FROM thinned WHERE sha256 > ? AND at >= ? AND at < ?
    AND NOT EXISTS (SELECT 1 FROM versions WHERE versions.sha256 = thinned.sha256)
    AND NOT EXISTS (SELECT 1 FROM versions WHERE versions.changes_sha256 = thinned.sha256)
    AND NOT EXISTS (SELECT 1 FROM versions WHERE versions.forms_sha256 = thinned.sha256)
    ORDER BY sha256 LIMIT ?"""

UPSERT_FILE = """INSERT INTO files VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (id) DO UPDATE SET
    version=excluded.version, name=excluded.name, owner_name=excluded.owner_name,
    head=excluded.head, last=excluded.last, sha256=excluded.sha256, size=excluded.size,
    changed_at=excluded.changed_at, shares=excluded.shares, removed=excluded.removed"""
UPSERT_DOCUMENT = """INSERT INTO documents VALUES (?,?,?,?,?,?,?,?,?,?,?,NULL,NULL,?)
    ON CONFLICT (key) DO UPDATE SET version=excluded.version, state=excluded.state,
    standing=excluded.standing, head=excluded.head, closed_at=excluded.closed_at,
    closed_reason=excluded.closed_reason, users=excluded.users, trouble=excluded.trouble"""


def project(cursor: Any, change: Change) -> None:
    match change:
        case DocumentChange():
            _project_document(cursor, change)
        case FileChange():
            _project_file(cursor, change)
        case ReadingChange():
            pass  # nothing is read off it but itself


def _project_document(c: Any, change: DocumentChange) -> None:
    key, state = change.key, change.state
    saved = None
    for event in change.events:
        match event:
            case events.Opened(file=file):
                c.execute("INSERT INTO live VALUES (?, ?)", (file, key))
            case events.Reopened(standing=Standing.LIVE):
                c.execute("INSERT INTO live VALUES (?, ?)", (state.file, key))
            case events.Closed():
                c.execute("DELETE FROM live WHERE key = ?", (key,))
            case events.Saved() | events.Forcesaved():
                saved = event
    closed = state.closed
    row = (
        key,
        change.after + len(change.events),
        state.file,
        state.state,
        state.standing,
        state.base,
        state.head,
        state.opened_at.isoformat(),
        closed.at.isoformat() if closed else None,
        closed.reason if closed else None,
        json.dumps({user: state.names.get(user, "") for user in sorted(state.users)}),
        state.trouble.detail if state.trouble else None,
    )
    c.execute(UPSERT_DOCUMENT, row)
    if saved:
        sql = "UPDATE documents SET saved_version = ?, saved_at = ? WHERE key = ?"
        c.execute(sql, (saved.version, saved.at.isoformat(), key))


def _project_file(c: Any, change: FileChange) -> None:
    file = change.state
    shares = {user: list(share) for user, share in file.shares.items()}
    row = (
        change.id,
        change.after + len(change.events),
        change.events[0].at.isoformat(),
        file.name,
        file.owner,
        file.owner_name,
        file.head,
        file.last,
        file.sha256,
        file.size,
        file.changed_at.isoformat() if file.changed_at else None,
        json.dumps(shares),
        int(file.removed),
    )
    c.execute(UPSERT_FILE, row)
    for event in change.events:
        match event:
            case events.Added(owner=owner):
                c.execute("INSERT INTO visible VALUES (?, ?)", (owner, change.id))
            case events.Shared(user=user, access=Access.NONE):
                c.execute("DELETE FROM visible WHERE user = ? AND file_id = ?", (user, change.id))
            case events.Shared(user=user):
                c.execute("INSERT OR IGNORE INTO visible VALUES (?, ?)", (user, change.id))
            case events.VersionAdded():
                c.execute(
                    "INSERT INTO versions VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                    _version(change.id, event),
                )
            case events.Thinned(at=at, numbers=numbers):
                _thin(c, change.id, at.isoformat(), numbers)


def _thin(c: Any, file_id: str, at: str, numbers: tuple[int, ...]) -> None:
    for column in ("sha256", "changes_sha256", "forms_sha256"):
        sql = (
            f"INSERT OR REPLACE INTO thinned SELECT {column}, ? FROM versions"  # noqa: S608
            f" WHERE file_id = ? AND number = ? AND {column} IS NOT NULL"
        )
        c.executemany(sql, [(at, file_id, number) for number in numbers])
    sql = "DELETE FROM versions WHERE file_id = ? AND number = ?"
    c.executemany(sql, [(file_id, number) for number in numbers])


def _version(file_id: str, event: events.VersionAdded) -> tuple[Any, ...]:
    return (
        file_id,
        event.number,
        event.sha256,
        event.size,
        event.trigger,
        event.at.isoformat(),
        int(event.head),
        json.dumps(event.users),
        event.key,
        event.filetype,
        event.restored,
        event.changes_sha256,
        event.forms_sha256,
        event.converted_from,
        event.from_file,
        event.from_version,
    )
