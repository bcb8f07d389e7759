"""Where the paragraphs of a WordprocessingML part are: byte spans, so that a rewrite touches nothing else.

A tree library would rename namespace prefixes, which breaks `mc:Ignorable`; hence offsets.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple
from xml.parsers import expat

NAMESPACES = (
    "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    "http://purl.oclc.org/ooxml/wordprocessingml/main",
)
LINE_BREAK = "\u2028"  # a break inside a paragraph; the editor's lines are paragraphs
PICTURES = frozenset({"drawing", "pict", "object"})


class NotWord(Exception):
    """The part is no WordprocessingML document."""


class Span(NamedTuple):
    start: int
    stop: int


@dataclass(slots=True)
class Paragraph:
    start: int
    stop: int = -1
    tag_stop: int = -1  # where its start tag ends
    pieces: list[str] = field(default_factory=list)
    properties: Span | None = None
    run_properties: Span | None = None
    pictures: list[Span] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.pieces)


@dataclass(slots=True)
class Body:
    prefix: str
    start: int  # just after the start tag, or the tag's own start when it is `<w:body/>`
    stop: int = -1  # just before the end tag
    empty_tag: Span | None = None
    paragraphs: list[Paragraph] = field(default_factory=list)


class Scan:
    """One pass of expat over the part; `body` is filled when it is done."""

    def __init__(self, part: bytes) -> None:
        self.body: Body | None = None
        self._part = part
        self._open: list[tuple[str, int]] = []
        self._paragraph: Paragraph | None = None
        self._hidden = 0  # depth inside text boxes, whose paragraphs are not lines of the text
        self._pictured = False
        self._fresh = False  # nothing came since the last start tag
        self._parser = expat.ParserCreate(namespace_separator="}")
        self._parser.namespace_prefixes = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = self._refuse_doctype
        self._parser.buffer_text = False

    def run(self) -> Body:
        try:
            self._parser.Parse(self._part, True)
        except expat.ExpatError as error:
            raise NotWord(str(error)) from error
        if self.body is None or self.body.stop < 0:
            raise NotWord("no body")
        return self.body

    def _start(self, qualified: str, _attributes: dict[str, str]) -> None:
        uri, _, rest = qualified.partition("}")
        local, _, prefix = rest.partition("}")
        name = local if uri in NAMESPACES else f"{{{uri}}}{local}"
        index = self._parser.CurrentByteIndex
        self._fresh = True
        parent = self._open[-1][0] if self._open else ""
        self._open.append((name, index))
        if name == "body" and self.body is None:
            self.body = Body(prefix, index)
            self.body.start = self._tag_stop(index)
        elif name == "p" and parent == "body":
            self._paragraph = Paragraph(index, tag_stop=self._tag_stop(index))
        elif self._paragraph is not None:
            self._inside(name, parent)

    def _inside(self, name: str, parent: str) -> None:
        assert self._paragraph is not None
        if name == "txbxContent":
            self._hidden += 1
        elif name in PICTURES:
            self._pictured = True
        elif parent == "r" and not self._hidden:
            mark = {"tab": "\t", "br": LINE_BREAK, "cr": LINE_BREAK}.get(name)
            if mark:
                self._paragraph.pieces.append(mark)

    def _characters(self, data: str) -> None:
        self._fresh = False
        if self._paragraph is not None and not self._hidden and self._open[-1][0] == "t":
            self._paragraph.pieces.append(data.replace("\n", " "))

    def _end(self, _qualified: str) -> None:
        name, start = self._open.pop()
        stop = self._element_stop(self._parser.CurrentByteIndex)
        self_closed = self._fresh and stop == self._parser.CurrentByteIndex
        self._fresh = False
        if name == "body" and self.body is not None and self.body.stop < 0:
            self.body.stop = self._parser.CurrentByteIndex
            if self_closed:
                self.body.empty_tag = Span(start, stop)
        elif self._paragraph is not None:
            self._leave(name, Span(start, stop))

    def _leave(self, name: str, span: Span) -> None:
        paragraph = self._paragraph
        assert paragraph is not None
        parent = self._open[-1][0] if self._open else ""
        if name == "p" and parent == "body":
            paragraph.stop = span.stop
            self._paragraph = None
            if self.body is not None:
                self.body.paragraphs.append(paragraph)
        elif name == "txbxContent":
            self._hidden -= 1
        elif self._hidden:
            return
        elif name == "pPr" and parent == "p":
            paragraph.properties = span
        elif name == "rPr" and parent == "r" and paragraph.run_properties is None:
            paragraph.run_properties = span
        elif name == "r" and self._pictured:
            paragraph.pictures.append(span)
            self._pictured = False

    def _element_stop(self, index: int) -> int:
        # Of `<x/>` expat reports the end after the tag, of `<x></x>` before the end tag.
        if self._fresh and self._part[index - 2 : index] == b"/>":
            return index
        return self._part.index(b">", index) + 1

    def _tag_stop(self, index: int) -> int:
        quote = b""
        for position in range(index, len(self._part)):
            character = self._part[position : position + 1]
            if quote:
                quote = b"" if character == quote else quote
            elif character in {b'"', b"'"}:
                quote = character
            elif character == b">":
                return position + 1
        raise NotWord("unfinished tag")

    def _refuse_doctype(self, *_details: object) -> None:
        raise NotWord("a document type declaration has no place in an office file")
