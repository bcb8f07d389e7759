"""Whatever is asked, and however the bytes are cut on their way, both kinds of connection say the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, repeat

import trio
import trio.lowlevel
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wire.apps import echo
from tests.wire.served import PATIENCE, Answer, answers, serve
from web.server import CONNECTIONS

PATHS = ["/", "/chunked", "/204", "/304", "/%C3%A9?x=y", "/?headers", "/chunked?headers"]
ENDS = {
    "nothing": b"",
    "close": b"Connection: close\r\n",
    "upgrade": b"Connection: upgrade\r\nUpgrade: websocket\r\n",
    "expect": b"Expect: 100-continue\r\n",
    "headers": b"X-Blanks: \t a \t\r\nX-Empty:\r\nx-case: \xe4\r\nX-CASE: b\r\n",
}
BROKEN = [
    b"",
    b"G",
    b"GET / HTTP/1.1\r\n\r\n",
    b"\x00\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc",
]


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    version: str
    body: bytes
    chunk: int  # bytes of each; none for a length instead
    more: str
    trailers: bytes

    @property
    def is_last(self) -> bool:
        return self.version == "1.0" or self.more == "close"

    def __bytes__(self) -> bytes:
        head = f"{self.method} {self.path} HTTP/{self.version}\r\nHost: x\r\n".encode() + ENDS[self.more]
        if self.chunk:
            pieces = [self.body[at : at + self.chunk] for at in range(0, len(self.body), self.chunk)]
            chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
            return head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n" + self.trailers + b"\r\n"
        return head + b"Content-Length: %d\r\n\r\n" % len(self.body) + self.body


ASKED = st.builds(
    Asked,
    st.sampled_from(["GET", "POST", "HEAD", "PUT", "OPTIONS"]),
    st.sampled_from(PATHS),
    st.sampled_from(["1.1", "1.1", "1.1", "1.0"]),
    st.binary(max_size=40),
    st.integers(0, 9),
    st.sampled_from([*ENDS, "nothing", "nothing"]),
    st.sampled_from([b"", b"X-Trailer: x\r\n"]),
)


async def said(kind: str, pieces: Sequence[bytes], methods: Sequence[str]) -> list[Answer]:
    async with trio.open_nursery() as nursery:
        served = await serve(CONNECTIONS[kind], nursery, echo)
        async with served.client() as client, trio.open_nursery() as talking:
            talking.start_soon(_say, client.stream, pieces)
            heard = await client.rest()
            talking.cancel_scope.cancel()
        nursery.cancel_scope.cancel()
    found = answers(heard, chain(methods, repeat("GET")))
    return [Answer(each.status, undated(each.headers), each.body, each.whole) for each in found]


async def _say(stream: trio.SocketStream, pieces: Sequence[bytes]) -> None:
    try:
        for piece in pieces:
            await stream.send_all(piece)
            await trio.lowlevel.checkpoint()
        await stream.send_eof()
    except trio.BrokenResourceError:
        pass  # it has heard enough


def undated(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name != "date"}


async def both(pieces: Sequence[bytes], methods: Sequence[str]) -> list[list[Answer]]:
    with trio.fail_after(PATIENCE):
        return [await said(kind, pieces, methods) for kind in CONNECTIONS]


@settings(max_examples=60, deadline=None)
@given(st.lists(ASKED, min_size=1, max_size=6), st.sampled_from(BROKEN), st.data())
def test_both_say_the_same(asked: list[Asked], broken: bytes, data: st.DataObject) -> None:
    last = next((at for at, each in enumerate(asked) if each.is_last), None)
    if last is not None:  # Hypercorn answers 400 to a good request, if anything follows the last
        asked, broken = asked[: last + 1], b""
    sent = b"".join(map(bytes, asked)) + broken
    cuts = sorted(data.draw(st.sets(st.integers(1, len(sent)), max_size=6)))
    pieces = [sent[start:end] for start, end in zip([0, *cuts], [*cuts, len(sent)], strict=True)]
    stock, lean = trio.run(both, [piece for piece in pieces if piece], [each.method for each in asked])
    assert lean == stock
    assert lean[0].whole
