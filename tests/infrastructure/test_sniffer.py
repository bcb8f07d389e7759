"""Content is judged by what it is: real documents pass, pretenders are refused with a reason."""

from __future__ import annotations

import threading
import zipfile
from pathlib import Path

import pytest
import trio

from application.ports import StorageFailed, Verdict
from domain.formats import FORMATS
from infrastructure.sniffer import Sniffer, judge
from tests.infrastructure import documents

FILES = Path(__file__).parents[1] / "files"
SAMPLES = Path(__file__).parents[2] / "infrastructure" / "samples"
REAL = sorted(path for folder in (FILES, SAMPLES) for path in folder.iterdir() if path.is_file())

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\2\0\0\0"
ELF = b"\x7fELF\2\1\1" + bytes(9) + b"\3\0\x3e\0\1\0\0\0" + bytes(40)
PDF = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
TYPES = ("[Content_Types].xml", documents.content_types(documents.WORD))
DOCX = documents.office(documents.WORD)
XLSX = documents.office(documents.CELL)
LOCKED = documents.compound("EncryptionInfo", "EncryptedPackage", "WordDocument")

GOOD = [
    ("docx", DOCX),
    ("docx", documents.office(documents.WORD, last=True)),
    ("docx", documents.package(("[Content_Types].xml", documents.content_types(documents.WORD, "utf-16")))),
    ("docx", documents.package(("[CONTENT_TYPES].XML", documents.content_types(documents.WORD)))),
    ("docx", DOCX + b"trailing"),
    ("docm", documents.office("application/vnd.ms-word.document.macroEnabled.main+xml")),
    ("docm", DOCX),
    ("docxf", DOCX),
    ("xlsx", XLSX),
    ("xlsb", documents.office("application/vnd.ms-excel.sheet.binary.macroEnabled.main")),
    ("pptx", documents.office(documents.SLIDE)),
    ("vsdx", documents.office("application/vnd.ms-visio.drawing.main+xml")),
    ("xps", documents.office("application/vnd.ms-package.xps-fixeddocumentsequence+xml")),
    ("docx", LOCKED),
    ("xlsx", LOCKED),
    ("pptx", documents.compound("EncryptedPackage")),
    ("odt", documents.open_document(documents.ODF + "text")),
    ("odt", documents.open_document(documents.ODF + "text", first=False)),
    ("odt", documents.open_document(documents.ODF + "text-web", packing=zipfile.ZIP_DEFLATED)),
    ("ott", documents.open_document(documents.ODF + "text-template\n")),
    ("ods", documents.open_document(documents.ODF + "spreadsheet", packing=zipfile.ZIP_DEFLATED)),
    ("odg", documents.open_document(documents.ODF + "graphics")),
    ("odp", documents.package(("META-INF/manifest.xml", f'media-type="{documents.ODF}presentation"'))),
    ("sxc", documents.open_document("application/vnd.sun.xml.calc")),
    ("epub", documents.open_document("application/epub+zip", first=False)),
    ("hwpx", documents.open_document("application/hwp+zip")),
    ("pages", documents.package(("Index/Document.iwa", b"x"))),
    ("numbers", documents.package(("Index/Document.iwa", b"x"))),
    ("key", documents.package(("Index/Document.iwa", b"x"), ("Index/Slide.iwa", b"x"))),
    ("doc", documents.compound("WordDocument", "1Table")),
    ("wps", documents.compound("WordDocument")),
    ("xls", documents.compound("Book")),
    ("xls", documents.compound("\5SummaryInformation", "a", "b", "c", "d", "e", "Workbook")),
    ("xls", b"\x09\x04\x06\0\0\0\x10\0" + bytes(20)),  # Excel 4, before there were containers
    ("doc", b"\xdb\xa5\x2d\0" + bytes(100)),  # Word 2
    ("et", documents.compound("Workbook")),
    ("ppt", documents.compound("PowerPoint Document", below=("Workbook",))),
    ("hwp", documents.compound("FileHeader", "BodyText")),
    ("pdf", PDF),
    ("pdf", b"\xef\xbb\xbf" + PDF),
    ("pdf", b"junk before the header\n" * 40 + PDF),
    ("djvu", b"AT&TFORM\0\0\0\x10DJVMDIRM\0\0\0\4"),
    ("txt", b"a"),
    ("txt", "Привет, мир".encode("cp1251")),
    ("txt", "Привет, мир".encode("koi8-r")),
    ("txt", "Grüße 🙂".encode()),
    ("txt", "Grüße 🙂".encode("utf-16")),
    ("txt", "Grüße 🙂".encode("utf-32")),
    ("txt", b"#!/bin/sh\necho hello\n"),
    ("txt", b"From: a@example.com\nSubject: hi\n\nbody"),
    ("txt", b"The header of a PDF is %PDF-1.4 and so on."),
    ("txt", b'{"a": 1}'),
    ("csv", b"a;b;c\r\n1;2;3\r\n"),
    ("csv", b"one\ntwo\n"),
    ("tsv", b"a\tb\n"),
    ("md", b"# A title\n"),
    ("html", b"<!DOCTYPE html><p>hello"),
    ("htm", b"just words"),
    ("xml", b'\xef\xbb\xbf<?xml version="1.0"?><note/>'),
    ("xml", "<note>é</note>".encode("utf-16")),
    ("rtf", b"{\\rtf1\\ansi hello}"),
    ("rtf", b"{\\rtf1\\ansi {\\pict\\bin4 \0\1\2\3}}"),
    ("fodt", documents.flat_document("text")),
    ("fods", documents.flat_document("spreadsheet")),
    ("fodp", documents.flat_document("presentation")),
    ("fb2", b'<?xml version="1.0" encoding="windows-1251"?>\n<FictionBook xmlns="x"><body/></FictionBook>'),
    ("hml", b'<?xml version="1.0"?><!DOCTYPE HWPML [<!ENTITY x "y">]><HWPML/>'),
    ("mht", documents.mime_page()),
    ("mhtml", documents.mime_page()),
    *((empty, b"") for empty in ("txt", "csv", "tsv", "md", "html", "htm")),
]

