"""Where probes land: addresses of ours that live for one examination, known to nobody who was not told."""

from __future__ import annotations

import io
import secrets
import zipfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from application.doctor.seen import Call, Visit
from application.plain import from_plain, to_plain
from application.tokens import BadToken, Tokens

PATH = "/api/doctor/probe/"
_PARTS = {
    "[Content_Types].xml": (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.'
        'wordprocessingml.document.main+xml"/></Types>'
    ),
    "_rels/.rels": (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/'
        'officeDocument" Target="word/document.xml"/></Relationships>'
    ),
    "word/document.xml": (
        '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>'
        "<w:p><w:r><w:t>{}</w:t></w:r></w:p><w:sectPr/></w:body></w:document>"
    ),
}


@dataclass(eq=False, slots=True)
class Probe:
    nonce: str = field(default_factory=lambda: secrets.token_hex(16))
    visit: Visit | None = None
    call: Call | None = None

    @property
    def path(self) -> str:
        return PATH + self.nonce

    def document(self) -> bytes:
        """The smallest docx, with the nonce for its text."""
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, part in _PARTS.items():
                archive.writestr(name, part.format(self.nonce) if name.startswith("word/") else part)
        return target.getvalue()


class Board(Protocol):
    """Where nodes leave word for the one that examines: a probe may land on any of them.

    Nothing here fails; what is not said has not been seen.
    """

    async def put_up(self, nonce: str) -> None: ...

    async def take_down(self, nonce: str) -> None: ...

    async def leave_word(self, nonce: str, said: Mapping[str, Any]) -> bool:
        """Whether a node waits for it."""
        ...

    async def word(self, nonce: str) -> Mapping[str, Any]:
        """All that was said so far."""
        ...


class NoBoard:
    """Of a node that has no others."""

    async def put_up(self, nonce: str) -> None: ...

    async def take_down(self, nonce: str) -> None: ...

    async def leave_word(self, nonce: str, said: Mapping[str, Any]) -> bool:
        return False

    async def word(self, nonce: str) -> Mapping[str, Any]:
        return {}


class Landing:
    def __init__(self, tokens: Tokens, believed: Callable[[str], bool], board: Board | None = None) -> None:
        """`believed` is whether an address may say for whom it asks."""
        self._tokens = tokens
        self._believed = believed
        self._board: Board = board or NoBoard()
        self._probes: dict[str, Probe] = {}

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Probe]:
        probe = Probe()
        self._probes[probe.nonce] = probe
        try:
            await self._board.put_up(probe.nonce)
            yield probe
        finally:
            del self._probes[probe.nonce]
            await self._board.take_down(probe.nonce)

    async def gather(self, probe: Probe) -> None:
        """What has landed on other nodes meanwhile."""
        said = {} if probe.visit and probe.call else await self._board.word(probe.nonce)
        if "visit" in said:
            probe.visit = probe.visit or from_plain(Visit, said["visit"])
        if "call" in said:
            probe.call = probe.call or from_plain(Call, said["call"])

    async def visited(
        self, nonce: str, address: str, authorization: str | None, *, forwarded: bool
    ) -> bytes | None:
        """What whoever fetches a probe is given; None when nobody waits for it."""
        probe = self._probes.get(nonce) or Probe(nonce)
        signed = self._tokens.check_server_bearer(authorization, probe.path)
        visit = Visit(address, trusted=self._believed(address), forwarded=forwarded, signed=signed)
        if nonce in self._probes:
            probe.visit = visit
        elif not await self._board.leave_word(nonce, {"visit": to_plain(visit)}):
            return None
        return probe.document()

    async def called(self, nonce: str, body: bytes, authorization: str | None) -> bool:
        """Whether anybody waits for this callback."""
        try:
            call = Call(ahead=self._tokens.read_callback(body, authorization).skew)
        except BadToken as bad:
            call = Call(refused=str(bad))
        if nonce in self._probes:
            self._probes[nonce].call = call
            return True
        return await self._board.leave_word(nonce, {"call": to_plain(call)})
