"""Assembled files and their signed urls: md5 and expiry in the query, as nginx's secure_link has it."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from secrets import token_hex
from urllib.parse import quote, urlencode

ROOT = "/cache/files/"
KEPT_AFTER_EXPIRY = 60.0


class Forbidden(Exception):
    """Not a url we signed."""


class Expired(Exception):
    """A url we signed, too long ago."""


class Missing(Exception):
    """A url we signed, for a file that is gone."""


@dataclass(frozen=True, slots=True)
class Result:
    content: bytes
    made: float


@dataclass(eq=False, slots=True)
class Results:
    lifetime: float
    secret: str = field(default_factory=lambda: token_hex(16), repr=False)
    _files: dict[str, Result] = field(default_factory=dict)
    _expiry: dict[str, float] = field(default_factory=dict)

    def offer(self, base_url: str, directory: str, name: str, content: bytes, now: float) -> str:
        """Keep the bytes at least as long as the url lives. `directory` starts with data/ or forgotten/."""
        self._forget_expired(now)
        path = f"{ROOT}{directory}/{name}/{name}"
        if path not in self._files:
            self._files[path] = Result(content, now)
        expires = int(now + self.lifetime)
        self._expiry[path] = expires + KEPT_AFTER_EXPIRY
        key = directory.partition("/")[2].rpartition("_")[0] or directory.partition("/")[2]
        query = {"md5": self.md5(path, expires), "expires": expires, "shardkey": key, "filename": name}
        return f"{base_url}{quote(path)}?{urlencode(query)}"

    def find(self, path: str, md5: str, expires: str, now: float) -> Result:
        """Raises Forbidden, Expired, Missing."""
        if not expires.isascii() or not expires.isdigit() or self.md5(path, int(expires)) != md5:
            raise Forbidden
        if int(expires) < now:
            raise Expired
        if path not in self._files:
            raise Missing
        return self._files[path]

    def md5(self, path: str, expires: int) -> str:
        digest = hashlib.md5(f"{expires}{path}{self.secret}".encode(), usedforsecurity=False).digest()
        return urlsafe_b64encode(digest).rstrip(b"=").decode()

    def _forget_expired(self, now: float) -> None:
        for path in [path for path, until in self._expiry.items() if until < now]:
            del self._expiry[path], self._files[path]
