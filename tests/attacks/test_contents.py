"""Files that are bombs, lies or script: they cost little, and never come out as what they are not."""

from __future__ import annotations

import io
import struct
import time
import tracemalloc
import zipfile

import pytest

from tests.web.service import Service, word

MEBIBYTE = 1024 * 1024
LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY l0 "ha">'
    + "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    + "]><Types>&l9;</Types>"
).encode()
OUTSIDE = b'<?xml version="1.0"?><!DOCTYPE t [<!ENTITY x SYSTEM "file:///etc/passwd">]><Types>&x;</Types>'
FAR = b'<?xml version="1.0"?><!DOCTYPE t SYSTEM "http://169.254.169.254/x.dtd"><Types/>'
QUADRATIC = b'<!DOCTYPE t [<!ENTITY a "' + b"a" * 50_000 + b'">]><Types>' + b"&a;" * 10_000 + b"</Types>"


def packed(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return out.getvalue()


def nested(depth: int) -> bytes:
    inner = packed(("0", bytes(8 * MEBIBYTE)))
    for level in range(depth):
        inner = packed(*((f"{level}-{n}.zip", inner) for n in range(8)))
    return packed(("[Content_Types].xml", inner))


def overlapping(entries: int) -> bytes:
    """Many entries that are all the same bytes (a zip bomb without recursion)."""
    name, content = b"x", packed(("x", bytes(MEBIBYTE)))
    local = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 8, 0, 0, 0, len(content), 2**31, 1, 0) + name + content
    entry = struct.pack(
        "<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 8, 0, 0, 0, len(content), 2**31, 1, 0, 0, 0, 0, 0, 0
    )
    directory = (entry + name) * entries
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, entries, entries, len(directory), len(local), 0)
    return local + directory + end


def lying(claimed: int) -> bytes:
    """The sizes in its directory are not those of its members."""
    data = bytearray(packed(("[Content_Types].xml", b"x" * 1000)))
    at = data.index(b"PK\1\2")
    struct.pack_into("<LL", data, at + 20, claimed, claimed)
    return bytes(data)


BOMBS = {
    "64 MiB of zeros": lambda: packed(("[Content_Types].xml", bytes(64 * MEBIBYTE))),
    "nested": lambda: nested(3),
    "sixty thousand entries": lambda: overlapping(60_000),
    "more entries than there may be": lambda: overlapping(65_535),
    "a member of 4 GiB, it says": lambda: lying(2**32 - 2),
    "a member of nothing, it says": lambda: lying(0),
    "billion laughs": lambda: packed(("[Content_Types].xml", LAUGHS)),
    "quadratic blow-up": lambda: packed(("[Content_Types].xml", QUADRATIC)),
    "an entity from outside": lambda: packed(("[Content_Types].xml", OUTSIDE)),
    "a DTD from afar": lambda: packed(("[Content_Types].xml", FAR)),
    "billion laughs, bare": lambda: LAUGHS,
    "script": lambda: b"<!doctype html><script>evil()</script>",
    "SVG with script": lambda: b'<svg xmlns="http://www.w3.org/2000/svg" onload="evil()"/>',
    "a program": lambda: b"MZ" + bytes(500),
    "a program of Unix": lambda: b"\x7fELF" + bytes(500),
    "a program before a document": lambda: b"MZ" + bytes(500) + b"%PDF-1.7",
    "a slip": lambda: packed(("../../../../tmp/evil", b"x"), ("/etc/passwd", b"x")),
    "nothing": lambda: b"",
}


@pytest.mark.parametrize("name", BOMBS)
async def test_a_file_that_is_no_document_is_not_opened_and_costs_little(service: Service, name: str) -> None:
    content = BOMBS[name]()
    file = await service.add("Plan.docx", content)
    tracemalloc.start()
    began = time.process_time()
    refused = await service.get(f"/api/onlyoffice/config/{file}")
    spent, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (refused.status_code, refused.json()["code"]) == (400, "wrong_type")
    assert spent < 5
    assert peak < 40 * MEBIBYTE


@pytest.mark.parametrize("name", ["billion laughs", "nested", "script", "sixty thousand entries"])
async def test_a_save_that_is_no_document_never_becomes_the_file(service: Service, name: str) -> None:
    file = await service.add()
    key = await service.begin(file)
    assert await service.offered(2, key, "1", BOMBS[name]()) == (200, 0)
    assert await service.content(file) == word("The first words.")
    assert len(service.quarantined()) == 1
