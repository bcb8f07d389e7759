"""`GET /api/events`: facts as they are recorded, as Server-Sent Events."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import trio
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from application.journal import Query, Recorded
from application.readers import Reader
from application.telling import told
from web.audit import data_of, reader_of
from web.connections import SEVER
from web.context import Context, context_of, person_of
from web.errors import BadRequest
from web.streams import Stream

HEARTBEAT = 15.0  # seconds; proxies end what is silent for long
LONGEST = 3600.0  # seconds until a reader has to come again, and to show who it is
RETRY = 2000  # milliseconds until a browser comes again
POSITION = re.compile(r"[0-9]{1,18}")
RESTORED = (
    "The log ends before that position: it was restored from a copy. This goes on from where it ends now."
)

END: Message = {"type": "http.response.body", "body": b"", "more_body": False}
HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx would keep events back
}


async def events(request: Request) -> Response:
    """From now on, or from `?after=POSITION` or Last-Event-ID; of a file, a session, or all there is."""
    context, person = context_of(request), person_of(request)
    query = await _narrowed(request)
    asked, last = _asked(request), await context.journal.position()
    start = last if asked is None else min(asked, last)
    beginning = _place(start, RESTORED if asked is not None and asked > last else None)
    # Whoever begins here reads the log; whoever comes again (`asked`) goes on with the same reading.
    return EventStream(context, Reader(person, query, start), beginning)


class EventStream(Response):
    def __init__(self, context: Context, reader: Reader, beginning: bytes) -> None:
        self._context = context
        self._reader = reader
        self._beginning = beginning

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises TooManyStreams, Crowded."""
        context, stream = self._context, Stream(send, scope.get(SEVER, _nothing))
        address = context.subject_of(context.address_of(scope))
        with context.streams.admitted(stream, self._reader.person.id, address):
            headers = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
            await stream.send({"type": "http.response.start", "status": 200, "headers": headers})
            if scope["method"] != "HEAD":
                await self._serve(stream, receive)
            await stream.send(END)
            return
        if not stream.severed:  # we are the ones who end it
            await send(END)

    async def _serve(self, stream: Stream, receive: Receive) -> None:
        with trio.move_on_after(LONGEST), self._context.feed.reading(self._reader):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_hang_up, receive, nursery.cancel_scope)
                await self._write(stream)

    async def _write(self, stream: Stream) -> None:
        feed, reader = self._context.feed, self._reader
        await stream.send(_body(f"retry: {RETRY}\n".encode() + self._beginning))
        while True:
            before, news = reader.position, b""
            with trio.move_on_after(HEARTBEAT):
                news = b"".join(await feed.take(reader))
            quiet = _place(reader.position) if reader.position != before else b":\n\n"
            await stream.send(_body(news or quiet))


def _body(body: bytes) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": True}


async def _hang_up(receive: Receive, scope: trio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


def _nothing() -> None:
    """Another server than ours may be able to cancel what it sends."""


async def _narrowed(request: Request) -> Query:
    """An auditor sees what is not theirs: that goes on record; who follows their own files only looks at
    them. Raises NotFound, Forbidden, JournalFailed.
    """
    audit, reader = context_of(request).audit, reader_of(request)
    file, key = request.query_params.get("file"), request.query_params.get("key")
    query = Query(file=file, key=key)
    views = [await audit.file(file, reader)] if file is not None else []
    views += [await audit.document(key, reader)] if key is not None else []
    if reader.person.audits:
        view = views[-1] if views else await audit.everything(reader)
        await audit.consult(view, query, f"{view.what}, live")
    return query


def _asked(request: Request) -> int | None:
    """A browser that comes again says where it was in a header; its url is still that of the beginning."""
    given = [request.headers.get("last-event-id"), request.query_params.get("after")]
    asked = [text for text in given if text is not None]
    if not all(POSITION.fullmatch(text) for text in asked):
        raise BadRequest(
            "after and Last-Event-ID are the id of an event, a number. Leave them out to begin now."
        )
    return int(asked[0]) if asked else None


def _place(position: int, message: str | None = None) -> bytes:
    """Where the log has come to, for whoever was told of nothing."""
    data = {"position": position, **({"message": message} if message else {})}
    return _event(position, "position", data)


def encoded(recorded: Recorded, names: Mapping[str, str]) -> bytes:
    """A fact as its event."""
    fact, (kind, _, key) = recorded.event, recorded.stream.partition("/")
    data = data_of(fact)
    data.pop("history", None)  # too much for everybody
    if not data.get("address", "here"):
        del data["address"]
    told_ = {
        "position": recorded.position,
        "stream": recorded.stream,
        "number": recorded.number,
        "type": type(fact).__name__,
        "at": fact.at.isoformat(),
        "file": recorded.file,
        **({"key": key} if kind == "document" else {}),
        "text": told(fact, names),
        "data": data,
    }
    return _event(recorded.position, type(fact).__name__, told_)


def _event(position: int, kind: str, data: Mapping[str, Any]) -> bytes:
    return f"id: {position}\nevent: {kind}\ndata: {json.dumps(data)}\n\n".encode()
