"""The log to take away: as JSON Lines for programs, as CSV for spreadsheets, streamed as it is read."""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from io import StringIO
from typing import Any

import trio
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from application.audit import Entry, View
from application.journal import Damaged, JournalFailed
from web.asked import filters
from web.audit import FRESH, described, reader_of
from web.context import context_of
from web.downloads import attachment
from web.errors import BadRequest

logger = logging.getLogger(__name__)

Chunks = AsyncGenerator[Sequence[Entry], None]
Form = Callable[[Sequence[Entry]], bytes]

COLUMNS = (
    *("position", "at", "type", "text", "users", "user_ids"),
    *("file", "file_name", "key", "stream", "number", "data"),
)
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would calculate
MARK = "\ufeff"  # without it, spreadsheets take UTF-8 for something older
WRITTEN = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
AT_ONCE = trio.CapacityLimiter(2)  # threads that write lines, which must not keep callbacks waiting


async def document_events(request: Request) -> Response:
    key = request.path_params["key"]
    return await _answer(request, await context_of(request).audit.document(key, reader_of(request)), key)


async def file_events(request: Request) -> Response:
    view = await context_of(request).audit.file(request.path_params["id"], reader_of(request))
    assert view.file
    return await _answer(request, view, view.file.file.name)


async def all_events(request: Request) -> Response:
    view = await context_of(request).audit.everything(reader_of(request))
    return await _answer(request, view, "docledger")


async def _answer(request: Request, view: View, name: str) -> Response:
    audit, form = context_of(request).audit, request.query_params.get("format", "jsonl")
    query = await filters(request.query_params, view, audit, also=frozenset({"format"}))
    if form not in FORMS:
        raise BadRequest(f"format is {' or '.join(FORMS)}.")
    kind, head, lines = FORMS[form]
    headers = {**attachment(f"{name}.events.{form}"), **FRESH, "Content-Type": kind}
    shown = request.method != "HEAD"  # or else there is nothing to put on record
    return Export(await audit.export(view, query, form) if shown else None, head, lines, headers)


class Export(Response):
    """Without a length. One that breaks off is never ended, so that no client takes it for whole."""

    def __init__(self, chunks: Chunks | None, head: bytes, lines: Form, headers: Mapping[str, str]) -> None:
        self._chunks = chunks
        self._head, self._lines = head, lines
        self._extra = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in self._extra.items()]
        await send({"type": "http.response.start", "status": 200, "headers": raw})
        if self._chunks is None:
            await _body(send, b"", more=False)
            return
        async with aclosing(self._chunks) as chunks, trio.open_nursery() as nursery:
            nursery.start_soon(_until_gone, receive, nursery.cancel_scope)
            try:
                await self._write(chunks, send)
            except (JournalFailed, Damaged) as trouble:
                logger.error("%s breaks off: %s", scope["path"], trouble)
            nursery.cancel_scope.cancel()

    async def _write(self, chunks: Chunks, send: Send) -> None:
        await _body(send, self._head)
        async for entries in chunks:
            await _body(send, await trio.to_thread.run_sync(self._lines, entries, limiter=AT_ONCE))
        await _body(send, b"", more=False)


async def _body(send: Send, chunk: bytes, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": chunk, "more_body": more})


async def _until_gone(receive: Receive, scope: trio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


def json_lines(entries: Sequence[Entry]) -> bytes:
    return "".join(f"{WRITTEN.encode(described(entry))}\n" for entry in entries).encode()


def csv_rows(entries: Sequence[Entry]) -> bytes:
    return _rows([_row(described(entry)) for entry in entries])


def _row(told: Mapping[str, Any]) -> list[str]:
    people = told["users"]
    cells = {
        **told,
        "users": "; ".join(person["name"] for person in people),
        "user_ids": "; ".join(person["id"] for person in people),
        "data": WRITTEN.encode(told["data"]),
    }
    return [_harmless("" if (cell := cells[column]) is None else str(cell)) for column in COLUMNS]


def _rows(rows: Sequence[Sequence[str]]) -> bytes:
    """As RFC 4180 has it."""
    text = StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULA) else cell


FORMS: Mapping[str, tuple[str, bytes, Form]] = {
    "jsonl": ("application/x-ndjson; charset=utf-8", b"", json_lines),
    "csv": ("text/csv; charset=utf-8; header=present", MARK.encode() + _rows([COLUMNS]), csv_rows),
}
