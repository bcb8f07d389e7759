"""The wire between the two machines, without HTTP: what each sees of the other, and what goes wrong there."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx
import trio

from application.desk import Unavailable
from application.journal import JournalFailed
from application.ports import (
    Answer,
    Blob,
    ConversionFailed,
    DownloadFailed,
    DownloadGone,
    ServerUnreachable,
    StorageFailed,
)
from infrastructure.standin.results import Expired, Forbidden, Missing
from tests.simulation.machine import Cut
from tests.simulation.node import LIMIT, Node
from tests.simulation.office import BASE, Office

if TYPE_CHECKING:
    from tests.simulation.docledger import Docledger

COMMAND_SECONDS, INFO_SECONDS, DOWNLOAD_SECONDS = 15, 150, 120  # as in infrastructure/document_server.py
HTML = b"EVIL <html>502 Bad Gateway</html>"


class ServerPort:
    """The Document Server as Docledger reaches it."""

    def __init__(self, node: Node, docledger: Docledger, office: Office) -> None:
        self._node, self._docledger, self._office = node, docledger, office
        self._troubles, self._witness = docledger.troubles, docledger.witness

    async def command(self, name: str, key: str | None = None, **parameters: Any) -> Answer:
        self._node.moment("command")
        await self._node.moves()
        autosave = name == "forcesave" and key is not None and not self._node.asking.exempt
        if autosave and key:
            self._node.asks(key)
        seconds = INFO_SECONDS if name == "info" else COMMAND_SECONDS
        try:
            with trio.fail_after(seconds):
                return await self._command({"c": name, "key": key, **parameters})
        except (trio.TooSlowError, Cut) as error:
            raise ServerUnreachable(f"no answer to {name}") from error
        finally:
            if autosave and key:
                self._node.asking.answered(key)
            await self._node.moves()

    async def _command(self, parameters: Mapping[str, Any]) -> Answer:
        kind, seconds = self._troubles.take("command", "refuse", "silence", "slow") or ("", 0)
        if kind == "refuse":
            raise Cut
        if kind == "slow":
            await trio.sleep(seconds)
        if parameters["c"] == "deleteForgotten":
            kept = self._office.standin.forgotten.get(parameters["key"])
            if kept and not self._docledger.stored(kept.content):
                self._witness.wrong(f"the forgotten file of {parameters['key']} is deleted and not stored")
        answer = await self._office.command(parameters)
        if kind == "silence":
            await trio.sleep_forever()
        return Answer(answer["error"], answer)

    async def convert(self, url: str, *, filetype: str, outputtype: str, key: str, title: str = "") -> str:
        self._node.moment("command")
        await self._node.moves()
        wanted = {"url": url, "filetype": filetype, "outputtype": outputtype, "key": key, "title": title}
        kind, seconds = self._troubles.take("command", "refuse", "silence", "slow") or ("", 0)
        try:
            with trio.fail_after(COMMAND_SECONDS):
                await trio.sleep(inf if kind == "silence" else seconds)
                if kind == "refuse":
                    raise Cut
                answer = await self._office.convert(wanted)
        except (trio.TooSlowError, Cut) as error:
            raise ServerUnreachable("no answer of the converter") from error
        if "error" in answer:
            raise ConversionFailed(answer["error"])
        return str(answer["fileUrl"])

    async def fetch(self, url: str) -> Blob:
        self._node.moment("download")
        await self._node.moves()
        try:
            with trio.fail_after(DOWNLOAD_SECONDS):
                content = await self._download(url)
        except (trio.TooSlowError, Cut) as error:
            raise DownloadFailed("the download broke off") from error
        return await self._node.blobs.keep(chunks(content), limit=LIMIT)

    async def _download(self, url: str) -> bytes:
        await trio.sleep(0.05)
        kind, seconds = self._troubles.take("download", "cut", "error", "gone", "garbage", "stall") or ("", 0)
        await trio.sleep(seconds if kind == "stall" else 0)
        match kind:
            case "cut" | "error" | "stall":
                raise Cut
            case "gone":
                self._witness.spoiled(url, kind)
                raise DownloadGone("HTTP 410")
            case "garbage":
                self._witness.spoiled(url, kind)
                return HTML
        return await self._office.machine.call(partial(self._result, url))

    async def _result(self, url: str) -> bytes:
        try:
            return self._office.result(url)
        except (Expired, Forbidden, Missing) as gone:
            raise DownloadGone(type(gone).__name__) from gone


async def chunks(content: bytes) -> AsyncIterator[bytes]:
    yield content


@dataclass(frozen=True, slots=True)
class Response:
    status_code: int
    content: bytes

    def raise_for_status(self) -> None:
        pass

    async def aiter_bytes(self) -> AsyncIterator[bytes]:
        yield self.content


class Line:
    """Docledger as the Document Server's HTTP client reaches it."""

    def __init__(self, docledger: Docledger, office: Office) -> None:
        self._docledger, self._office = docledger, office
        self._troubles, self._witness = docledger.troubles, docledger.witness
        self._next: dict[str, trio.Event] = {}  # by key: set when a callback of it was answered

    async def post(
        self, url: str, *, content: bytes, headers: Mapping[str, str], extensions: Mapping[str, Any]
    ) -> Response:
        claims = json.loads(content)
        offered, text = self._office.offered(claims), self._office.text(claims["key"])
        self._witness.called(claims, offered, self._office.now() - trio.current_time())
        try:
            status, error = await self._post(claims)
        except Cut:
            raise httpx.ReadError("connection reset") from None
        self._next.pop(claims["key"], trio.Event()).set()
        if (status, error) == (200, 0):
            self._believed(claims, offered, text)
        self._witness.log(f"replied {status} {error} to {claims['status']} of {claims['key']}")
        return Response(status, b'{"error": %d}' % error)

    def _believed(self, claims: dict[str, Any], offered: bytes | None, text: str) -> None:
        """The Document Server takes it that it may let go."""
        if claims["status"] == 1 and claims["users"]:
            self._witness.joined[claims["key"]] = trio.current_time()
        if offered is None:
            if claims["status"] == 3:
                self._witness.destroyed(text, "status 3")
            return
        if self._docledger.durable and not self._docledger.stored(offered):
            self._witness.wrong(f"error 0 to {claims['status']} of {claims['key']} without stored bytes")
        self._witness.accepted(claims)

    async def _post(self, claims: dict[str, Any]) -> tuple[int, int]:
        kind, seconds = self._troubles.take("callback", "lost", "delay", "duplicate", "reorder", "deaf") or (
            "",
            0,
        )
        answer = partial(self._docledger.ask, lambda node: node.answer(claims))
        match kind:
            case "lost":
                await trio.sleep(0.05)
                raise Cut
            case "delay":
                await trio.sleep(seconds)
            case "duplicate":
                if self._office.machine.nursery:  # it has not crashed meanwhile
                    self._office.machine.nursery.start_soon(_heedless, answer)
            case "reorder":
                with trio.move_on_after(seconds):
                    await self._next.setdefault(claims["key"], trio.Event()).wait()
            case "deaf":
                await answer()
                raise Cut
        return await answer()

    @asynccontextmanager
    async def stream(self, method: str, url: str, *, headers: Mapping[str, str]) -> AsyncIterator[Response]:
        if url.startswith(BASE):  # a result of its own, to be converted
            yield Response(200, self._office.result(url))
            return
        asked = parse_qs(urlsplit(url).query)
        file, number, key = (asked[name][0] for name in ("file", "version", "key"))
        try:
            content = await self._docledger.ask(lambda node: node.content(file, int(number), key))
        except (Cut, JournalFailed, StorageFailed, Unavailable):
            raise httpx.ConnectError("connection refused") from None
        yield Response(200, content)


async def _heedless(answer: Any) -> None:
    with suppress(Cut):
        await answer()
