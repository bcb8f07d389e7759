"""A presentation: one title slide, on a master with one layout."""

from __future__ import annotations

from infrastructure.blanks.package import (
    COLOURS,
    DRAWING,
    RELATION,
    THEME_TYPE,
    XML,
    office_package,
    relations,
    theme,
)

_P = "http://schemas.openxmlformats.org/presentationml/2006/main"
_TYPE = "application/vnd.openxmlformats-officedocument.presentationml"
_NAMESPACES = f'xmlns:a="{DRAWING}" xmlns:r="{RELATION}" xmlns:p="{_P}"'
_WIDTH, _HEIGHT = 12192000, 6858000  # 16:9, in English Metric Units
_TITLE = (1524000, 1122363, 9144000, 2387600)  # x, y, width, height
_SUBTITLE = (1524000, 3602038, 9144000, 1655762)
_BODY = (838200, 1825625, 10515600, 4351338)
_HEAD = (838200, 365125, 10515600, 1325563)
_GROUP = (
    '<p:nvGrpSpPr><p:cNvPr id="1" name=""/><p:cNvGrpSpPr/><p:nvPr/></p:nvGrpSpPr><p:grpSpPr><a:xfrm>'
    '<a:off x="0" y="0"/><a:ext cx="0" cy="0"/><a:chOff x="0" y="0"/><a:chExt cx="0" cy="0"/></a:xfrm>'
    "</p:grpSpPr>"
)


def pptx() -> bytes:
    parts = {
        "ppt/presentation.xml": (f"{_TYPE}.presentation.main+xml", _presentation()),
        "ppt/slideMasters/slideMaster1.xml": (f"{_TYPE}.slideMaster+xml", _master()),
        "ppt/slideLayouts/slideLayout1.xml": (f"{_TYPE}.slideLayout+xml", _layout()),
        "ppt/slides/slide1.xml": (f"{_TYPE}.slide+xml", _slide()),
        "ppt/theme/theme1.xml": (THEME_TYPE, theme()),
        "ppt/presProps.xml": (f"{_TYPE}.presProps+xml", f"{XML}<p:presentationPr {_NAMESPACES}/>"),
        "ppt/viewProps.xml": (f"{_TYPE}.viewProps+xml", f"{XML}<p:viewPr {_NAMESPACES}/>"),
        "ppt/tableStyles.xml": (f"{_TYPE}.tableStyles+xml", _table_styles()),
    }
    return office_package("ppt/presentation.xml", parts, _links())


def _links() -> dict[str, str]:
    layout = ("slideLayout", "../slideLayouts/slideLayout1.xml")
    return {
        "ppt/_rels/presentation.xml.rels": relations(
            (
                ("slideMaster", "slideMasters/slideMaster1.xml"),
                ("slide", "slides/slide1.xml"),
                ("presProps", "presProps.xml"),
                ("viewProps", "viewProps.xml"),
                ("theme", "theme/theme1.xml"),
                ("tableStyles", "tableStyles.xml"),
            )
        ),
        "ppt/slideMasters/_rels/slideMaster1.xml.rels": relations((layout, ("theme", "../theme/theme1.xml"))),
        "ppt/slideLayouts/_rels/slideLayout1.xml.rels": relations(
            (("slideMaster", "../slideMasters/slideMaster1.xml"),)
        ),
        "ppt/slides/_rels/slide1.xml.rels": relations((layout,)),
    }


def _presentation() -> str:
    return (
        f"{XML}<p:presentation {_NAMESPACES}>"
        '<p:sldMasterIdLst><p:sldMasterId id="2147483648" r:id="rId1"/></p:sldMasterIdLst>'
        '<p:sldIdLst><p:sldId id="256" r:id="rId2"/></p:sldIdLst>'
        f'<p:sldSz cx="{_WIDTH}" cy="{_HEIGHT}"/><p:notesSz cx="{_HEIGHT}" cy="9144000"/>'
        f"<p:defaultTextStyle>{_levels(1800)}</p:defaultTextStyle></p:presentation>"
    )


