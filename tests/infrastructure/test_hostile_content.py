"""Hostile files: nothing crashes the look inside, and nothing makes it read or inflate without bound."""

from __future__ import annotations

import io
import struct
import tempfile
import tracemalloc
from pathlib import Path
from typing import BinaryIO, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.formats import FORMATS
from infrastructure import compound, containers, zips
from infrastructure.containers import look
from infrastructure.sniffer import judge
from infrastructure.texts import UNKNOWN
from tests.infrastructure import documents

DOCX = documents.office(documents.WORD)
OLE = documents.compound("WordDocument", "a", "b", "c", "d", below=("Workbook",))
STARTS = [
    b"",
    b"PK\3\4",
    b"PK\5\6",
    compound.SIGNATURE,
    b"%PDF-",
    b"\xff\xfe",
    b"\xef\xbb\xbf<",
    b"<?xml",
    b"{\\rtf",
]
MEBIBYTE = 1024 * 1024


class Metered:
    """A file that counts the bytes read from it."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)
        self.taken = 0

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def read(self, size: int) -> bytes:
        assert size >= 0, "everything was asked for"
        data = self._file.read(size)
        self.taken += len(data)
        return data


def metered_look(data: bytes) -> int:
    file = Metered(data)
    look(cast(BinaryIO, file))
    return file.taken


@given(st.sampled_from(STARTS), st.binary(max_size=300), st.sampled_from(sorted(FORMATS)))
def test_no_bytes_crash_the_judge(start: bytes, rest: bytes, filetype: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "blob")
        path.write_bytes(start + rest)
        verdict = judge(path, filetype)
    assert verdict.accepted != bool(verdict.reason)


@given(
    st.sampled_from([DOCX, OLE]),
    st.integers(0, 3000),
    st.lists(st.tuples(st.integers(0, 3000), st.binary(min_size=1, max_size=8)), max_size=6),
)
def test_garbled_and_truncated_containers_are_read_within_bounds(
    data: bytes, length: int, changes: list[tuple[int, bytes]]
) -> None:
    garbled = bytearray(data[:length])
    for at, change in changes:
        garbled[at : at + len(change)] = change
    assert metered_look(bytes(garbled)) <= 20 * len(data)


def test_a_zip_bomb_is_not_inflated(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb"
    bomb.write_bytes(documents.package(("[Content_Types].xml", bytes(64 * MEBIBYTE)), ("mimetype", b"x")))
    tracemalloc.start()
    verdict = judge(bomb, "docx")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert not verdict.accepted
    assert peak < 8 * MEBIBYTE


def test_a_long_list_of_types_is_read_as_far_as_the_cap() -> None:
    types = documents.content_types(documents.WORD) + b" " * (20 * MEBIBYTE)
    found = look(io.BytesIO(documents.package(("[Content_Types].xml", types))))
    assert found.extensions[0] == "docx"


def test_a_directory_that_claims_to_be_huge_is_not_read() -> None:
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, zips.DIRECTORY_CAP + 1, 0, 0)
    with pytest.raises(zips.Damaged, match="more parts"):
        zips.members(io.BytesIO(b"PK\3\4" + bytes(zips.DIRECTORY_CAP) + end))


def test_more_parts_than_any_document_has_are_not_counted_to_the_end() -> None:
    entry = struct.pack("<4s6H3L5H2L", b"PK\1\2", *[0] * 16)
    directory = entry * (zips.ENTRY_CAP + 1)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(directory), 0, 0)
    with pytest.raises(zips.Damaged, match="more parts"):
        zips.members(io.BytesIO(directory + end))


def test_a_zip64_archive_is_understood() -> None:
    """Its sizes and offsets are in extra records, as streaming writers put them."""
    types = documents.content_types(documents.WORD)
    name = b"[Content_Types].xml"
    local = struct.pack("<4s5H3L2H", b"PK\3\4", 45, 0, 0, 0, 0, 0, len(types), len(types), len(name), 0)
    extra = struct.pack("<HHH", 9, 2, 0) + struct.pack("<HHQQQ", 1, 24, len(types), len(types), 0)
    all_moved = (0, 0xFFFFFFFF, 0xFFFFFFFF, len(name), len(extra), 0, 0, 0, 0, 0xFFFFFFFF)
    entry = struct.pack("<4s6H3L5H2L", b"PK\1\2", 45, 45, 0, 0, 0, 0, *all_moved) + name + extra
    body = local + name + types
    end64 = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, len(entry), len(body))
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, len(body) + len(entry), 1)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    assert look(io.BytesIO(body + entry + end64 + locator + end)).extensions[0] == "docx"


def test_an_archive_that_promises_zip64_and_has_none_is_read_as_it_is() -> None:
    at = DOCX.rindex(b"PK\5\6")
    promising = bytearray(DOCX)
    struct.pack_into("<HH", promising, at + 8, 0xFFFF, 0xFFFF)
    assert look(io.BytesIO(promising)).extensions[0] == "docx"
    behind = bytes(promising[:at]) + struct.pack("<4sLQL", b"PK\6\7", 0, 0, 1) + bytes(promising[at:])
    assert look(io.BytesIO(behind)).flaw


@pytest.mark.parametrize("offset", [8, 0x7FFFFFFF, 0xFFFFFFFF], ids=hex)
def test_a_part_that_is_not_where_the_directory_says_is_missing(offset: int) -> None:
    moved = bytearray(DOCX)
    struct.pack_into("<L", moved, DOCX.index(b"PK\1\2") + 42, offset)
    assert look(io.BytesIO(moved)).flaw == "one of its parts is missing"


def test_an_archive_behind_other_bytes_is_still_found() -> None:
    assert "[content_types].xml" in zips.members(io.BytesIO(b"something else" + DOCX))


@pytest.mark.parametrize("where", [14, 70, 200])
def test_an_endless_chain_of_sectors_ends(where: int) -> None:
    looped = bytearray(OLE)
    for number in range(1, 4):
        struct.pack_into("<L", looped, 512 + 4 * number, 1)
    struct.pack_into("<L", looped, 1024 + 128 + where % 12 + 60, 0)
    assert metered_look(bytes(looped)) <= 20 * len(OLE)


def test_a_big_compound_file_lists_its_allocation_sectors_elsewhere() -> None:
    """A directory at sector 20 000 lies beyond what the header's 109 numbers describe."""
    start, table_sector, more_sector = 20_000, 2, 3
    data = bytearray(OLE[:512]) + bytes((start + 2) * 512)
    struct.pack_into("<L", data, 48, start)
    struct.pack_into("<LL", data, 68, more_sector, 1)
    index, place = divmod(start, 128)
    struct.pack_into("<L", data, (more_sector + 1) * 512 + (index - 109) * 4, table_sector)
    struct.pack_into("<L", data, (more_sector + 1) * 512 + 127 * 4, 0xFFFFFFFE)
    struct.pack_into("<L", data, (table_sector + 1) * 512 + place * 4, 0xFFFFFFFE)
    data[(start + 1) * 512 : (start + 2) * 512] = documents.compound("WordDocument")[1024:1536]
    assert compound.root_names(io.BytesIO(bytes(data))) == {"worddocument"}


@pytest.mark.parametrize(
    "data",
    [
        documents.package(("[Content_Types].xml", b'ContentType="' + b" " * MEBIBYTE)),
        documents.package(("[Content_Types].xml", b"contenttype" + b" " * MEBIBYTE)),
        documents.package(("META-INF/manifest.xml", b"application/vnd.oasis.opendocument." * 30_000)),
        b"<!doctype" + b" " * 65_000,
        b"<!--" * 16_000,
        b"<?" * 32_000,
        b"<" + b"a" * 65_000,
        b"<document office:mimetype" + b" " * 65_000,
        b"\n" * 65_000 + b"content-type",
    ],
    ids=range(9),
)
def test_no_content_makes_a_pattern_run_for_ever(data: bytes) -> None:
    look(io.BytesIO(data))


def test_a_large_text_is_judged_by_its_beginning() -> None:
    assert metered_look(b"word " * MEBIBYTE) == containers.HEAD


def test_a_damaged_compound_file_says_nothing() -> None:
    assert look(io.BytesIO(compound.SIGNATURE)) == UNKNOWN
    assert look(io.BytesIO(OLE[:1000])) == UNKNOWN
