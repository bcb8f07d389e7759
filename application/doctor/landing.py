"""Where probes land: addresses of ours that live for one examination, known to nobody who was not told."""

from __future__ import annotations

import io
import secrets
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from application.doctor.seen import Call, Visit
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


class Landing:
    def __init__(self, tokens: Tokens, believed: Callable[[str], bool]) -> None:
        """`believed` is whether an address may say for whom it asks."""
        self._tokens = tokens
        self._believed = believed
        self._probes: dict[str, Probe] = {}

    @contextmanager
    def opened(self) -> Iterator[Probe]:
        probe = Probe()
        self._probes[probe.nonce] = probe
        try:
            yield probe
        finally:
            del self._probes[probe.nonce]

    def visited(
        self, nonce: str, address: str, authorization: str | None, *, forwarded: bool
    ) -> bytes | None:
        """What whoever fetches a probe is given; None when nobody waits for it."""
        probe = self._probes.get(nonce)
        if probe is None:
            return None
        signed = self._tokens.check_server_bearer(authorization, probe.path)
        probe.visit = Visit(address, trusted=self._believed(address), forwarded=forwarded, signed=signed)
        return probe.document()

    def called(self, nonce: str, body: bytes, authorization: str | None) -> bool:
        """Whether anybody waits for this callback."""
        probe = self._probes.get(nonce)
        if probe is None:
            return False
        try:
            probe.call = Call(ahead=self._tokens.read_callback(body, authorization).skew)
        except BadToken as bad:
            probe.call = Call(refused=str(bad))
        return True
