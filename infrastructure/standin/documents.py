"""What the stand-in can edit: for each file type, how to read its text and how to write it back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import trio

from .docx import read_docx, write_docx
from .plain import read_plain, write_plain

INLINE_LIMIT = 1024 * 1024  # below that a thread costs more than the work


@dataclass(frozen=True, slots=True)
class Format:
    read: Callable[[bytes], str]
    write: Callable[[bytes, str], bytes]
    media_type: str


_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
FORMATS = {
    "docx": Format(read_docx, write_docx, _WORD),
    "txt": Format(read_plain, write_plain, "text/plain"),
    "csv": Format(read_plain, write_plain, "text/csv"),
}


OTHERS = {"zip": "application/zip", "json": "application/json"}


def media_type(name: str) -> str:
    extension = name.rpartition(".")[2]
    known = FORMATS.get(extension)
    return known.media_type if known else OTHERS.get(extension, "application/octet-stream")


async def read_text(filetype: str, content: bytes) -> str:
    """Raises NotWord."""
    read = FORMATS[filetype].read
    if len(content) < INLINE_LIMIT:
        return read(content)
    return await trio.to_thread.run_sync(read, content)


async def write_text(filetype: str, content: bytes, text: str) -> bytes:
    write = FORMATS[filetype].write
    if len(content) < INLINE_LIMIT:
        return write(content, text)
    return await trio.to_thread.run_sync(write, content, text)
