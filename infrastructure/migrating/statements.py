"""What both kinds of copies are asked and told."""

from __future__ import annotations

from infrastructure.journal.postgres.upgrading import COPYING

# There until a copy is released; its rows say up to which positions earlier runs have found it whole.
MARK = f"CREATE TABLE IF NOT EXISTS {COPYING} (proven BIGINT NOT NULL)"
PROVEN = f"SELECT coalesce(max(proven), 0) FROM {COPYING}"  # noqa: S608
NOTE = f"INSERT INTO {COPYING} VALUES (?)"  # noqa: S608
FORGET = f"DELETE FROM {COPYING}"  # noqa: S608
RELEASE = f"DROP TABLE IF EXISTS {COPYING}"
