"""The table of formats: complete, and never an edit mode that would destroy a file."""

from __future__ import annotations

import pytest

from domain.formats import FORMATS, Format, format_of


@pytest.mark.parametrize(
    ("name", "document_type"),
    [
        ("letter.docx", "word"),
        ("Letter.DOCX", "word"),
        ("archive.2025.xlsx", "cell"),
        ("talk.odp", "slide"),
        ("form.pdf", "pdf"),
        ("plan.vsdx", "diagram"),
        ("табель.csv", "cell"),
    ],
)
def test_a_file_name_tells_the_editor(name: str, document_type: str) -> None:
    found = format_of(name)
    assert found is not None
    assert found.document_type == document_type


@pytest.mark.parametrize(
    "name", ["", "docx", "letter.", "photo.png", "all.zip", "scan.pdfa", "a.docx/b", "x.docx "]
)
def test_what_no_editor_opens_has_no_format(name: str) -> None:
    assert format_of(name) is None


@pytest.mark.parametrize(
    "extension", ["doc", "dot", "xls", "xlt", "ppt", "pps", "pot", "fodt", "md", "pages"]
)
def test_what_is_only_edited_after_conversion_is_view_only(extension: str) -> None:
    assert not FORMATS[extension].editable


@pytest.mark.parametrize(
    "extension", ["odt", "ods", "odp", "csv", "tsv", "txt", "rtf", "html", "epub", "fb2"]
)
def test_lossy_types_may_be_edited_and_are_marked(extension: str) -> None:
    found = FORMATS[extension]
    assert found.editable
    assert found.lossy
    assert not found.edit


def test_only_a_pdf_can_be_filled_in() -> None:
    assert [found.extension for found in FORMATS.values() if found.fill] == ["pdf"]


def test_the_table_is_whole() -> None:
    assert len(FORMATS) == 75
    assert all(key == found.extension == key.lower() for key, found in FORMATS.items())
    assert {found.document_type for found in FORMATS.values()} == {"word", "cell", "slide", "pdf", "diagram"}
    assert {found.extension for found in FORMATS.values() if not found.mimes} == {
        "wpt", "et", "ett", "dps", "dpt"
    }  # fmt: skip


def test_a_row_reads_as_it_is_written() -> None:
    assert FORMATS["xlsm"] == Format(
        "xlsm",
        "cell",
        (
            "application/vnd.ms-excel.sheet.macroenabled.12",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ),
        edit=True,
        lossy=False,
        fill=False,
    )
