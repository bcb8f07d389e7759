"""OpenDocument files: an empty text, an empty table, an empty slide."""

from __future__ import annotations

from infrastructure.blanks.package import zipped

_XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
_OASIS = "urn:oasis:names:tc:opendocument:xmlns"
_NAMESPACES = " ".join(
    f'xmlns:{prefix}="{_OASIS}:{name}:1.0"'
    for prefix, name in {
        "office": "office",
        "text": "text",
        "table": "table",
        "draw": "drawing",
        "presentation": "presentation",
        "style": "style",
        "svg": "svg-compatible",
        "fo": "xsl-fo-compatible",
    }.items()
)
_PAGES = {"odp": ("28cm", "15.75cm", "landscape")}  # width, height, orientation
_A4 = ("21cm", "29.7cm", "portrait")


def odt() -> bytes:
    return _package("odt", "text", "<text:p/>", "paragraph")


def ods() -> bytes:
    table = '<table:table table:name="Sheet1"><table:table-column/><table:table-row><table:table-cell/>'
    return _package("ods", "spreadsheet", f"{table}</table:table-row></table:table>", "table-cell")


def odp() -> bytes:
    page = '<draw:page draw:name="page1" draw:master-page-name="Default"/>'
    return _package("odp", "presentation", page, "graphic")


def _package(extension: str, kind: str, body: str, family: str) -> bytes:
    mime = f"application/vnd.oasis.opendocument.{kind}"
    members = {
        "mimetype": mime,
        "content.xml": (
            f'{_XML}<office:document-content {_NAMESPACES} office:version="1.2"><office:automatic-styles/>'
            f"<office:body><office:{kind}>{body}</office:{kind}></office:body></office:document-content>"
        ),
        "styles.xml": _styles(family, *_PAGES.get(extension, _A4)),
        "meta.xml": (
            f'{_XML}<office:document-meta {_NAMESPACES} xmlns:meta="{_OASIS}:meta:1.0" '
            'office:version="1.2"><office:meta><meta:generator>Docledger</meta:generator></office:meta>'
            "</office:document-meta>"
        ),
    }
    entries = "".join(
        f'<manifest:file-entry manifest:full-path="{name}" manifest:media-type="text/xml"/>'
        for name in members
        if name != "mimetype"
    )
    members["META-INF/manifest.xml"] = (
        f'{_XML}<manifest:manifest xmlns:manifest="{_OASIS}:manifest:1.0" manifest:version="1.2">'
        f'<manifest:file-entry manifest:full-path="/" manifest:version="1.2" manifest:media-type="{mime}"/>'
        f"{entries}</manifest:manifest>"
    )
    return zipped(members, stored="mimetype")


def _styles(family: str, width: str, height: str, orientation: str) -> str:
    language = 'fo:language="en" fo:country="US" fo:font-size="11pt" style:font-name="Arial"'
    return (
        f'{_XML}<office:document-styles {_NAMESPACES} office:version="1.2"><office:font-face-decls>'
        '<style:font-face style:name="Arial" svg:font-family="Arial"/></office:font-face-decls>'
        f'<office:styles><style:default-style style:family="{family}">'
        f"<style:text-properties {language}/></style:default-style></office:styles>"
        '<office:automatic-styles><style:page-layout style:name="Page"><style:page-layout-properties '
        f'fo:page-width="{width}" fo:page-height="{height}" style:print-orientation="{orientation}" '
        'fo:margin="2cm"/></style:page-layout></office:automatic-styles><office:master-styles>'
        f'<style:master-page style:name="{"Default" if family == "graphic" else "Standard"}" '
        'style:page-layout-name="Page"/></office:master-styles></office:document-styles>'
    )
