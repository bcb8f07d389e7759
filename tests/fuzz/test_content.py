"""Real documents, garbled: the look inside ends in a verdict and reads no more than it may."""

from __future__ import annotations

import io
import struct
import tempfile
from pathlib import Path
from typing import BinaryIO, cast

from hypothesis import given
from hypothesis import strategies as st

from domain.formats import FORMATS
from infrastructure import compound, containers, zips
from infrastructure.containers import look
from infrastructure.sniffer import judge
from tests.fuzz.amount import thorough
from tests.infrastructure.test_hostile_content import Metered

FOLDER = Path(__file__).parent.parent / "files"
REAL = {path.name: path.read_bytes() for path in sorted(FOLDER.iterdir()) if path.is_file()}
ARCHIVES = {name: data for name, data in REAL.items() if data.startswith(b"PK")}
MOST = zips.DIRECTORY_CAP + 8 * zips.MEMBER_CAP  # bytes read of any file

# Where the fields of a zip's records are, and how wide.
RECORDS = {
    b"PK\1\2": [(4, 2), (6, 2), (8, 2), (10, 2), (20, 4), (24, 4), (28, 2), (30, 2), (32, 2), (42, 4)],
    b"PK\3\4": [(6, 2), (8, 2), (18, 4), (22, 4), (26, 2), (28, 2)],
    b"PK\5\6": [(4, 2), (6, 2), (8, 2), (10, 2), (12, 4), (16, 4), (20, 2)],
}
EXTREME = st.sampled_from([0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF])
places = st.floats(0, 1, exclude_max=True)
changes = st.lists(st.tuples(places, st.binary(min_size=1, max_size=8)), max_size=8)


def garbled(data: bytes, length: float, changed: list[tuple[float, bytes]]) -> bytes:
    kept = bytearray(data[: max(1, int(len(data) * length))])
    for place, change in changed:
        at = int(place * len(kept))
        kept[at : at + len(change)] = change
    return bytes(kept)


def judged(data: bytes, filetype: str) -> None:
    file = Metered(data)
    look(cast(BinaryIO, file))
    assert file.taken <= min(MOST, 20 * len(data) + containers.HEAD)
    with tempfile.NamedTemporaryFile() as stored:
        stored.write(data)
        stored.flush()
        verdict = judge(Path(stored.name), filetype)
    assert verdict.accepted != bool(verdict.reason)


@thorough(200)
@given(
    st.sampled_from(sorted(REAL)),
    st.just(1.0) | places,
    changes,
    st.none() | st.sampled_from(sorted(FORMATS)),
)
def test_garbled_and_truncated_documents_are_judged(
    name: str, length: float, changed: list[tuple[float, bytes]], other: str | None
) -> None:
    judged(garbled(REAL[name], length, changed), other or Path(name).suffix[1:])


@thorough(200)
@given(
    st.sampled_from(sorted(ARCHIVES)),
    st.lists(st.tuples(st.sampled_from(sorted(RECORDS)), places, places, EXTREME), min_size=1, max_size=6),
)
def test_an_archive_may_claim_what_it_likes(name: str, claims: list[tuple[bytes, float, float, int]]) -> None:
    data = bytearray(ARCHIVES[name])
    for signature, which, field, value in claims:
        starts = [at for at in range(len(data) - 46) if data[at : at + 4] == signature]
        fields = RECORDS[signature]
        offset, width = fields[int(field * len(fields))]
        at = (starts or [0])[int(which * len(starts))] + offset
        data[at : at + width] = (value & (256**width - 1)).to_bytes(width, "little")
    judged(bytes(data), Path(name).suffix[1:])


@thorough(100)
@given(
    st.sampled_from(["letter.doc", "table.xls", "encrypted-table.xlsx"]),
    st.lists(st.tuples(places, EXTREME), min_size=1, max_size=12),
)
def test_a_compound_files_sectors_may_point_anywhere(name: str, links: list[tuple[float, int]]) -> None:
    data = bytearray(REAL[name])
    for place, value in links:
        struct.pack_into("<L", data, int(place * (len(data) // 4)) * 4, value)
    assert len(compound.root_names(io.BytesIO(bytes(data)))) <= len(data)
    judged(bytes(data), Path(name).suffix[1:])
