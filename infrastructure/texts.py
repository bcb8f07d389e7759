"""Tells text from other bytes, and by its first characters which kind of text it is."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from domain.formats import FORMATS


@dataclass(frozen=True, slots=True)
class Content:
    """What the bytes show: a MIME type and the file types it may go by, the best name first."""

    mime: str
    extensions: tuple[str, ...]
    described: str = ""  # to people, where the first extension says too little
    flaw: str = ""  # why it cannot be read, when it is damaged


UNKNOWN = Content("", ())

# Any text may go by these names: a note may begin like a mail, a program or a table.
PLAIN = ("txt", "csv", "tsv", "md", "html", "htm")

_PAGE = Content("text/html", ("html", "htm", "xml", "txt", "csv", "tsv", "md"))
_ARCHIVED_PAGE = Content("message/rfc822", ("mht", "mhtml", *PLAIN), "a mail or a web archive")
_BINARY = re.compile(
    rb"\x89PNG|\xff\xd8\xff|GIF8[79]a|\x1f\x8b|BZh[1-9]1AY|7z\xbc\xaf|\xfd7zXZ|Rar!\x1a|\x7fELF|\xca\xfe\xba\xbe"
)
_CONTROLS = bytes(set(range(32)) - set(b"\a\b\t\n\v\f\r\x0e\x0f\x1a\x1b"))
_MARKS = (  # the longer first: UTF-32's little-endian mark begins like UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (codecs.BOM_UTF8, "latin-1"),  # only ASCII is looked for, and no byte is wrong in latin-1
)
_PDF_WITHIN = 1024  # bytes of anything that may come before a PDF's header

# Possessive where it matters: a hostile file must not make a pattern go back and forth for hours.
_PROLOG = re.compile(
    r"\s++|<\?.*?\?>|<!--.*?-->|<!doctype[^>\[]*+(?:\[[^\]]*+\]\s*+)?>", re.DOTALL | re.IGNORECASE
)
_ROOT = re.compile(r"<(?:[\w.-]++:)?([\w.-]++)")
_ODF_MIME = re.compile(r"""office:mimetype\s*+=\s*+["']([^"']++)""")
_PAGE_TAG = re.compile(r"<(?:!doctype\s++html|html|head|body)[\s>]", re.IGNORECASE)
_MAIL_HEADER = re.compile(r"^(?:mime-version|content-type):", re.IGNORECASE | re.MULTILINE)
_FLAT = {FORMATS[extension].mimes[0]: extension for extension in ("fodt", "fods", "fodp")}


def look(head: bytes) -> Content:
    """Name a file that is no container by its first bytes."""
    if _BINARY.match(head):
        return UNKNOWN
    text = text_of(head)
    if head.lstrip().startswith(b"{\\rtf"):  # may hold pictures as raw bytes
        return Content("text/rtf", ("rtf",) if text is None else ("rtf", *PLAIN))
    if (at := head.find(b"%PDF-", 0, _PDF_WITHIN)) >= 0:
        is_note = text is not None and at > len(codecs.BOM_UTF8)
        return Content("application/pdf", ("pdf", *PLAIN) if is_note else ("pdf",))
    return UNKNOWN if text is None else _kind(text)


def text_of(head: bytes) -> str | None:
    """A text's first characters, in any 8-bit encoding or with a byte order mark; None for other bytes."""
    text = head.decode("latin-1")
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            try:
                text = codecs.getincrementaldecoder(encoding)().decode(head[len(mark) :])
            except UnicodeDecodeError:
                return None
            head = text.encode("latin-1", "replace")
            break
    controls = len(head) - len(head.translate(None, _CONTROLS))
    return None if b"\0" in head or controls > len(head) // 100 else text


def characters(xml: bytes) -> str:
    """The characters of an XML file as far as they are ASCII, which is all that is looked for."""
    for mark, encoding in _MARKS:
        if xml.startswith(mark):
            return xml[len(mark) :].decode(encoding, "replace")
    return xml.decode("latin-1")


def _kind(text: str) -> Content:
    start = text.lstrip()
    if start.startswith("<"):
        return _markup(start)
    header = start.replace("\r\n", "\n").partition("\n\n")[0]
    if _MAIL_HEADER.search(header):
        return _ARCHIVED_PAGE
    return _PAGE if _PAGE_TAG.search(start, 0, 1024) else Content("text/plain", PLAIN)


def _markup(text: str) -> Content:
    at = 0
    while prolog := _PROLOG.match(text, at):
        at = prolog.end()
    found = _ROOT.match(text, at)
    match found[1].lower() if found else "":
        case "document" if flat := _flat_document(text):
            return Content(FORMATS[flat].mimes[0], (flat, "xml", *PLAIN))
        case "fictionbook":
            return Content("application/x-fictionbook+xml", ("fb2", "xml", *PLAIN))
        case "hwpml":
            return Content("application/x-hwpml", ("hml", "xml", *PLAIN))
        case _ if _PAGE_TAG.search(text, 0, at + 1024):
            return _PAGE
        case _:
            return Content("text/xml", ("xml", *PLAIN))


def _flat_document(text: str) -> str | None:
    mime = _ODF_MIME.search(text)
    return _FLAT.get(mime[1].removesuffix("-template") + "-flat-xml") if mime else None