def _master() -> str:
    colours = {"bg1": "lt1", "tx1": "dk1", "bg2": "lt2", "tx2": "dk2"}
    colours |= {name: name for name in COLOURS if name not in colours.values()}
    mapped = " ".join(f'{name}="{colour}"' for name, colour in colours.items())
    shapes = _placeholder(2, "Title", 'type="title"', _HEAD)
    shapes += _placeholder(3, "Text", 'type="body" idx="1"', _BODY)
    return (
        f'{XML}<p:sldMaster {_NAMESPACES}><p:cSld><p:bg><p:bgRef idx="1001"><a:schemeClr val="bg1"/>'
        f"</p:bgRef></p:bg><p:spTree>{_GROUP}{shapes}</p:spTree></p:cSld><p:clrMap {mapped}/>"
        '<p:sldLayoutIdLst><p:sldLayoutId id="2147483649" r:id="rId1"/></p:sldLayoutIdLst>'
        f"<p:txStyles><p:titleStyle>{_levels(4400)}</p:titleStyle><p:bodyStyle>{_levels(2800)}</p:bodyStyle>"
        f"<p:otherStyle>{_levels(1800)}</p:otherStyle></p:txStyles></p:sldMaster>"
    )


def _layout() -> str:
    shapes = _placeholder(2, "Title", 'type="ctrTitle"', _TITLE)
    shapes += _placeholder(3, "Subtitle", 'type="subTitle" idx="1"', _SUBTITLE)
    return (
        f'{XML}<p:sldLayout {_NAMESPACES} type="title" preserve="1"><p:cSld name="Title Slide">'
        f"<p:spTree>{_GROUP}{shapes}</p:spTree></p:cSld>"
        "<p:clrMapOvr><a:masterClrMapping/></p:clrMapOvr></p:sldLayout>"
    )


def _slide() -> str:
    shapes = _placeholder(2, "Title 1", 'type="ctrTitle"', None)
    shapes += _placeholder(3, "Subtitle 2", 'type="subTitle" idx="1"', None)
    return (
        f"{XML}<p:sld {_NAMESPACES}><p:cSld><p:spTree>{_GROUP}{shapes}</p:spTree></p:cSld>"
        "<p:clrMapOvr><a:masterClrMapping/></p:clrMapOvr></p:sld>"
    )


def _placeholder(number: int, name: str, kind: str, place: tuple[int, int, int, int] | None) -> str:
    """A slide's own stands where its layout has it."""
    where = ""
    if place:
        x, y, width, height = place
        where = (
            f'<a:xfrm><a:off x="{x}" y="{y}"/><a:ext cx="{width}" cy="{height}"/></a:xfrm>'
            '<a:prstGeom prst="rect"><a:avLst/></a:prstGeom>'
        )
    return (
        f'<p:sp><p:nvSpPr><p:cNvPr id="{number}" name="{name}"/><p:cNvSpPr><a:spLocks noGrp="1"/>'
        f"</p:cNvSpPr><p:nvPr><p:ph {kind}/></p:nvPr></p:nvSpPr><p:spPr>{where}</p:spPr>"
        '<p:txBody><a:bodyPr/><a:lstStyle/><a:p><a:endParaRPr lang="en-US"/></a:p></p:txBody></p:sp>'
    )


def _levels(size: int) -> str:
    fonts = '<a:latin typeface="+mn-lt"/><a:ea typeface="+mn-ea"/><a:cs typeface="+mn-cs"/>'
    return "".join(
        f'<a:lvl{level}pPr marL="{457200 * (level - 1)}" algn="l" defTabSz="914400" rtl="0">'
        f'<a:defRPr lang="en-US" sz="{size}" kern="1200"><a:solidFill><a:schemeClr val="tx1"/></a:solidFill>'
        f"{fonts}</a:defRPr></a:lvl{level}pPr>"
        for level in range(1, 10)
    )


def _table_styles() -> str:
    return f'{XML}<a:tblStyleLst xmlns:a="{DRAWING}" def="{{5C22544A-7EE6-4342-B048-85BDC9FD1C3A}}"/>'
