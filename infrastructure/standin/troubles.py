"""An outbox whose callbacks suffer the faults ordered for them, and that has witnesses for every offer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
import trio

from .callbacks import Fields
from .faults import Fault, Faults
from .offers import Offers
from .outbox import Outbox, Reply

NO_REPLY = Reply(accepted=False, retryable=True)
SENT = "http11.send_request_body.complete"


class Interrupted(httpx.TransportError):
    """The connection was given up on purpose."""


@dataclass(eq=False, slots=True)
class TroubledOutbox:
    outbox: Outbox
    faults: Faults
    offers: Offers
    next_answer: dict[str, trio.Event] = field(default_factory=dict)

    async def fetch(self, url: str) -> bytes:
        return await self.outbox.fetch(url)

    async def post(self, url: str, fields: Fields) -> Reply:
        fault = self.faults.take("callback", fields["key"], fields["status"])
        if fault is None:
            return await self._send(url, fields)
        return await self._suffer(fault, url, fields)

    async def _suffer(self, fault: Fault, url: str, fields: Fields) -> Reply:
        match fault.kind:
            case "lost":
                return self._answered(fields, NO_REPLY)
            case "cut":
                return self._answered(fields, await self.outbox.post(url, fields, shape=_half))
            case "deaf":
                await self.outbox.post(url, fields, trace=_hang_up_when_sent)
                return self._answered(fields, NO_REPLY)  # whatever came back nevertheless
            case "duplicate":
                return await self._send_twice(url, fields)
            case "reorder":
                with trio.move_on_after(fault.seconds):
                    await self.next_answer.setdefault(fields["key"], trio.Event()).wait()
            case _:
                await trio.sleep(fault.seconds)
        return await self._send(url, fields)

    async def _send(self, url: str, fields: Fields) -> Reply:
        return self._answered(fields, await self.outbox.post(url, fields))

    async def _send_twice(self, url: str, fields: Fields) -> Reply:
        replies: list[Reply] = []

        async def send() -> None:
            replies.append(await self._send(url, fields))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(send)
            nursery.start_soon(send)
        return replies[0]

    def _answered(self, fields: Fields, reply: Reply) -> Reply:
        if "url" in fields:
            self.offers.note(fields, reply.accepted)
        self.next_answer.pop(fields["key"], trio.Event()).set()
        return reply


async def _half(body: bytes) -> AsyncIterator[bytes]:
    yield body[: len(body) // 2]
    raise Interrupted("in the middle of the body")


async def _hang_up_when_sent(event: str, _details: object) -> None:
    if event == SENT:
        raise Interrupted("before the reply")
