"""What the stand-in makes of one type of file in another: the text, and nothing that it cannot keep."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, field

import trio

from .documents import INLINE_LIMIT
from .docx import MAIN_PART, read_docx, write_docx
from .docx_scan import NotWord
from .plain import read_plain

FAILED, PASSWORD = -3, -5  # the API's numbers
TEXTS = frozenset({"txt", "md"})  # of the word family; Markdown as it is written
TABLES = frozenset({"csv", "tsv"})
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")  # the stream of an office file with a password
OLE = b"\xd0\xcf\x11\xe0"
_TYPES = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Override PartName="/word/document.xml" ContentType='
    '"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
)
_RELATIONS = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/'
    'officeDocument" Target="word/document.xml"/></Relationships>'
)
_DOCUMENT = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>'
    '<w:p/><w:sectPr><w:pgSz w:w="11906" w:h="16838"/></w:sectPr></w:body></w:document>'
)


@dataclass(eq=False, slots=True)
class Conversion:
    directory: str
    name: str
    error: int = 0
    over: trio.Event = field(default_factory=trio.Event)


class CannotConvert(Exception):
    """`code` is what the API says."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


async def converted(content: bytes, filetype: str, outputtype: str) -> bytes:
    """Raises CannotConvert."""
    try:
        if len(content) < INLINE_LIMIT:
            return _convert(content, filetype, outputtype)
        return await trio.to_thread.run_sync(_convert, content, filetype, outputtype)
    except NotWord:
        raise CannotConvert(FAILED) from None


def _convert(content: bytes, filetype: str, outputtype: str) -> bytes:
    if content.startswith(OLE) and ENCRYPTED in content:
        raise CannotConvert(PASSWORD)
    if filetype == "docx" and outputtype in {"docx", "txt"}:
        text = read_docx(content)
        return content if outputtype == "docx" else text.encode()
    if filetype in TEXTS and outputtype in {"docx", "txt"}:
        return write_docx(_empty(), read_plain(content)) if outputtype == "docx" else content
    if filetype in TABLES and outputtype == filetype:
        return content
    raise CannotConvert(FAILED)


def _empty() -> bytes:
    target = io.BytesIO()
    parts = {"[Content_Types].xml": _TYPES, "_rels/.rels": _RELATIONS, MAIN_PART: _DOCUMENT}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(zipfile.ZipInfo(name), part)  # dated 1980: equal texts, equal bytes
    return target.getvalue()
