"""How far each receiver of webhooks has come in the log. A note beside the facts, and none itself."""

from __future__ import annotations

TABLE = """CREATE TABLE IF NOT EXISTS receivers (
    url TEXT PRIMARY KEY, position INTEGER NOT NULL,
    failing_since TEXT, attempts INTEGER NOT NULL, trouble TEXT NOT NULL) WITHOUT ROWID"""
