"""Builds the smallest files that show what they are, and some that only pretend."""

from __future__ import annotations

import io
import struct
import zipfile

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
CELL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
SLIDE = "application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml"
ODF = "application/vnd.oasis.opendocument."

_NOBODY = 0xFFFFFFFF
_END_OF_CHAIN = 0xFFFFFFFE


def package(*parts: tuple[str, bytes | str], packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", packing) as archive:
        for name, data in parts:
            archive.writestr(name, data)
    return out.getvalue()


def content_types(main: str, encoding: str = "utf-8") -> bytes:
    return (
        f'<?xml version="1.0" encoding="{encoding}"?>'
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/main.xml" ContentType="{main}"/></Types>'
    ).encode(encoding)


def office(main: str, *, last: bool = False) -> bytes:
    """An Office Open XML file with that main part, its list of types first or last."""
    types = ("[Content_Types].xml", content_types(main))
    part = ("main.xml", b"<main/>")
    return package(*((part, types) if last else (types, part)))


def open_document(mime: str, *, first: bool = True, packing: int = zipfile.ZIP_STORED) -> bytes:
    mimetype = ("mimetype", mime)
    content = ("content.xml", b"<office:document-content/>")
    return package(*((mimetype, content) if first else (content, mimetype)), packing=packing)


def compound(*names: str, below: tuple[str, ...] = ()) -> bytes:
    """An OLE compound file with streams of these names at its root, and others in a storage below."""
    entries = [_entry("Root Entry", 5, child=1)]
    at_root = [*names, "Below"] if below else list(names)
    for number, name in enumerate(at_root, 1):
        following = number + 1 if number < len(at_root) else _NOBODY
        child = len(at_root) + 1 if name == "Below" else _NOBODY
        entries.append(_entry(name, 1 if name == "Below" else 2, right=following, child=child))
    for number, name in enumerate(below, len(entries)):
        entries.append(_entry(name, 2, right=number + 1 if number < len(at_root) + len(below) else _NOBODY))
    directory = b"".join(entries)
    directory += bytes(-len(directory) % 512)
    count = len(directory) // 512
    table = [0xFFFFFFFD, *range(2, count + 1), _END_OF_CHAIN]
    return _header() + struct.pack("<128L", *table, *[_NOBODY] * (128 - len(table))) + directory


def _header() -> bytes:
    return (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
        + bytes(16)
        + struct.pack("<5H6x", 0x3E, 3, 0xFFFE, 9, 6)
        + struct.pack("<9L", 0, 1, 1, 0, 4096, _END_OF_CHAIN, 0, _END_OF_CHAIN, 0)
        + struct.pack("<109L", 0, *[_NOBODY] * 108)
    )


def _entry(name: str, kind: int, *, right: int = _NOBODY, child: int = _NOBODY) -> bytes:
    text = (name + "\0").encode("utf-16-le")
    return (
        text.ljust(64, b"\0")
        + struct.pack("<HBB3L", len(text), kind, 1, _NOBODY, right, child)
        + bytes(36)
        + struct.pack("<LQ", _END_OF_CHAIN, 0)
    )


def mime_page(kind: str = "multipart/related") -> bytes:
    return f"MIME-Version: 1.0\r\nContent-Type: {kind}\r\n\r\n<html></html>".encode()


def flat_document(kind: str) -> bytes:
    return (
        '<?xml version="1.0"?><!-- made by hand -->\n<office:document xmlns:office='
        f'"urn:oasis:names:tc:opendocument:xmlns:office:1.0" office:mimetype="{ODF}{kind}"/>'
    ).encode()
