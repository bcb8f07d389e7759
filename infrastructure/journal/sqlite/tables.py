"""The tables in SQLite. Whoever changes one adds a step to `upgrading`."""

from __future__ import annotations

from infrastructure.journal.events_table import AFTER, MINUTE, SPAN
from infrastructure.journal.views import AS_TAKEN_UP

EVENTS = """CREATE TABLE IF NOT EXISTS stored_events (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    originator_id TEXT NOT NULL, originator_version INTEGER NOT NULL, topic TEXT NOT NULL,
    state BLOB NOT NULL,
    cause BLOB,  -- what was decided on: beside the first fact of a decision
    at TEXT, file_id TEXT,
    salt BLOB, digest BLOB,  -- of the text: the digest only once it was redacted and its salt destroyed
    link BLOB NOT NULL,
    UNIQUE (originator_id, originator_version))"""
OTHERS = (
    # Who is named in which fact.
    """CREATE TABLE IF NOT EXISTS named (user TEXT, position INTEGER, PRIMARY KEY (user, position))
        WITHOUT ROWID""",
    # Between which times the facts of each span of the log are: nearly in order, but clocks are set back.
    "CREATE TABLE IF NOT EXISTS spans (block INTEGER PRIMARY KEY, low TEXT, high TEXT)",
    "CREATE TABLE IF NOT EXISTS people (id TEXT PRIMARY KEY, name TEXT) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS checkpoints (position INTEGER PRIMARY KEY, body BLOB, signature BLOB)",
)
EVENT_INDEXES = (
    "CREATE INDEX IF NOT EXISTS events_of_file ON stored_events (file_id)",
    "CREATE INDEX IF NOT EXISTS events_of_type ON stored_events (topic)",
    "CREATE INDEX IF NOT EXISTS people_by_name ON people (name)",
)

VIEWS = (
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

VIEW_INDEXES = (
    "CREATE INDEX IF NOT EXISTS versions_with_content ON versions (sha256)",
    "CREATE INDEX IF NOT EXISTS versions_with_changes ON versions (changes_sha256)"
    " WHERE changes_sha256 IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS versions_with_forms ON versions (forms_sha256)"
    " WHERE forms_sha256 IS NOT NULL",
    """CREATE INDEX IF NOT EXISTS automatic_versions ON versions (file_id)
        WHERE "trigger" IN ('command', 'timer')""",
)

# How far each receiver of webhooks has come.
RECEIVERS = """CREATE TABLE IF NOT EXISTS receivers (
    url TEXT PRIMARY KEY, position INTEGER NOT NULL,
    failing_since TEXT, attempts INTEGER NOT NULL, trouble TEXT NOT NULL) WITHOUT ROWID"""

TABLES = (EVENTS, *OTHERS, *VIEWS, RECEIVERS)
INDEXES = (*EVENT_INDEXES, *VIEW_INDEXES)

# The library's BEGIN takes no lock, and a transaction that reads first cannot get it any more once
# another process has written: it fails at once instead of waiting.
LOCK = "DELETE FROM people WHERE 0"
# Of a log from before there were spans.
SPAN_ALL = f"""INSERT INTO spans SELECT position / {SPAN}, min(substr(at, 1, {MINUTE})),
    max(substr(at, 1, {MINUTE})) || '{AFTER}' FROM stored_events
    WHERE at IS NOT NULL GROUP BY 1"""  # noqa: S608
OPEN_STATES = f"SELECT key, state FROM documents WHERE state <> 'closed' {AS_TAKEN_UP}"  # noqa: S608
