"""Bringing in files from the command line, also while the service is running."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import trio

from application.files import Files
from application.names import BadName
from application.people import Person
from application.ports import TooLarge
from domain.file import EVERYBODY
from domain.formats import format_of
from domain.keys import user_id
from domain.words import Access
from infrastructure.settings import Settings
from infrastructure.sniffer import Sniffer
from web.bootstrap import storage
from web.samples import chunks_of


@dataclass(frozen=True, slots=True)
class Result:
    path: Path
    size: int  # bytes
    refused: str = ""  # why, if it was


async def import_files(
    settings: Settings, paths: Sequence[Path], owner: str, share: bool, done: Callable[[Result], None]
) -> None:
    """One after the other, each committed on its own. Raises JournalFailed, StorageFailed."""
    person = Person(user_id(owner), "You" if settings.demo and owner == "local" else owner)
    async with storage(settings) as stored:
        sniffer = Sniffer(stored.blobs.path)
        for path in paths:
            size = (await trio.Path(path).stat()).st_size
            refused = await _import(stored.files, sniffer, path, person, share=share)
            done(Result(path, size, refused))


async def _import(files: Files, sniffer: Sniffer, path: Path, person: Person, *, share: bool) -> str:
    format_ = format_of(path.name)
    if format_ is None:
        return "ONLYOFFICE does not open this type"
    try:
        blob = await files.store(chunks_of(path))
        verdict = await sniffer.inspect(blob.sha256, format_.extension)
        if not verdict.accepted:
            return verdict.reason
        row = await files.add(path.name, blob, person)
    except (BadName, TooLarge) as refused:
        return str(refused)
    if share:
        await files.share(row.id, EVERYBODY, "everybody", Access.EDIT, person)
    return ""
