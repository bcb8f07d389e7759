"""A file's versions as a reader meets them: by whom, from what, and what was changed in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from application.files import Files
from application.journal import FileRow, Journal, VersionRow
from application.people import Person
from domain import events
from domain.words import Standing


@dataclass(frozen=True, slots=True)
class Author:
    id: str
    name: str  # empty when nobody has told us


@dataclass(frozen=True, slots=True)
class Entry:
    row: VersionRow
    key: str  # for the Document Server, and never that of an editing session
    author: Author
    server_version: str | None
    changes: Sequence[Mapping[str, Any]]  # who changed it when, since its session began


@dataclass(frozen=True, slots=True)
class Highlighted:
    """A version, and the one that its recorded changes begin with, if they can be shown."""

    row: VersionRow
    base: VersionRow | None


class History:
    def __init__(self, journal: Journal, files: Files) -> None:
        self._journal, self._files = journal, files

    async def of(self, file_id: str, person: Person) -> tuple[FileRow, Sequence[Entry]]:
        """All there is, in order of number. Raises NotFound, Forbidden."""
        row = await self._files.get(file_id, person)
        kept = {version.number: version for version in await self._journal.versions(file_id)}
        facts = [fact for fact in await self._additions(file_id) if fact.number in kept]
        names = {user: share.name for user, share in row.file.shares.items()}
        names |= {author.id: author.name for fact in facts for author in _authors(fact) if author.name}
        names |= {row.file.owner: row.file.owner_name, person.id: person.name}
        return row, [_entry(file_id, kept[fact.number], fact, names) for fact in facts]

    async def _additions(self, file_id: str) -> list[events.VersionAdded]:
        facts = [recorded.event for recorded in await self._journal.file_history(file_id)]
        return [fact for fact in facts if isinstance(fact, events.VersionAdded)]

    async def version(self, file_id: str, number: int, person: Person) -> Highlighted:
        """Raises NotFound, Forbidden."""
        row = await self._files.version(file_id, number, person)
        base = None
        if row.key and row.changes_sha256:
            base = _base(row, [fact.event for fact in await self._journal.document_history(row.key)])
        return Highlighted(row, await self._journal.version(file_id, base) if base else None)


def panel_key(file_id: str, version: VersionRow) -> str:
    return f"{version.key or file_id}-v{version.number}"


def _base(version: VersionRow, session: Sequence[events.Event]) -> int | None:
    """What the session began with, as long as that is what the server had: each of its records of
    changes goes back to there. A spent key that came alive again was loaded from who knows where.
    """
    base = None
    for fact in session:
        match fact:
            case events.Opened():
                base = fact.base
            case events.Reopened(standing=Standing.SPENT | Standing.DETACHED):
                return None
            case events.Saved(version=number) | events.Forcesaved(version=number) if number == version.number:
                return base
    return None


def _entry(file_id: str, row: VersionRow, fact: events.VersionAdded, names: Mapping[str, str]) -> Entry:
    last = (*(Author(user, "") for user in fact.users[-1:]), *_authors(fact))[-1:]
    id_ = last[0].id if last else ""
    told = fact.history if isinstance(fact.history, dict) else {}
    server = told.get("serverVersion")
    return Entry(
        row=row,
        key=panel_key(file_id, row),
        author=Author(id_, names.get(id_, "")),
        server_version=server if isinstance(server, str) else None,
        changes=list(_changes(fact)),
    )


def _changes(fact: events.VersionAdded) -> Iterator[Mapping[str, Any]]:
    """The server's own, as far as they are what we know them to be."""
    changes = fact.history.get("changes") if isinstance(fact.history, dict) else None
    for change in changes if isinstance(changes, list) else ():
        match change:
            case {"created": str(), "user": {"id": str()}}:
                yield change


def _authors(fact: events.VersionAdded) -> list[Author]:
    users = [change["user"] for change in _changes(fact)]
    return [Author(user["id"], name if isinstance(name := user.get("name"), str) else "") for user in users]
