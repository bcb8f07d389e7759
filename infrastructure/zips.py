"""A bounded look into zip archives: names from the central directory, and one small member at a time.

Never reads or inflates more than the caps below, whatever sizes the file claims (zip bombs).
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

DIRECTORY_CAP = 8 * 1024 * 1024  # bytes of central directory
ENTRY_CAP = 65_536
MEMBER_CAP = 1024 * 1024  # bytes of one member, both packed and unpacked

_END = struct.Struct("<4s4H2LH")
_END64_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_TAIL = _END.size + 0xFFFF  # the end record may be followed by a comment of up to 64 KiB
_MOVED = 0xFFFFFFFF  # the real value is in a zip64 record


class Damaged(Exception):
    """Not a zip archive that can be read; the message says why, to people."""


@dataclass(frozen=True, slots=True)
class Member:
    method: int
    packed: int  # bytes
    offset: int


def members(file: BinaryIO) -> Mapping[str, Member]:
    """The archive's members by lower-case name; of two with one name the first counts. Raises Damaged."""
    directory, shift = _directory(file)
    found: dict[str, Member] = {}
    for name, member in _entries(directory, shift):
        found.setdefault(name, member)
    return found


def read(file: BinaryIO, member: Member) -> bytes:
    """The first MEMBER_CAP bytes of a member at most. Raises Damaged."""
    if member.offset > file.seek(0, os.SEEK_END):
        raise Damaged("one of its parts is missing")
    file.seek(member.offset)
    header = file.read(_LOCAL.size)
    if len(header) < _LOCAL.size or not header.startswith(b"PK\x03\x04"):
        raise Damaged("one of its parts is missing")
    *_, name_length, extra_length = _LOCAL.unpack(header)
    file.seek(name_length + extra_length, os.SEEK_CUR)
    packed = file.read(min(member.packed, MEMBER_CAP))
    match member.method:
        case zlib.DEFLATED:
            return _inflate(packed)
        case 0:
            return packed
        case _:
            raise Damaged("it is packed in a way office programs do not use")


def _inflate(packed: bytes) -> bytes:
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, MEMBER_CAP)
    except zlib.error as error:
        raise Damaged("one of its parts is garbled") from error


def _directory(file: BinaryIO) -> tuple[bytes, int]:
    """The central directory, and how far all offsets are shifted by bytes put in front of the archive."""
    size = file.seek(0, os.SEEK_END)
    start = file.seek(max(0, size - _TAIL))
    tail = file.read(_TAIL)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise Damaged("its end is missing")
    _, _, _, _, entries, length, offset, _ = _END.unpack_from(tail, at)
    end = start + at
    if entries == 0xFFFF or _MOVED in (length, offset):
        end, length, offset = _zip64(file, end) or (end, length, offset)
    if length > DIRECTORY_CAP:
        raise Damaged("it has more parts than any real document")
    begin = end - length
    if begin < offset:
        raise Damaged("its list of parts is garbled")
    file.seek(begin)
    return file.read(length), begin - offset


def _zip64(file: BinaryIO, end: int) -> tuple[int, int, int] | None:
    """Where the zip64 end record is, and the directory's length and offset."""
    file.seek(max(0, end - _END64_LOCATOR.size))
    locator = file.read(_END64_LOCATOR.size)
    if len(locator) < _END64_LOCATOR.size or not locator.startswith(b"PK\x06\x07"):
        return None
    end -= _END64_LOCATOR.size + _END64.size
    file.seek(max(0, end))
    record = file.read(_END64.size)
    if len(record) < _END64.size or not record.startswith(b"PK\x06\x06"):
        return None
    *_, length, offset = _END64.unpack(record)
    return end, length, offset


def _entries(directory: bytes, shift: int) -> Iterator[tuple[str, Member]]:
    at = count = 0
    while at + _ENTRY.size <= len(directory):
        signature, *fields = _ENTRY.unpack_from(directory, at)
        if signature != b"PK\x01\x02":
            raise Damaged("its list of parts is garbled")
        if (count := count + 1) > ENTRY_CAP:
            raise Damaged("it has more parts than any real document")
        method, packed, unpacked, offset = fields[3], fields[7], fields[8], fields[-1]
        name_length, extra_length, comment_length = fields[9:12]
        names = at + _ENTRY.size
        extras = names + name_length
        at = extras + extra_length + comment_length
        if _MOVED in (packed, unpacked, offset):
            extra = directory[extras : extras + extra_length]
            packed, offset = _moved(extra, unpacked, packed, offset)
        name = directory[names:extras].decode("utf-8", "replace").lower()
        yield name, Member(method, packed, offset + shift)


def _moved(extra: bytes, unpacked: int, packed: int, offset: int) -> tuple[int, int]:
    """The packed size and offset from an entry's zip64 field: it holds only what needs more than 32 bits."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        if kind == 1:
            values = extra[at + 4 : at + 4 + length]
            wide = iter(struct.unpack(f"<{len(values) // 8}Q", values[: len(values) // 8 * 8]))
            _, packed, offset = (
                next(wide, value) if value == _MOVED else value for value in (unpacked, packed, offset)
            )
            return packed, offset
        at += 4 + length
    return packed, offset