BAD = [
    ("docx", XLSX, "its content is a spreadsheet (xlsx), not docx: rename it to .xlsx"),
    ("xlsx", DOCX, "its content is a text document (docx), not xlsx: rename it to .docx"),
    ("odt", DOCX, "rename it to .docx"),
    ("docx", documents.open_document(documents.ODF + "text"), "rename it to .odt"),
    ("doc", DOCX, "rename it to .docx"),
    ("docx", documents.compound("WordDocument"), "rename it to .doc"),
    ("doc", documents.compound("Workbook"), "rename it to .xls"),
    ("xls", documents.compound("PowerPoint Document", below=("Workbook",)), "rename it to .ppt"),
    ("odt", LOCKED, "a password-protected Office file"),
    ("doc", b"{\\rtf1 hello}", "rename it to .rtf"),
    ("docx", b"<html><body>hello</body></html>", "its content is a web page (html), not docx"),
    ("docx", b"hello", "its content is plain text (txt), not docx: rename it to .txt"),
    ("docx", ELF, "a program"),
    ("docx", PNG, "a picture (image/png)"),
    ("docx", PDF, "its content is a PDF (pdf), not docx: rename it to .pdf"),
    ("docx", documents.package(("hello.txt", "hello")), "a zip archive without the parts of a document"),
    ("docx", documents.package(("META-INF/MANIFEST.MF", "Manifest-Version: 1.0")), "zip archive"),
    ("docx", documents.package(("word/document.xml", "<w:document/>")), "zip archive"),
    ("docx", documents.office("application/vnd.ms-package.unknown+xml"), "zip archive"),
    ("odt", documents.open_document("application/java-archive"), "zip archive"),
    ("docx", DOCX[:-30], "it is damaged (its end is missing): upload it again"),
    ("docx", DOCX[: len(DOCX) // 2], "damaged"),
    (
        "docx",
        documents.package(TYPES, packing=zipfile.ZIP_LZMA),
        "packed in a way office programs do not use",
    ),
    ("docx", b"PK\3\4" + DOCX[4:].replace(b"PK\1\2", b"PK\1\3"), "its list of parts is garbled"),
    ("docx", DOCX[:49] + b"\xff" * 40 + DOCX[89:], "one of its parts is garbled"),
    ("docx", DOCX[:4] + DOCX[60:], "damaged"),
    ("docx", b"", "it is empty (0 bytes)"),
    ("rtf", b"", "it is empty (0 bytes)"),
    ("pdf", PNG, "a picture"),
    ("pdf", b"x" * 1100 + PDF, "not pdf"),
    ("pdf", DOCX, "rename it to .docx"),
    ("txt", ELF, "a program"),
    ("txt", PNG, "a picture"),
    ("txt", DOCX, "rename it to .docx"),
    ("txt", PDF, "rename it to .pdf"),
    ("txt", b"text and then\0 a nul byte", "not txt"),
    ("txt", "no byte order mark".encode("utf-16-le"), "not txt"),
    ("txt", b"\xff\xfe\0\xd8\0\xd8", "not txt"),
    ("csv", b"\x1f\x8b\x08\x00" + bytes(20), "not csv"),
    ("rtf", b"hello", "rename it to .txt"),
    ("xml", b"hello", "rename it to .txt"),
    ("fodt", documents.flat_document("spreadsheet"), "rename it to .fods"),
    ("fods", b"<note/>", "rename it to .xml"),
    ("fb2", b"<note/>", "rename it to .xml"),
    ("mht", b"hello", "rename it to .txt"),
    ("gdoc", b'{"url": "https://docs.example.com/x"}', "only a link"),
    ("exe", b"MZ", "ONLYOFFICE does not open .exe files"),
    ("png", PNG, "ONLYOFFICE does not open .png files"),
]


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    return tmp_path / "blob"  # no extension: a blob's name tells nothing


@pytest.fixture
def note(stored: Path) -> Path:
    stored.write_bytes(b"words")
    return stored


@pytest.mark.parametrize(("filetype", "data"), GOOD, ids=[f"{n}-{g[0]}" for n, g in enumerate(GOOD)])
def test_a_real_document_passes(filetype: str, data: bytes, stored: Path) -> None:
    stored.write_bytes(data)
    verdict = judge(stored, filetype)
    assert verdict.accepted, verdict
    assert verdict.found
    assert not verdict.reason


@pytest.mark.parametrize(("filetype", "data", "reason"), BAD, ids=[f"{n}-{b[0]}" for n, b in enumerate(BAD)])
def test_a_pretender_is_refused_with_a_reason(filetype: str, data: bytes, reason: str, stored: Path) -> None:
    stored.write_bytes(data)
    verdict = judge(stored, filetype)
    assert not verdict.accepted, verdict
    assert reason in verdict.reason


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.name)
def test_what_office_programs_wrote_passes_under_its_own_name_only(path: Path) -> None:
    own = path.suffix[1:]
    assert judge(path, own).accepted
    assert judge(path, own.upper()).accepted
    assert not judge(path, "fb2").accepted


def test_the_verdict_names_the_exact_type_found(stored: Path) -> None:
    stored.write_bytes(GOOD[5][1])
    assert judge(stored, "docx") == Verdict(True, FORMATS["docm"].mimes[0])
    stored.write_bytes(b"a,b,c\n1,2,3\n4,5,6\n")
    assert judge(stored, "txt").found == "text/csv"


async def test_a_verdict_is_reached_off_the_event_loop_and_only_once(note: Path) -> None:
    threads: list[int] = []

    def locate(sha256: str) -> Path:
        threads.append(threading.get_ident())
        return note

    sniffer = Sniffer(locate)
    first = await sniffer.inspect("ab", "txt")
    assert first.accepted
    assert await sniffer.inspect("ab", "TXT") is first
    assert len(threads) == 1
    assert threads[0] != threading.get_ident()
    assert not (await sniffer.inspect("ab", "xlsx")).accepted
    assert len(threads) == 2


async def test_the_verdict_used_least_lately_makes_room(note: Path) -> None:
    asked: list[str] = []

    def locate(sha256: str) -> Path:
        asked.append(sha256)
        return note

    sniffer = Sniffer(locate, room=2)
    for sha256 in ("a", "b", "a", "c", "a", "b"):
        await sniffer.inspect(sha256, "txt")
    assert asked == ["a", "b", "c", "b"]


async def test_bytes_that_cannot_be_read_are_a_storage_failure_and_are_asked_for_again(stored: Path) -> None:
    sniffer = Sniffer(lambda sha256: stored)
    with pytest.raises(StorageFailed, match="abc"):
        await sniffer.inspect("abc", "txt")
    await trio.Path(stored).write_bytes(b"words")
    assert (await sniffer.inspect("abc", "txt")).accepted
