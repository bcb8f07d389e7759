"""Typing really changes the document: text out of it, text into it, everything else left alone."""

from __future__ import annotations

import io
import zipfile
from codecs import BOM_UTF8

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.standin.docx import read_docx, write_docx
from infrastructure.standin.docx_scan import NotWord
from infrastructure.standin.plain import read_plain, write_plain
from tests.contract.word import SECTION, docx, letter, paragraph, words

STYLED = (
    '<w:p w14:paraId="1"><w:pPr><w:pStyle w:val="Heading1"/></w:pPr>'
    "<w:r><w:rPr><w:b/></w:rPr><w:t>Title</w:t></w:r></w:p>"
)
PICTURE = (
    "<w:p><w:r><w:t>Figure</w:t></w:r><w:r><w:drawing><w:txbxContent>"
    f"{paragraph('inside')}</w:txbxContent></w:drawing></w:r></w:p>"
)
TABLE = f"<w:tbl><w:tr><w:tc>{paragraph('cell')}</w:tc></w:tr></w:tbl>"


def main_part(content: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read("word/document.xml").decode()


lines = st.text(alphabet=st.characters(min_codepoint=32, blacklist_categories=["Cs"]), max_size=8)


@given(st.lists(lines.map(lambda line: line.replace("\ufffe", "").replace("\uffff", "")), max_size=8))
def test_what_is_written_is_read_again(typed: list[str]) -> None:
    text = "\n".join(typed)
    assert read_docx(write_docx(letter(), text)) == text


def test_unchanged_text_leaves_the_part_as_it_was() -> None:
    original = docx(STYLED + TABLE + PICTURE + SECTION)
    assert read_docx(original) == "Title\nFigure"
    assert main_part(write_docx(original, "Title\nFigure")) == main_part(original)


def test_a_changed_paragraph_keeps_its_looks_and_its_picture() -> None:
    part = main_part(write_docx(docx(STYLED + TABLE + PICTURE + SECTION), "A new title\nFigure 1"))
    assert '<w:pStyle w:val="Heading1"/></w:pPr><w:r><w:rPr><w:b/></w:rPr>' in part
    assert "A new title" in part
    assert "<w:drawing>" in part
    assert TABLE in part
    assert part.endswith(f"{SECTION}</w:body></w:document>")


def test_markup_stays_text_and_namespaces_stay_valid() -> None:
    written = write_docx(letter(), "a <b> & c\twith\u2028break\x0b")
    assert words(written) == "a <b> & cwithbreak"
    assert 'mc:Ignorable="w14"' in main_part(written)
    assert "<w:tab/>" in main_part(written)
    assert read_docx(written) == "a <b> & c\twith\u2028break"


@pytest.mark.parametrize("body", ["", SECTION, "<w:p/>", "<w:p></w:p>", TABLE])
def test_an_empty_document_takes_text(body: str) -> None:
    written = write_docx(docx(body), "hello\nthere")
    assert read_docx(written) == "hello\nthere"


def test_a_body_without_anything_takes_text() -> None:
    content = write_docx(_with_part(main_part(docx("")).replace("<w:body></w:body>", "<w:body/>")), "hello")
    assert read_docx(content) == "hello"


def test_the_other_members_stay() -> None:
    original = docx(
        paragraph("x") + SECTION, {"word/media/image1.png": b"\x89PNG", "docProps/app.xml": b"<a/>"}
    )
    with zipfile.ZipFile(io.BytesIO(write_docx(original, "y"))) as archive:
        assert archive.read("word/media/image1.png") == b"\x89PNG"
        assert archive.namelist()[0] == "[Content_Types].xml"
        assert archive.testzip() is None


def test_a_part_in_utf_16_is_understood() -> None:
    part = main_part(letter()).replace("UTF-8", "UTF-16").encode("utf-16")
    content = _with_part(part)
    assert read_docx(write_docx(content, read_docx(content) + "!")) == "Dear reader,\ngood night.!"


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04", _zip := b"PK\x05\x06" + bytes(18)])
def test_what_is_no_word_document_is_refused(content: bytes) -> None:
    with pytest.raises(NotWord):
        read_docx(content)


@pytest.mark.parametrize("part", ["<a/>", "<unfinished", "<!DOCTYPE a []><a/>"])
def test_a_part_that_is_no_word_document_is_refused(part: str) -> None:
    with pytest.raises(NotWord):
        read_docx(_with_part(part))


@pytest.mark.parametrize(
    ("content", "text", "written"),
    [
        (b"a\r\nb", "a\nb", b"a\r\nb\r\n!"),
        (BOM_UTF8 + "ä".encode(), "ä", BOM_UTF8 + "ä\n!".encode()),
        ("ä".encode("utf-16"), "ä", "ä\n!".encode()),
        (b"caf\xe9", "café", "café\n!".encode()),
        (b"", "", b"\n!"),
    ],
)
def test_plain_text_keeps_its_mark_and_line_ends(content: bytes, text: str, written: bytes) -> None:
    assert read_plain(content) == text
    assert write_plain(content, text + "\n!") == written


def _with_part(part: str | bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(letter())) as source, zipfile.ZipFile(target, "w") as out:
        for name in source.namelist():
            out.writestr(name, part if name == "word/document.xml" else source.read(name))
    return target.getvalue()
