"""The service's log: lines for people or one JSON object a line, with what each of them is about.

Our own modules speak from LOG_LEVEL on, libraries from `warning` on: httpx logs whole urls, signatures
included, and hpack logs headers.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from types import TracebackType
from typing import TextIO

from pythonjsonlogger.json import JsonFormatter

from application import about
from infrastructure.redaction import Redaction

OURS = ("application", "domain", "infrastructure", "web", "hypercorn")
REQUESTS = "web.requests"  # a line for each; on a console only when it is asked for, with `debug`
CONSOLE = "%(asctime)s %(levelname)-8s %(name)s: %(message)s"
LONGEST = 100  # characters of an id
JSON = {"levelname": "level", "name": "logger", "message": "event", "exc_info": "exception"}
VISIBLE = {
    code: f"\\x{code:02x}" for code in (*range(9), *range(11, 32), *range(127, 160))
} | {9: " ", 10: "\\n", 0x2028: "\\u2028", 0x2029: "\\u2029"}  # fmt: skip


def configure(
    level: str,
    shape: str,
    secrets: Iterable[str] = (),
    to: TextIO | None = None,
    *,
    number: int | None = None,
) -> None:
    """For this process, which may be a worker with a number; `level`, `shape` are LOG_LEVEL, LOG_FORMAT."""
    plain = shape == "console"
    redaction = Redaction(secrets)
    handler = logging.StreamHandler(to)
    worker = {"worker": str(number)} if number else {}
    handler.addFilter(partial(_about, worker))
    handler.setFormatter(ConsoleLines(redaction, worker) if plain else JsonLines(redaction))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in OURS:
        logging.getLogger(name).setLevel(level.upper())
    quiet = plain and level != "debug"
    logging.getLogger(REQUESTS).setLevel(logging.WARNING if quiet else logging.NOTSET)
    logging.captureWarnings(True)
    sys.excepthook = _last_words


def _about(worker: Mapping[str, str], record: logging.LogRecord) -> bool:
    for name, value in _known(worker):
        record.__dict__.setdefault(name, value)
    return True


def _known(worker: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Whatever somebody has put where our ids belong is cut."""
    yield from worker.items()
    yield from ((name, value[:LONGEST]) for name, value in about.known().items())


def _last_words(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    logging.getLogger("web").critical("Docledger ends unexpectedly", exc_info=(kind, error, trace))


class ConsoleLines(logging.Formatter):
    """Nothing that somebody named can look like a line of its own."""

    def __init__(self, redaction: Redaction, worker: Mapping[str, str]) -> None:
        super().__init__(CONSOLE)
        self._redaction = redaction
        self._worker = worker

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's hook
        line = super().formatMessage(record)
        known = (
            f"{name}={value}" for name, value in _known(self._worker) if name == "worker" or value not in line
        )
        return f"{line} [{' '.join(known)}]".removesuffix(" []").translate(VISIBLE)

    def format(self, record: logging.LogRecord) -> str:
        return self._redaction(super().format(record))


class JsonLines(JsonFormatter):
    def __init__(self, redaction: Redaction) -> None:
        super().__init__(
            ["time", "levelname", "name", "message"],
            rename_fields=JSON,
            timestamp="time",
            json_ensure_ascii=False,
        )
        self._redaction = redaction

    def format(self, record: logging.LogRecord) -> str:
        return self._redaction(super().format(record))
