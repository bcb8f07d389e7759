"""New documents with nothing in them, one for each type that can be begun here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from infrastructure.blanks import cell, form, odf, slide, word

_MAKERS: Mapping[str, Callable[[], bytes]] = {
    "docx": word.docx,
    "xlsx": cell.xlsx,
    "pptx": slide.pptx,
    "odt": odf.odt,
    "ods": odf.ods,
    "odp": odf.odp,
    "pdf": form.pdf,
    "txt": bytes,
    "csv": bytes,
}


@cache
def blank(extension: str) -> bytes | None:
    """The same bytes every time, so that they are stored once; None for a type that has no blank."""
    maker = _MAKERS.get(extension)
    return maker() if maker else None
