"""Every file type a current ONLYOFFICE opens: which editor, what may be done with it, which content.

The facts are those of https://github.com/ONLYOFFICE/document-formats, version 3.2.0 (Apache-2.0),
without the types that no editor opens (pictures, zip, pdfa).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, cast

DocumentType = Literal["word", "cell", "slide", "pdf", "diagram"]

# "view" includes what ONLYOFFICE only edits after converting it to another type (doc, xls, ppt, md ...):
# saving the result under the old name would destroy the file. "lossy" types are edited and written
# back as the same type, without what that type cannot hold.
_TABLE = """
doc     word    view      application/msword
docm    word    edit      application/vnd.ms-word.document.macroenabled.12
docx    word    edit      application/vnd.openxmlformats-officedocument.wordprocessingml.document
dot     word    view      application/msword
dotm    word    edit      application/vnd.ms-word.template.macroenabled.12
dotx    word    edit      application/vnd.openxmlformats-officedocument.wordprocessingml.template
epub    word    lossy     application/epub+zip
fb2     word    lossy     text/fb2+xml application/x-fictionbook+xml
fodt    word    view      application/vnd.oasis.opendocument.text-flat-xml
gdoc    word    view      application/vnd.google-apps.document
hml     word    view      multipart/related
htm     word    view      text/html
html    word    lossy     text/html
hwp     word    view      application/x-hwp application/x-hwp-v5
hwpx    word    view      application/x-hwpx
md      word    view      text/markdown
mht     word    view      message/rfc822
mhtml   word    view      message/rfc822
odt     word    lossy     application/vnd.oasis.opendocument.text
ott     word    lossy     application/vnd.oasis.opendocument.text-template
pages   word    view      application/vnd.apple.pages application/x-iwork-pages-sffpages
rtf     word    lossy     application/rtf text/rtf
stw     word    view      application/vnd.sun.xml.writer.template
sxw     word    view      application/vnd.sun.xml.writer
txt     word    lossy     text/plain
wps     word    view      application/vnd.ms-works
wpt     word    view
xml     word    view      application/xml text/xml
csv     cell    lossy     text/csv application/csv text/x-comma-separated-values text/x-csv
et      cell    view
ett     cell    view
fods    cell    view      application/vnd.oasis.opendocument.spreadsheet-flat-xml
gsheet  cell    view      application/vnd.google-apps.spreadsheet
numbers cell    view      application/vnd.apple.numbers application/x-iwork-numbers-sffnumbers
ods     cell    lossy     application/vnd.oasis.opendocument.spreadsheet
ots     cell    lossy     application/vnd.oasis.opendocument.spreadsheet-template
tsv     cell    lossy     text/tab-separated-values
sxc     cell    view      application/vnd.sun.xml.calc
xls     cell    view      application/vnd.ms-excel
xlsb    cell    edit      application/vnd.ms-excel.sheet.binary.macroenabled.12
xlsm    cell    edit      application/vnd.ms-excel.sheet.macroenabled.12 \
                          application/vnd.openxmlformats-officedocument.spreadsheetml.sheet
xlsx    cell    edit      application/vnd.openxmlformats-officedocument.spreadsheetml.sheet
xlt     cell    view      application/vnd.ms-excel
xltm    cell    edit      application/vnd.ms-excel.template.macroenabled.12
xltx    cell    edit      application/vnd.openxmlformats-officedocument.spreadsheetml.template
dps     slide   view
dpt     slide   view
fodp    slide   view      application/vnd.oasis.opendocument.presentation-flat-xml
gslides slide   view      application/vnd.google-apps.presentation
key     slide   view      application/vnd.apple.keynote application/x-iwork-keynote-sffkey \
                          application/vnd.apple.keynote.13
odg     slide   view      application/vnd.oasis.opendocument.graphics \
                          application/x-vnd.oasis.opendocument.graphics
odp     slide   lossy     application/vnd.oasis.opendocument.presentation
otp     slide   lossy     application/vnd.oasis.opendocument.presentation-template
pot     slide   view      application/vnd.ms-powerpoint
potm    slide   edit      application/vnd.ms-powerpoint.template.macroenabled.12
potx    slide   edit      application/vnd.openxmlformats-officedocument.presentationml.template
pps     slide   view      application/vnd.ms-powerpoint
ppsm    slide   edit      application/vnd.ms-powerpoint.slideshow.macroenabled.12
ppsx    slide   edit      application/vnd.openxmlformats-officedocument.presentationml.slideshow
ppt     slide   view      application/vnd.ms-powerpoint
pptm    slide   edit      application/vnd.ms-powerpoint.presentation.macroenabled.12
pptx    slide   edit      application/vnd.openxmlformats-officedocument.presentationml.presentation
sxi     slide   view      application/vnd.sun.xml.impress
djvu    pdf     view      image/vnd.djvu
docxf   pdf     view      application/vnd.openxmlformats-officedocument.wordprocessingml.document.docxf
oform   pdf     view      application/vnd.openxmlformats-officedocument.wordprocessingml.document.oform
oxps    pdf     view      application/oxps
pdf     pdf     edit,fill application/pdf application/acrobat application/nappdf application/x-pdf image/pdf
xps     pdf     view      application/vnd.ms-xpsdocument application/xps
vsdx    diagram view      application/vnd.ms-visio.drawing application/vnd.visio2013 application/vnd.visio
vsdm    diagram view      application/vnd.ms-visio.drawing.macroEnabled.12
vssm    diagram view      application/vnd.ms-visio.stencil.macroEnabled.12
vssx    diagram view      application/vnd.ms-visio.stencil
vstm    diagram view      application/vnd.ms-visio.template.macroEnabled.12
vstx    diagram view      application/vnd.ms-visio.template
"""

_WITHOUT_COMMENTS = frozenset({"csv", "epub", "fb2", "html", "tsv", "txt"})  # of what can be edited
_MODERN = {"word": "docx", "cell": "xlsx", "slide": "pptx", "pdf": "pdf"}
_LINKS = frozenset({"gdoc", "gsheet", "gslides"})  # to a document on somebody else's server


@dataclass(frozen=True, slots=True)
class Format:
    extension: str  # lower case, no dot
    document_type: DocumentType  # the editor's `documentType`
    mimes: tuple[str, ...]  # the MIME types that stand for it; none where upstream knows none
    edit: bool
    lossy: bool
    fill: bool

    @property
    def editable(self) -> bool:
        """Whether `mode: edit` may be offered: what is saved is of this same type."""
        return self.edit or self.lossy

    @property
    def comment(self) -> bool:
        return self.editable and self.extension not in _WITHOUT_COMMENTS

    @property
    def review(self) -> bool:
        """Whether changes can be kept as suggestions."""
        return self.comment and self.document_type == "word"

    @property
    def converts_to(self) -> str | None:
        """The type to be edited in its place, where it opens for viewing only and ONLYOFFICE converts it."""
        if self.editable or self.extension in _LINKS:
            return None
        return _MODERN.get(self.document_type)


def _rows() -> Iterator[Format]:
    for line in _TABLE.strip().splitlines():
        extension, document_type, actions, *mimes = line.split()
        yield Format(
            extension,
            cast(DocumentType, document_type),
            tuple(mimes),
            edit="edit" in actions,
            lossy="lossy" in actions,
            fill="fill" in actions,
        )


FORMATS: Mapping[str, Format] = MappingProxyType({row.extension: row for row in _rows()})


def format_of(name: str) -> Format | None:
    """The format a file name's last extension stands for; None when ONLYOFFICE does not open it."""
    _, dot, extension = name.rpartition(".")
    return FORMATS.get(extension.lower()) if dot else None
