"""Text files in the stand-in's editor: UTF-8 out, nearly anything in."""

from __future__ import annotations

import codecs


def read_plain(content: bytes) -> str:
    return _decode(content).replace("\r\n", "\n").replace("\r", "\n")


def write_plain(content: bytes, text: str) -> bytes:
    """The new text with the byte order mark and the line ends of the old content."""
    mark = codecs.BOM_UTF8 if content.startswith(codecs.BOM_UTF8) else b""
    if "\r\n" in _decode(content):
        text = text.replace("\n", "\r\n")
    return mark + text.encode()


def _decode(content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")
