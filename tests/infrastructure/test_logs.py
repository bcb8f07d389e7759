"""Lines of the log, for people and for programs."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from application import about
from infrastructure import logs

Configured = Callable[..., io.StringIO]


@pytest.fixture
def configured() -> Iterator[Configured]:
    """The process's log is put back as it was."""
    root = logging.getLogger()
    handlers, level, hook = root.handlers[:], root.level, sys.excepthook
    named = [logging.getLogger(name) for name in (*logs.OURS, logs.REQUESTS)]
    levels = [logger.level for logger in named]

    def configure(shape: str, level: str = "info", *secrets: str) -> io.StringIO:
        text = io.StringIO()
        logs.configure(level, shape, secrets, text)
        return text

    yield configure
    about.only()
    logging.captureWarnings(False)
    root.handlers[:], sys.excepthook = handlers, hook
    for logger, before in zip([root, *named], [level, *levels], strict=True):
        logger.setLevel(before)


def lines(text: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.getvalue().splitlines()]


def test_a_line_of_json_says_when_how_serious_who_and_what(configured: Configured) -> None:
    text = configured("json")
    logging.getLogger("application.desk").warning("%s: it is late", "a-b-c")
    (line,) = lines(text)
    assert list(line) == ["time", "level", "logger", "event"]
    assert line["time"][10] == "T"
    assert line["time"].endswith("+00:00")
    assert (line["level"], line["logger"], line["event"]) == (
        "WARNING",
        "application.desk",
        "a-b-c: it is late",
    )


def test_it_says_what_the_task_is_about(configured: Configured) -> None:
    text = configured("json")
    about.only(request="r-1")
    about.note(user="u", file="f")
    logging.getLogger("web.errors").error("no")
    about.only(key="k" * 5000)
    logging.getLogger("application.actor").error("no")
    first, second = lines(text)
    assert (first["request"], first["user"], first["file"]) == ("r-1", "u", "f")
    assert second["key"] == "k" * 100
    assert "request" not in second


def test_a_traceback_is_one_field(configured: Configured) -> None:
    text = configured("json")
    try:
        raise ValueError("of no use\nat all")
    except ValueError:
        logging.getLogger("web.app").exception("it failed")
    (line,) = lines(text)
    assert line["event"] == "it failed"
    assert line["exception"].startswith("Traceback")
    assert "of no use\nat all" in line["exception"]


def test_what_ends_the_process_is_said_in_the_same_way(configured: Configured) -> None:
    text = configured("json")
    error = OSError("the end")
    sys.excepthook(OSError, error, None)
    (line,) = lines(text)
    assert (line["level"], line["logger"]) == ("CRITICAL", "web")
    assert "the end" in line["exception"]


def test_nobody_can_name_a_file_so_that_it_looks_like_a_line(configured: Configured) -> None:
    text = configured("console")
    about.only(request="r-1", key="the\x1b[31mkey")
    logging.getLogger("web.app").error("%s is gone", "a\n2026-01-01 CRITICAL all is lost\u2028\r")
    (line,) = text.getvalue().splitlines()
    assert "a\\n2026-01-01 CRITICAL all is lost\\u2028\\x0d is gone [request=r-1 key=the\\x1b[31mkey]" in line


def test_a_console_does_not_say_a_key_twice(configured: Configured) -> None:
    text = configured("console")
    about.only(key="a-b-c")
    logging.getLogger("application.spool").error("%s: not yet", "a-b-c")
    assert text.getvalue().endswith("ERROR    application.spool: a-b-c: not yet\n")


def test_libraries_speak_only_of_trouble(configured: Configured) -> None:
    text = configured("json", "debug")
    for library in ("httpx", "httpcore.http11", "hpack.hpack", "python_multipart"):
        logging.getLogger(library).info("GET http://server/?md5=abc")
    logging.getLogger("hypercorn.error").info("Running on a port")
    logging.getLogger("application.live").debug("a reader waits")
    assert [line["event"] for line in lines(text)] == ["Running on a port", "a reader waits"]


@pytest.mark.parametrize(
    ("shape", "level", "told"), [("console", "info", 0), ("console", "debug", 1), ("json", "info", 1)]
)
def test_requests_are_told_to_programs_and_to_who_debugs(
    configured: Configured, shape: str, level: str, told: int
) -> None:
    text = configured(shape, level)
    logging.getLogger(logs.REQUESTS).info("GET / 200")
    assert len(text.getvalue().splitlines()) == told


@pytest.mark.parametrize("shape", ["console", "json"])
def test_a_secret_is_taken_out_wherever_it_turns_up(configured: Configured, shape: str) -> None:
    text = configured(shape, "info", "the secret that was set")
    about.only(key="the secret that was set")
    try:
        raise ValueError("the secret that was set")
    except ValueError:
        logging.getLogger("web.app").exception("it is %s", "the secret that was set")
    assert "the secret that was set" not in text.getvalue()
    assert text.getvalue().count("[redacted]") >= 3
