"""What people type: marks that are unique in a run, so that any bytes tell which work they hold."""

from __future__ import annotations

import re

from tests.contract.word import docx, paragraph, words

MARK = re.compile(r"⟨doc \d+ \w+ (\d+)⟩")

Marks = frozenset[int]


def mark(document: int, person: str, number: int) -> str:
    return f"⟨doc {document} {person} {number}⟩"


def marks_of(text: str) -> Marks:
    """The numbers of the marks in a text."""
    return frozenset(map(int, MARK.findall(text)))


def marks_in(content: bytes) -> Marks:
    """The same of a file's bytes, of either type that people edit here."""
    return marks_of(words(content) if content.startswith(b"PK") else content.decode())


def first_content(filetype: str, text: str) -> bytes:
    return docx(paragraph(text)) if filetype == "docx" else text.encode()
