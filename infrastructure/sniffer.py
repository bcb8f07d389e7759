"""Says whether stored bytes are what their file type promises: libmagic first, then a look inside.

Where the structure of the content speaks for itself it has the last word, so the verdict does not
depend on libmagic's version; libmagic decides what has no structure we know.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import trio

from application.ports import StorageFailed, Verdict
from domain.formats import FORMATS, Format
from infrastructure.containers import look
from infrastructure.libmagic import load_magic
from infrastructure.texts import UNKNOWN, Content

_MAY_BE_EMPTY = frozenset({"txt", "csv", "tsv", "md", "html", "htm"})
_LINKS = frozenset({"gdoc", "gsheet", "gslides"})
_KINDS = {
    "word": "a text document",
    "cell": "a spreadsheet",
    "slide": "a presentation",
    "pdf": "a page description",
    "diagram": "a diagram",
}
_NAMED = {"txt": "plain text", "html": "a web page", "xml": "an XML file", "pdf": "a PDF"}
_MAJOR = {"image": "a picture", "audio": "a sound", "video": "a film", "font": "a font"}
_PROGRAMS = frozenset({"x-executable", "x-sharedlib", "x-pie-executable", "x-dosexec", "x-mach-binary"})


class Sniffer:
    """The Inspector: content never changes, so a verdict is kept as long as there is room."""

    def __init__(self, locate: Callable[[str], Path], *, threads: int = 2, room: int = 4096) -> None:
        """`locate` tells the path of stored bytes by their sha256, in a worker thread; it may fetch them
        first, and raises StorageFailed.
        """
        load_magic()  # a machine without it should fail at start, not at the first document
        self._locate = locate
        self._threads = trio.CapacityLimiter(threads)
        self._room = room
        self._verdicts: OrderedDict[tuple[str, str], Verdict] = OrderedDict()

    async def inspect(self, sha256: str, filetype: str) -> Verdict:
        """Judge stored bytes, off the event loop. Raises StorageFailed when they cannot be read."""
        asked = (sha256, filetype.lower())
        if asked in self._verdicts:
            self._verdicts.move_to_end(asked)
            await trio.lowlevel.checkpoint()
            return self._verdicts[asked]
        try:
            verdict = await trio.to_thread.run_sync(
                self._judge, *asked, limiter=self._threads, abandon_on_cancel=True
            )
        except OSError as error:
            raise StorageFailed(f"cannot read the stored bytes {sha256}: {error}") from error
        self._verdicts[asked] = verdict
        if len(self._verdicts) > self._room:
            self._verdicts.popitem(last=False)
        return verdict

    def _judge(self, sha256: str, filetype: str) -> Verdict:
        return judge(self._locate(sha256), filetype)


def judge(path: Path, filetype: str) -> Verdict:
    """Whether a file's content is what the extension promises. Blocks; raises OSError."""
    wanted = FORMATS.get(filetype.lower())
    if wanted is None:
        return Verdict(
            False, "", f"ONLYOFFICE does not open .{filetype} files: convert it to a type it opens"
        )
    if path.stat().st_size == 0:
        return _empty(wanted)
    with path.open("rb") as file:
        content = look(file)
    if wanted.extension in content.extensions and content.mime != "text/plain":
        return Verdict(True, content.mime)
    mime = load_magic().mime_of(str(path))  # which takes longer than all the rest
    if wanted.extension in content.extensions:
        return Verdict(True, _most_telling(content, mime))
    if content == UNKNOWN and mime in wanted.mimes and not mime.startswith("text/"):
        return Verdict(True, mime)
    return Verdict(False, content.mime or mime, _complaint(wanted.extension, content, mime))


def _empty(wanted: Format) -> Verdict:
    if wanted.extension in _MAY_BE_EMPTY:
        return Verdict(True, "inode/x-empty")
    advice = "upload it again, or create a new document"
    return Verdict(False, "inode/x-empty", f"it is empty (0 bytes), which no {wanted.extension} is: {advice}")


def _most_telling(content: Content, mime: str) -> str:
    """For plain text libmagic's guess (csv, json, a program) tells more than we look for."""
    return mime if content.mime == "text/plain" and mime.startswith("text/") else content.mime


def _complaint(extension: str, content: Content, mime: str) -> str:
    """What is wrong and what to do, for people."""
    if content.flaw:
        return f"it is damaged ({content.flaw}): upload it again"
    if extension in _LINKS:
        return (
            f"a {extension} is only a link to Google's servers: download the document there and upload that"
        )
    if content.extensions:
        best = content.extensions[0]
        what = content.described or _NAMED.get(best) or _KINDS[FORMATS[best].document_type]
        return f"its content is {what} ({best}), not {extension}: rename it to .{best}"
    what = content.described or _described(content.mime or mime)
    return f"its content is {what}, not {extension}: upload the document itself"


def _described(mime: str) -> str:
    major, _, minor = mime.partition("/")
    match major, minor:
        case "application", "zip":
            return "a zip archive without the parts of a document (application/zip)"
        case "application", "octet-stream":
            return "data of no known type (application/octet-stream)"
        case "application", program if program in _PROGRAMS:
            return f"a program ({mime})"
        case _:
            return f"{_MAJOR[major]} ({mime})" if major in _MAJOR else mime
