"""A bounded look at OLE compound files (doc, xls, ppt, encrypted docx): the names at their root."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

_DIRECTORY_CAP = 2048  # sectors of directory
_TABLE_CAP = 65_536  # allocation sectors: enough for 4 GiB
_LAST_SECTOR = 0xFFFFFFFA  # numbers from here on are marks, not sectors
_NOBODY = 0xFFFFFFFF
_IN_HEADER = 109  # allocation sectors whose numbers are in the header itself
_ENTRY_SIZE = 128


def root_names(file: BinaryIO) -> frozenset[str]:
    """The lower-case names of the streams and storages at the root; none when the file is damaged.

    Only the root counts: a spreadsheet embedded in a presentation brings its own "Workbook" further down.
    """
    try:
        return frozenset(_children(_Sectors(file).directory()))
    except (struct.error, IndexError):
        return frozenset()


def _children(directory: bytes) -> Iterator[str]:
    """The names of the root's children, which form a binary tree."""
    (first,) = struct.unpack_from("<L", directory, 76)
    waiting: list[int] = [first]
    seen: set[int] = set()
    while waiting:
        number = waiting.pop()
        entry = directory[number * _ENTRY_SIZE : (number + 1) * _ENTRY_SIZE]
        if number in seen or len(entry) < _ENTRY_SIZE:
            continue
        seen.add(number)
        (length,) = struct.unpack_from("<H", entry, 64)
        yield entry[: min(64, max(0, length - 2))].decode("utf-16-le", "replace").lower()
        waiting += struct.unpack_from("<LL", entry, 68)


class _Sectors:
    """A compound file as numbered sectors, chained by an allocation table (FAT)."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        file.seek(0)
        header = file.read(512)
        (shift,) = struct.unpack_from("<H", header, 30)
        if shift not in (9, 12):
            raise struct.error("no such sector size")
        self._size = 1 << shift
        (self._directory_start,) = struct.unpack_from("<L", header, 48)
        (self._more_table,) = struct.unpack_from("<L", header, 68)
        self._table = list(struct.unpack_from(f"<{_IN_HEADER}L", header, 76))

    def directory(self) -> bytes:
        return b"".join(self._chain(self._directory_start))

    def _chain(self, number: int) -> Iterator[bytes]:
        seen: set[int] = set()
        while number < _LAST_SECTOR and number not in seen and len(seen) < _DIRECTORY_CAP:
            seen.add(number)
            yield self._sector(number)
            number = self._next(number)

    def _sector(self, number: int) -> bytes:
        self._file.seek((number + 1) * self._size)
        return self._file.read(self._size)

    def _next(self, number: int) -> int:
        index, place = divmod(number, self._size // 4)
        while index >= len(self._table) and self._more_table < _LAST_SECTOR:
            self._read_more_table()
        (following,) = struct.unpack_from("<L", self._sector(self._table[index]), place * 4)
        return int(following)

    def _read_more_table(self) -> None:
        """Beyond 6.8 MB of file the allocation sectors are listed in sectors of their own."""
        numbers = struct.unpack(f"<{self._size // 4}L", self._sector(self._more_table))
        self._table += numbers[:-1]
        self._more_table = numbers[-1] if len(self._table) < _TABLE_CAP else _NOBODY
