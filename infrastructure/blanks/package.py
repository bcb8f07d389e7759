"""What the Office Open XML packages have in common: relationships, a theme, properties, and the zip."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence

XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/main"
RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument"
THEME_TYPE = f"{_TYPE}.theme+xml"

COLOURS = {
    "dk1": '<a:sysClr val="windowText" lastClr="000000"/>',
    "lt1": '<a:sysClr val="window" lastClr="FFFFFF"/>',
    "dk2": '<a:srgbClr val="44546A"/>',
    "lt2": '<a:srgbClr val="E7E6E6"/>',
    "accent1": '<a:srgbClr val="4472C4"/>',
    "accent2": '<a:srgbClr val="ED7D31"/>',
    "accent3": '<a:srgbClr val="A5A5A5"/>',
    "accent4": '<a:srgbClr val="FFC000"/>',
    "accent5": '<a:srgbClr val="5B9BD5"/>',
    "accent6": '<a:srgbClr val="70AD47"/>',
    "hlink": '<a:srgbClr val="0563C1"/>',
    "folHlink": '<a:srgbClr val="954F72"/>',
}
_FILL = '<a:solidFill><a:schemeClr val="phClr"/></a:solidFill>'
_LINE = f'<a:ln w="6350" cap="flat" cmpd="sng" algn="ctr">{_FILL}<a:prstDash val="solid"/></a:ln>'
_EFFECT = "<a:effectStyle><a:effectLst/></a:effectStyle>"


def theme() -> str:
    colours = "".join(f"<a:{name}>{colour}</a:{name}>" for name, colour in COLOURS.items())
    scripts = '<a:ea typeface=""/><a:cs typeface=""/>'
    fonts = "".join(
        f'<a:{kind}Font><a:latin typeface="Arial"/>{scripts}</a:{kind}Font>' for kind in ("major", "minor")
    )
    return (
        f'{XML}<a:theme xmlns:a="{DRAWING}" name="Office Theme"><a:themeElements>'
        f'<a:clrScheme name="Office">{colours}</a:clrScheme>'
        f'<a:fontScheme name="Office">{fonts}</a:fontScheme>'
        f'<a:fmtScheme name="Office"><a:fillStyleLst>{_FILL * 3}</a:fillStyleLst>'
        f"<a:lnStyleLst>{_LINE * 3}</a:lnStyleLst><a:effectStyleLst>{_EFFECT * 3}</a:effectStyleLst>"
        f"<a:bgFillStyleLst>{_FILL * 3}</a:bgFillStyleLst></a:fmtScheme></a:themeElements></a:theme>"
    )


def relations(targets: Sequence[tuple[str, str]]) -> str:
    """`targets` are a kind, such as `styles`, and a path; their ids are rId1, rId2, …"""
    inside = "".join(
        f'<Relationship Id="rId{number}" Type="{_kind(kind)}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets, start=1)
    )
    return f'{XML}<Relationships xmlns="{_PACKAGE}/relationships">{inside}</Relationships>'


def _kind(kind: str) -> str:
    return f"{_PACKAGE}/relationships/metadata/{kind}" if kind == "core-properties" else f"{RELATION}/{kind}"


def office_package(main: str, parts: Mapping[str, tuple[str, str]], others: Mapping[str, str]) -> bytes:
    """`parts` are path -> (content type, XML), the main one by its path; `others` are relationships."""
    core = (
        f'{XML}<cp:coreProperties xmlns:cp="{_PACKAGE}/metadata/core-properties" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"/>'
    )
    extended = (
        f'{XML}<Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/extended-properties">'
        "<Application>Docledger</Application></Properties>"
    )
    every = {
        **parts,
        "docProps/core.xml": ("application/vnd.openxmlformats-package.core-properties+xml", core),
        "docProps/app.xml": (f"{_TYPE}.extended-properties+xml", extended),
    }
    overrides = "".join(
        f'<Override PartName="/{path}" ContentType="{kind}"/>' for path, (kind, _) in every.items()
    )
    types = (
        f'{XML}<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{overrides}</Types>'
    )
    roots = (
        ("officeDocument", main),
        ("core-properties", "docProps/core.xml"),
        ("extended-properties", "docProps/app.xml"),
    )
    texts = {path: text for path, (_, text) in every.items()}
    return zipped({"[Content_Types].xml": types, "_rels/.rels": relations(roots), **texts, **others})


def zipped(members: Mapping[str, str], *, stored: str = "") -> bytes:
    """Dated 1980, so that the bytes are the same every time; the member named `stored` is not compressed."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, text in members.items():
            kind = zipfile.ZIP_STORED if name == stored else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(name), text.encode(), compress_type=kind)
    return target.getvalue()
