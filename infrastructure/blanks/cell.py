"""A workbook: one empty sheet."""

from __future__ import annotations

from infrastructure.blanks.package import RELATION, THEME_TYPE, XML, office_package, relations, theme

_S = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def xlsx() -> bytes:
    workbook = (
        f'{XML}<workbook xmlns="{_S}" xmlns:r="{RELATION}"><bookViews><workbookView activeTab="0"/>'
        '</bookViews><sheets><sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>'
    )
    sheet = (
        f'{XML}<worksheet xmlns="{_S}"><dimension ref="A1"/><sheetViews>'
        '<sheetView tabSelected="1" workbookViewId="0"/></sheetViews><sheetFormatPr defaultRowHeight="15"/>'
        '<sheetData/><pageMargins left="0.7" right="0.7" top="0.75" bottom="0.75" header="0.3" '
        'footer="0.3"/></worksheet>'
    )
    parts = {
        "xl/workbook.xml": (f"{_TYPE}.sheet.main+xml", workbook),
        "xl/worksheets/sheet1.xml": (f"{_TYPE}.worksheet+xml", sheet),
        "xl/styles.xml": (f"{_TYPE}.styles+xml", _styles()),
        "xl/theme/theme1.xml": (THEME_TYPE, theme()),
    }
    linked = (
        ("worksheet", "worksheets/sheet1.xml"),
        ("styles", "styles.xml"),
        ("theme", "theme/theme1.xml"),
    )
    return office_package("xl/workbook.xml", parts, {"xl/_rels/workbook.xml.rels": relations(linked)})


def _styles() -> str:
    """The two fills are what every reader expects at these places."""
    return (
        f'{XML}<styleSheet xmlns="{_S}">'
        '<fonts count="1"><font><sz val="11"/><color theme="1"/><name val="Arial"/><family val="2"/>'
        '<scheme val="minor"/></font></fonts>'
        '<fills count="2"><fill><patternFill patternType="none"/></fill>'
        '<fill><patternFill patternType="gray125"/></fill></fills>'
        '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
        '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
        '<cellXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/></cellXfs>'
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>'
        '<dxfs count="0"/><tableStyles count="0"/></styleSheet>'
    )
