"""Word documents in the stand-in's editor: one paragraph of the body is one line of text."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from difflib import SequenceMatcher
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from .docx_scan import LINE_BREAK, Body, NotWord, Paragraph, Scan, Span

MAIN_PART = "word/document.xml"
PART_LIMIT = 64 * 1024 * 1024
ILLEGAL = re.compile("[^\t\n\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
SECTION = re.compile(rb"<(?:\w+:)?sectPr\b(?:[^>]*/>|.*?</(?:\w+:)?sectPr>)", re.DOTALL)


def read_docx(content: bytes) -> str:
    """The paragraphs of the body, a line each. Raises NotWord."""
    body = Scan(_main_part(content)[1]).run()
    return "\n".join(paragraph.text for paragraph in body.paragraphs)


def write_docx(content: bytes, text: str) -> bytes:
    """The document with its body's paragraphs changed to `text`; unchanged ones stay as they are."""
    name, part = _main_part(content)
    rewritten = _rewrite(part, ILLEGAL.sub("", text))
    target = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as source,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as out,
    ):
        for info in source.infolist():
            out.writestr(info, rewritten if info.filename == name else source.read(info))
    return target.getvalue()


def _main_part(content: bytes) -> tuple[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            name = _main_name(archive)
            if archive.getinfo(name).file_size > PART_LIMIT:
                raise NotWord("too large for the stand-in")
            return name, _as_utf8(archive.read(name))
    except (zipfile.BadZipFile, KeyError, zlib.error, NotImplementedError, RuntimeError) as error:
        raise NotWord(str(error)) from error


def _main_name(archive: zipfile.ZipFile) -> str:
    try:
        relations = ElementTree.fromstring(archive.read("_rels/.rels"))  # noqa: S314 (expat limits expansion)
    except (KeyError, ElementTree.ParseError):
        return MAIN_PART
    for relation in relations:
        if relation.get("Type", "").endswith("/officeDocument"):
            return relation.get("Target", MAIN_PART).lstrip("/")
    return MAIN_PART


def _as_utf8(part: bytes) -> bytes:
    if part[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return re.sub(r"^<\?xml[^>]*\?>", "", part.decode("utf-16")).encode()
    return part


def _rewrite(part: bytes, text: str) -> bytes:
    body = Scan(part).run()
    old, new = [paragraph.text for paragraph in body.paragraphs], text.split("\n")
    if "\n".join(old) == text:
        return part
    if body.empty_tag is not None:
        return _fill_empty(part, body, new)
    edits: list[tuple[Span, bytes]] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            edits.extend(_edit(part, body, i1, i2, new[j1:j2]))
    for span, replacement in reversed(edits):
        part = part[: span.start] + replacement + part[span.stop :]
    return part


def _edit(part: bytes, body: Body, first: int, last: int, lines: list[str]) -> list[tuple[Span, bytes]]:
    """Replace the paragraphs first…last by these lines; what is left over goes or comes."""
    paragraphs = body.paragraphs[first:last]
    edits = [
        (Span(old.start, old.stop), _changed(part, body.prefix, old, line))
        for old, line in zip(paragraphs, lines, strict=False)
    ]
    edits += [(Span(old.start, old.stop), b"") for old in paragraphs[len(lines) :]]
    if added := lines[len(paragraphs) :]:
        index = first + len(paragraphs)
        neighbour = body.paragraphs[index - 1] if index else None
        place = neighbour.stop if neighbour else body.start
        fresh = b"".join(_added(part, body.prefix, neighbour, line) for line in added)
        edits.append((Span(place, place), fresh))
    return edits


def _fill_empty(part: bytes, body: Body, lines: list[str]) -> bytes:
    assert body.empty_tag is not None
    start, stop = body.empty_tag
    name = _tag(body.prefix, "body")
    opened = part[start:stop].rstrip(b">").rstrip(b"/") + b">"
    inner = b"".join(_added(part, body.prefix, None, line) for line in lines)
    return part[:start] + opened + inner + f"</{name}>".encode() + part[stop:]


def _changed(part: bytes, prefix: str, old: Paragraph, line: str) -> bytes:
    opening = part[old.start : old.tag_stop]
    if opening.endswith(b"/>"):
        opening = opening[:-2] + b">"
    pictures = b"".join(part[span.start : span.stop] for span in old.pictures)
    inside = _cut(part, old.properties) + _run(prefix, _cut(part, old.run_properties), line) + pictures
    return opening + inside + f"</{_tag(prefix, 'p')}>".encode()


def _added(part: bytes, prefix: str, like: Paragraph | None, line: str) -> bytes:
    properties = SECTION.sub(b"", _cut(part, like.properties)) if like else b""
    run = _run(prefix, _cut(part, like.run_properties) if like else b"", line)
    name = _tag(prefix, "p")
    return f"<{name}>".encode() + properties + run + f"</{name}>".encode()


def _run(prefix: str, properties: bytes, line: str) -> bytes:
    if not line:
        return b""
    marks = {"\t": f"<{_tag(prefix, 'tab')}/>", LINE_BREAK: f"<{_tag(prefix, 'br')}/>"}
    words = _tag(prefix, "t")
    inside = "".join(
        marks.get(piece) or f'<{words} xml:space="preserve">{escape(piece)}</{words}>'
        for piece in re.split(f"([\t{LINE_BREAK}])", line)
        if piece
    )
    name = _tag(prefix, "r")
    return f"<{name}>".encode() + properties + inside.encode() + f"</{name}>".encode()


def _cut(part: bytes, span: Span | None) -> bytes:
    return part[span.start : span.stop] if span else b""


def _tag(prefix: str, local: str) -> str:
    return f"{prefix}:{local}" if prefix else local
