"""What a file's own structure says it is, whatever its name and whatever libmagic thinks.

The evidence is the one ONLYOFFICE's converter goes by: the main part in `[Content_Types].xml`, the
`mimetype` member, the streams at the root of an OLE file, the header of a PDF, the root element.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import BinaryIO

from domain.formats import FORMATS
from infrastructure import compound, texts, zips
from infrastructure.texts import UNKNOWN, Content

HEAD = 65_536  # bytes looked at in files that are no container

_OOXML_FAMILIES = (
    ("docx", "docm", "dotx", "dotm", "docxf", "oform"),
    ("xlsx", "xlsm", "xltx", "xltm", "xlsb"),
    ("pptx", "pptm", "potx", "potm", "ppsx", "ppsm"),
    ("vsdx", "vsdm", "vssx", "vssm", "vstx", "vstm"),
    ("xps", "oxps"),
)
_ODF_FAMILIES = (("odt", "ott"), ("ods", "ots"), ("odp", "otp"), ("sxw", "stw"))

_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml"
_CELL = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_SLIDE = "application/vnd.openxmlformats-officedocument.presentationml"
_IWORK_FAMILY = (("pages", "numbers", "key"),)  # they differ in nothing that is cheap to see
_IWORK_PARTS = frozenset({"index/document.iwa", "index.zip", "index.xml", "index.xml.gz", "index.apxl"})
_MAIN_PARTS = {  # lower-case content types
    f"{_WORD}.document.oform": "oform",
    f"{_WORD}.document.docxf": "docxf",
    f"{_WORD}.document.main+xml": "docx",
    f"{_WORD}.template.main+xml": "dotx",
    "application/vnd.ms-word.document.macroenabled.main+xml": "docm",
    "application/vnd.ms-word.template.macroenabledtemplate.main+xml": "dotm",
    f"{_CELL}.sheet.main+xml": "xlsx",
    f"{_CELL}.template.main+xml": "xltx",
    "application/vnd.ms-excel.sheet.macroenabled.main+xml": "xlsm",
    "application/vnd.ms-excel.template.macroenabled.main+xml": "xltm",
    "application/vnd.ms-excel.sheet.binary.macroenabled.main": "xlsb",
    f"{_SLIDE}.presentation.main+xml": "pptx",
    f"{_SLIDE}.template.main+xml": "potx",
    f"{_SLIDE}.slideshow.main+xml": "ppsx",
    "application/vnd.ms-powerpoint.presentation.macroenabled.main+xml": "pptm",
    "application/vnd.ms-powerpoint.template.macroenabled.main+xml": "potm",
    "application/vnd.ms-powerpoint.slideshow.macroenabled.main+xml": "ppsm",
    "application/vnd.ms-visio.drawing.main+xml": "vsdx",
    "application/vnd.ms-visio.stencil.main+xml": "vssx",
    "application/vnd.ms-visio.template.main+xml": "vstx",
    "application/vnd.ms-visio.drawing.macroenabled.main+xml": "vsdm",
    "application/vnd.ms-visio.stencil.macroenabled.main+xml": "vssm",
    "application/vnd.ms-visio.template.macroenabled.main+xml": "vstm",
    "application/vnd.ms-package.xps-fixeddocumentsequence+xml": "xps",
}
_MIMETYPES = {
    mime: extension
    for extension in ("odt", "ott", "ods", "ots", "odp", "otp", "odg", "sxw", "stw", "sxc", "sxi", "epub")
    for mime in FORMATS[extension].mimes
} | {
    "application/vnd.oasis.opendocument.text-web": "odt",  # LibreOffice, from a web page
    "application/vnd.oasis.opendocument.text-master": "odt",
    "application/vnd.sun.xml.writer.web": "sxw",
    "application/hwp+zip": "hwpx",
}

# In this order: an encrypted docx may carry a WordDocument stream that tells old programs to give up.
_ENCRYPTED = Content(
    "application/encrypted", sum(_OOXML_FAMILIES[:4], ()), "a password-protected Office file"
)
_ROOT_NAMES = (
    (frozenset({"encryptedpackage", "encryptioninfo"}), _ENCRYPTED),
    (frozenset({"worddocument"}), Content("application/msword", ("doc", "dot", "wps", "wpt"))),
    (frozenset({"workbook", "book"}), Content("application/vnd.ms-excel", ("xls", "xlt", "et", "ett"))),
    (
        frozenset({"powerpoint document", "pp40"}),
        Content("application/vnd.ms-powerpoint", ("ppt", "pps", "pot", "dps", "dpt")),
    ),
    (frozenset({"bodytext"}), Content("application/x-hwp", ("hwp",))),
    (frozenset({"visiodocument"}), Content("application/vnd.visio", (), "an old Visio drawing")),
)
_CONTENT_TYPE = re.compile(r"""contenttype\s*+=\s*+["']([^"']*+)["']""")
_ODF_MIME = re.compile(r"application/vnd\.oasis\.opendocument\.[a-z-]++")


def look(file: BinaryIO) -> Content:
    """Name the content; UNKNOWN when its structure says nothing. Reads a bounded part of any file."""
    head = file.read(HEAD)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _package(file)
    if head.startswith(compound.SIGNATURE):
        names = compound.root_names(file)
        return next((content for known, content in _ROOT_NAMES if known & names), UNKNOWN)
    if head.startswith(b"AT&TFORM") and head[12:15] == b"DJV":
        return Content("image/vnd.djvu", ("djvu",))
    return texts.look(head)


def _package(file: BinaryIO) -> Content:
    try:
        members = zips.members(file)
        return _office_xml(file, members) or _open_document(file, members) or _iwork(members)
    except zips.Damaged as flaw:
        return Content("application/zip", (), flaw=str(flaw))


def _office_xml(file: BinaryIO, members: Mapping[str, zips.Member]) -> Content | None:
    if (member := members.get("[content_types].xml")) is None:
        return None
    types = texts.characters(zips.read(file, member)).lower()
    named = {name.strip() for name in _CONTENT_TYPE.findall(types)}
    extension = next((extension for part, extension in _MAIN_PARTS.items() if part in named), None)
    return _named(extension, _OOXML_FAMILIES) if extension else None


def _open_document(file: BinaryIO, members: Mapping[str, zips.Member]) -> Content | None:
    """By the mimetype member, or by the manifest when there is none."""
    if (member := members.get("mimetype")) is not None:
        mime = texts.characters(zips.read(file, member)).strip().lower()
    elif (member := members.get("meta-inf/manifest.xml")) is not None:
        found = _ODF_MIME.search(texts.characters(zips.read(file, member)))
        mime = found[0] if found else ""
    else:
        return None
    extension = _MIMETYPES.get(mime)
    return _named(extension, _ODF_FAMILIES) if extension else None


def _iwork(members: Mapping[str, zips.Member]) -> Content:
    if any(name.startswith("index/slide") for name in members):
        return _named("key", _IWORK_FAMILY)
    if not _IWORK_PARTS.isdisjoint(members):
        return _named("pages", _IWORK_FAMILY)
    return Content("application/zip", ())


def _named(extension: str, families: tuple[tuple[str, ...], ...]) -> Content:
    """Within a family the main part decides nothing that matters: ONLYOFFICE goes by the content too."""
    family = next((family for family in families if extension in family), (extension,))
    others = tuple(other for other in family if other != extension)
    return Content(FORMATS[extension].mimes[0], (extension, *others))
