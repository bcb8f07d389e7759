"""The kinds of documents that pages offer to begin, and which files they offer to convert."""

from __future__ import annotations

from application.journal import FileRow
from application.people import Person
from domain.formats import format_of
from domain.words import Access

# What the pages offer; the API begins every type that there is a blank of.
TYPES = {
    "docx": "Text document",
    "xlsx": "Spreadsheet",
    "pptx": "Presentation",
    "txt": "Plain text",
    "pdf": "PDF form",
}
OF_EDITOR = {"word": "docx", "cell": "xlsx", "slide": "pptx", "pdf": "pdf"}  # by documentType


def convertible(row: FileRow, person: Person) -> bool:
    """Whether it opens for viewing only, and this person may have it made into what can be edited."""
    format_ = format_of(row.file.name)
    wanted = format_ is not None and format_.converts_to is not None
    return wanted and not row.file.removed and row.file.access(person.id) is Access.EDIT
