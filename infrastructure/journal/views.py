"""The read models: tables written in the events' own transaction, a function of events and state."""

from __future__ import annotations

import json
from typing import Any

from application.changes import Change, DocumentChange, FileChange, ReadingChange
from domain import events
from domain.words import Access, Standing

FILE = "SELECT files.*, live.key AS live FROM files LEFT JOIN live ON live.file_id = files.id"
# Ids begin with the time, so their order is that of adding. Each arm walks along its index as far as the page
# goes: the set of all that somebody may see would grow with the files.
NEWEST_OF = """SELECT file_id FROM (SELECT file_id FROM visible CROSS JOIN files ON files.id = file_id
    WHERE "user" = ? AND file_id < ? AND removed = 0 ORDER BY file_id DESC LIMIT ?) AS arm"""
FILES_OF = f"{FILE} WHERE id IN ({NEWEST_OF} UNION ALL {NEWEST_OF}) ORDER BY id DESC LIMIT ?"

# Who has one page of them must not wait for all: there may be a hundred thousand.
OPEN_PAGE = """SELECT * FROM documents WHERE state <> 'closed'
    AND (opened_at, key) > (coalesce((SELECT opened_at FROM documents WHERE key = ?), ''), ?){}
    ORDER BY opened_at, key LIMIT ?"""
SEEN_BY = """ AND EXISTS (SELECT 1 FROM visible
    WHERE visible.file_id = documents.file_id AND "user" IN (?, '*'))"""
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

AS_TAKEN_UP = "ORDER BY state = 'open', trouble IS NULL, opened_at DESC"
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
                c.execute('DELETE FROM visible WHERE "user" = ? AND file_id = ?', (user, change.id))
            case events.Shared(user=user):
                c.execute("INSERT INTO visible VALUES (?, ?) ON CONFLICT DO NOTHING", (user, change.id))
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
            f"INSERT INTO thinned SELECT {column}, ? FROM versions"  # noqa: S608
            f" WHERE file_id = ? AND number = ? AND {column} IS NOT NULL"
            " ON CONFLICT (sha256) DO UPDATE SET at = excluded.at"
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
