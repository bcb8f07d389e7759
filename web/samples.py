"""The demo's documents, and how files of this machine are read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from importlib.resources import as_file
from importlib.resources import files as resources
from pathlib import Path

import trio

from application.files import Files
from application.journal import Journal
from application.people import Person
from domain.file import EVERYBODY
from domain.keys import user_id
from domain.words import Access

SAMPLES = Person(user_id("docledger samples"), "Docledger")
CHUNK = 1024 * 1024  # bytes of a file read at once


async def add_samples(files: Files, journal: Journal) -> None:
    """Once: shared with everybody for editing."""
    if await journal.files(SAMPLES.id, limit=1):
        return
    with as_file(resources("infrastructure") / "samples") as folder:
        for path in sorted(folder.iterdir()):
            blob = await files.store(chunks_of(path))
            row = await files.add(path.name, blob, SAMPLES)
            await files.share(row.id, EVERYBODY, "everybody", Access.EDIT, SAMPLES)


async def chunks_of(path: Path) -> AsyncIterator[bytes]:
    async with await trio.open_file(path, "rb") as file:
        while chunk := await file.read(CHUNK):
            yield chunk
