"""Bytes of a client as requests. What a request looks like is llhttp's to say (httptools), as in Node.js."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum, auto

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

VERSIONS = frozenset({"1.0", "1.1", "2.0"})  # the application refuses what it does not speak
OTHER_VERSIONS = frozenset({"Invalid HTTP version", "Pause on PRI/Upgrade"})  # as llhttp calls them
CHUNKED, CONTINUE = b"chunked", b"100-continue"
FRAMING = frozenset({b"content-length", b"transfer-encoding"})

Header = tuple[bytes, bytes]


@dataclass(slots=True, eq=False)
class Head:
    method: str
    target: bytes
    version: str
    headers: list[Header]  # names in lower case
    goes_on: bool  # another request may follow
    waits: bool  # for `100 Continue`, before it sends a body


class End(Enum):
    END = auto()


END = End.END  # of a request


@dataclass(frozen=True, slots=True)
class Fault:
    """The client breaks the protocol; nothing follows."""

    status: int  # that it is to be told


Event = Head | bytes | End | Fault


class Parser:
    """`events` are for whoever reads them to take out: of one request after the other, and a fault at last.

    As many as came together are there together: whoever feeds only when there are none holds no more than
    one read's.
    """

    def __init__(self, most: int) -> None:
        """`most` bytes, of a head or of what frames a body, may come without being whole."""
        self.events: deque[Event] = deque()
        self.ended = False  # the client says no more
        self._most = most
        self._unfinished = 0  # bytes of what is not whole
        self._inside = False  # a request
        self._deaf = False  # what comes now is nobody's
        self._target, self._headers = b"", list[Header]()
        self._head: Head | None = None
        self._resumed = False
        self._parser = HttpRequestParser(self)

    @property
    def body(self) -> bytes | None:
        """Of the request whose head was taken out last, if it is there as a whole."""
        events = self.events
        if events and events[0] is END:
            return b""
        if len(events) > 1 and events[1] is END and isinstance(body := events[0], bytes):
            return body
        return None

    def feed(self, data: bytes) -> None:
        """No bytes are the end."""
        if not data:
            self._end()
        elif not self._deaf:
            known = len(self.events)
            self._parse(data)
            self._unfinished = self._unfinished + len(data) if len(self.events) == known else 0
            if self._unfinished > self._most:
                self._fault(431)

    def _parse(self, data: bytes) -> None:
        while data:
            try:
                self._parser.feed_data(data)
                return
            except HttpParserUpgrade as upgrade:
                if self._deaf:
                    return
                self._ignore_upgrade()
                data = data[upgrade.args[0] :]
            except HttpParserError as error:
                self._fault(505 if str(error) in OTHER_VERSIONS else 400)
                return

    def _end(self) -> None:
        if (self._inside or self._unfinished) and not self.ended:
            self._fault(400)
        self.ended = self._deaf = True

    def _fault(self, status: int) -> None:
        if not self._deaf:
            self._deaf = True
            self.events.append(Fault(status))

    def _ignore_upgrade(self) -> None:
        """As a server may (RFC 9110, 7.8). llhttp would not parse on, but another goes on after the head."""
        assert self._head is not None, "it has asked for the upgrade"
        framing = b"".join(b"%b: %b\r\n" % header for header in self._head.headers if header[0] in FRAMING)
        self._parser, self._resumed = HttpRequestParser(self), True
        self._parser.feed_data(b"POST / HTTP/1.1\r\n%b\r\n" % framing)

    # What llhttp calls.

    def on_message_begin(self) -> None:
        self._inside = True
        if not self._resumed:
            self._target, self._headers, self._head = b"", [], None

    def on_url(self, part: bytes) -> None:
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._head is None:  # else it is a trailer
            self._headers.append((name.lower(), value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        if self._deaf or self._resumed:
            return
        parser, headers = self._parser, self._headers
        version, names = parser.get_http_version(), [name for name, _ in headers]
        method, is_current = parser.get_method().decode("ascii"), version == "1.1"
        goes_on = is_current and parser.should_keep_alive()
        waits = is_current and b"expect" in names and _said(headers, b"expect") == [CONTINUE]
        self._head = Head(method, self._target, version, headers, goes_on, waits)
        hosts = names.count(b"host")
        if version not in VERSIONS or hosts > 1 or (is_current and not hosts):  # RFC 9112, 3.2
            self._fault(400)
        elif b"transfer-encoding" in names and _said(headers, b"transfer-encoding") != [CHUNKED]:
            self._fault(501)  # RFC 9112, 6.1
        else:
            self.events.append(self._head)

    def on_body(self, part: bytes) -> None:
        if not self._deaf:
            self.events.append(part)

    def on_message_complete(self) -> None:
        if self._parser.should_upgrade():
            return  # its body is still to come
        self._inside = self._resumed = False
        if self._deaf:
            return
        self.events.append(END)
        assert self._head is not None
        self._deaf = not self._head.goes_on


def _said(headers: list[Header], wanted: bytes) -> list[bytes]:
    return [value.lower() for name, value in headers if name == wanted]
