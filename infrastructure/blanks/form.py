"""A form to fill in: a PDF page of A4 with one text field."""

from __future__ import annotations

_FONT = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>"
_LOOK = b"q 0.6 G 0.5 0.5 450 19 re S Q /Tx BMC EMC"  # an empty frame


def pdf() -> bytes:
    """Its objects are numbered from 1: catalog, pages, page, font, field, and the field's look."""
    return _file(
        b"<</Type/Catalog/Pages 2 0 R/Lang(en-US)"
        b"/AcroForm<</Fields[5 0 R]/DA(/Helv 12 Tf 0 g)/DR<</Font<</Helv 4 0 R>>>>>>>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</Helv 4 0 R>>>>/Annots[5 0 R]>>",
        _FONT,
        b"<</Type/Annot/Subtype/Widget/FT/Tx/T(Text1)/TU(Text)/V()/Rect[72 740 523 760]/F 4/P 3 0 R"
        b"/DA(/Helv 12 Tf 0 g)/AP<</N 6 0 R>>>>",
        b"<</Type/XObject/Subtype/Form/BBox[0 0 451 20]/Length %d>>\nstream\n%b\nendstream"
        % (len(_LOOK), _LOOK),
    )


def _file(*objects: bytes) -> bytes:
    content, places = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", []
    for number, body in enumerate(objects, start=1):
        places.append(len(content))
        content += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    trailer = b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n"
    size = len(objects) + 1
    return content + b"xref\n0 %d\n0000000000 65535 f \n%b" % (size, table) + trailer % (size, len(content))
