"""The tables in PostgreSQL: those in SQLite, column by column. Whoever changes one adds a step.

Texts are in the order of their bytes, as in SQLite.
"""

from __future__ import annotations

from infrastructure.journal.events_table import COLUMNS
from infrastructure.journal.postgres.dialect import TEXT
from infrastructure.journal.views import AS_TAKEN_UP

SPACE = 0xD0C1ED6E - 2**32  # of our advisory locks
WRITING, UPGRADING, ENTERING, COPYING = 1000, 1001, 1002, 1003

TABLES = (
    f"""CREATE TABLE stored_events (
        position BIGINT PRIMARY KEY,
        originator_id {TEXT} NOT NULL, originator_version BIGINT NOT NULL, topic {TEXT} NOT NULL,
        state BYTEA NOT NULL, cause BYTEA, at {TEXT}, file_id {TEXT},
        salt BYTEA, digest BYTEA, link BYTEA NOT NULL,
        UNIQUE (originator_id, originator_version))""",
    f'CREATE TABLE named ("user" {TEXT}, position BIGINT, PRIMARY KEY ("user", position))',
    f"CREATE TABLE spans (block BIGINT PRIMARY KEY, low {TEXT}, high {TEXT})",
    f"CREATE TABLE people (id {TEXT} PRIMARY KEY, name {TEXT})",
    "CREATE TABLE checkpoints (position BIGINT PRIMARY KEY, body BYTEA, signature BYTEA)",
    f"""CREATE TABLE files (
        id {TEXT} PRIMARY KEY, version BIGINT, added_at {TEXT}, name {TEXT}, owner {TEXT}, owner_name {TEXT},
        head BIGINT, last BIGINT, sha256 {TEXT}, size BIGINT, changed_at {TEXT}, shares {TEXT},
        removed BIGINT)""",
    f'CREATE TABLE visible ("user" {TEXT}, file_id {TEXT}, PRIMARY KEY ("user", file_id))',
    f"""CREATE TABLE versions (
        file_id {TEXT}, number BIGINT, sha256 {TEXT}, size BIGINT, "trigger" {TEXT}, created {TEXT},
        head BIGINT, users {TEXT}, key {TEXT}, filetype {TEXT}, restored BIGINT, changes_sha256 {TEXT},
        forms_sha256 {TEXT}, converted_from {TEXT}, from_file {TEXT}, from_version BIGINT,
        PRIMARY KEY (file_id, number))""",
    f"CREATE TABLE thinned (sha256 {TEXT} PRIMARY KEY, at {TEXT})",
    # The shard as application.nodes.shard_of has it.
    f"""CREATE TABLE documents (
        key {TEXT} PRIMARY KEY, version BIGINT, file_id {TEXT}, state {TEXT}, standing {TEXT}, base BIGINT,
        head BIGINT, opened_at {TEXT}, closed_at {TEXT}, closed_reason {TEXT}, users {TEXT},
        saved_version BIGINT, saved_at {TEXT}, trouble {TEXT},
        shard SMALLINT GENERATED ALWAYS AS (get_byte(decode(md5(key), 'hex'), 0) % 64) STORED)""",
    f"CREATE TABLE live (file_id {TEXT} PRIMARY KEY, key {TEXT} UNIQUE)",
    f"""CREATE TABLE receivers (
        url {TEXT} PRIMARY KEY, position BIGINT NOT NULL,
        failing_since {TEXT}, attempts BIGINT NOT NULL, trouble {TEXT} NOT NULL)""",
    # What the doctor's probes have met on other nodes than the one that examines.
    f"CREATE TABLE probes (nonce {TEXT} PRIMARY KEY, at {TEXT} NOT NULL, said {TEXT} NOT NULL)",
    # Those whose number is among the advisory locks live; the others are forgotten by the next that comes.
    f"CREATE TABLE nodes (number BIGINT PRIMARY KEY, name {TEXT} NOT NULL, digests {TEXT} NOT NULL)",
)
INDEXES = (
    "CREATE INDEX events_of_file ON stored_events (file_id, position)",
    "CREATE INDEX events_of_type ON stored_events (topic, position)",
    "CREATE INDEX people_by_name ON people (name)",
    "CREATE INDEX versions_with_content ON versions (sha256)",
    "CREATE INDEX versions_with_changes ON versions (changes_sha256) WHERE changes_sha256 IS NOT NULL",
    "CREATE INDEX versions_with_forms ON versions (forms_sha256) WHERE forms_sha256 IS NOT NULL",
    """CREATE INDEX automatic_versions ON versions (file_id) WHERE "trigger" IN ('command', 'timer')""",
    "CREATE INDEX documents_of_file ON documents (file_id, opened_at)",
    "CREATE INDEX open_documents ON documents (shard) WHERE state <> 'closed'",
)

# Held until the transaction is committed, so that positions have no gaps, and become visible in their order.
# A table's own lock would fight with autovacuum, and a counter in a row get slow under a long snapshot.
LOCK = f"SELECT pg_advisory_xact_lock({SPACE}, {WRITING})"
# Who has the lock and has heard nothing from its node for seconds: that was stopped in the middle. PostgreSQL
# itself has no deadline for the questions of a pipeline.
END_SILENCE = f"""SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND objsubid = 2
    AND classid = ({SPACE})::int::oid AND objid = {WRITING} AND datname = current_database()
    AND wait_event = 'ClientRead' AND query_start < clock_timestamp() - interval '4 s'"""  # noqa: S608
LAST = "SELECT coalesce(max(position), 0) FROM stored_events"
LINKS = """SELECT originator_id, originator_version, link FROM stored_events
    JOIN unnest(?::text[], ?::bigint[]) AS before (stream, number)
    ON originator_id = stream AND originator_version = number"""
INSERT = f"""INSERT INTO stored_events (position, {COLUMNS}) SELECT * FROM unnest(?::bigint[], ?::text[],
    ?::bigint[], ?::text[], ?::bytea[], ?::bytea[], ?::text[], ?::text[], ?::bytea[], ?::bytea[])"""  # noqa: S608
SALT = "SELECT salt FROM stored_events WHERE originator_id = ? AND originator_version = ?"
CHANNEL = "docledger"
TELL = f"NOTIFY {CHANNEL}"
OPEN_STATES = f"""SELECT key, state FROM documents
    WHERE state <> 'closed' AND shard = ANY(?) {AS_TAKEN_UP}"""  # noqa: S608
