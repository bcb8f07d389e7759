"""What a log consists of, whatever the database: its tables, and what tells their rows apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    key: tuple[str, ...]  # by which its rows are told apart, and put in order
    others: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        return self.key + self.others

    @property
    def listed(self) -> str:
        return _listed(self.columns)

    @property
    def insert(self) -> str:
        marks = ", ".join("?" * len(self.columns))
        return f"INSERT INTO {self.name} ({self.listed}) VALUES ({marks})"  # noqa: S608

    @property
    def delete(self) -> str:
        """One row, by its key."""
        return f"DELETE FROM {self.name} WHERE " + " AND ".join(f'"{column}" = ?' for column in self.key)  # noqa: S608


@dataclass(frozen=True, slots=True)
class Part:
    """Some of a table's rows."""

    table: Table
    where: str = "TRUE"
    parameters: Sequence[Any] = ()

    @property
    def count(self) -> str:
        return f"SELECT count(*) FROM {self.table.name} WHERE {self.where}"  # noqa: S608

    @property
    def ordered(self) -> str:
        table = self.table
        return f"SELECT {table.listed} FROM {table.name} WHERE {self.where} ORDER BY {_listed(table.key)}"  # noqa: S608


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(f'"{column}"' for column in columns)


EVENTS = Table(
    "stored_events",
    ("position",),
    (
        *("originator_id", "originator_version", "topic", "state", "cause", "at", "file_id"),
        *("salt", "digest", "link"),
    ),
)
NAMED = Table("named", ("user", "position"))
CHECKPOINTS = Table("checkpoints", ("position",), ("body", "signature"))
SPANS = Table("spans", ("block",), ("low", "high"))
PEOPLE = Table("people", ("id",), ("name",))
FILES = Table(
    "files",
    ("id",),
    (
        *("version", "added_at", "name", "owner", "owner_name", "head", "last", "sha256", "size"),
        *("changed_at", "shares", "removed"),
    ),
)
VISIBLE = Table("visible", ("user", "file_id"))
VERSIONS = Table(
    "versions",
    ("file_id", "number"),
    (
        *("sha256", "size", "trigger", "created", "head", "users", "key", "filetype", "restored"),
        *("changes_sha256", "forms_sha256", "converted_from", "from_file", "from_version"),
    ),
)
THINNED = Table("thinned", ("sha256",), ("at",))
DOCUMENTS = Table(
    "documents",
    ("key",),
    (
        *("version", "file_id", "state", "standing", "base", "head", "opened_at", "closed_at"),
        *("closed_reason", "users", "saved_version", "saved_at", "trouble"),
    ),
)
LIVE = Table("live", ("file_id",), ("key",))
RECEIVERS = Table("receivers", ("url",), ("position", "failing_since", "attempts", "trouble"))

ADDED_TO = (EVENTS, NAMED, CHECKPOINTS)  # in the order of positions, and nothing is taken away
BESIDE = (SPANS, PEOPLE, THINNED, RECEIVERS)
OF_FILES = {FILES: "id", VISIBLE: "file_id", VERSIONS: "file_id", LIVE: "file_id"}
ALL = (*ADDED_TO, *BESIDE, *OF_FILES, DOCUMENTS)
