"""Assembled files and their signed urls: md5 and expiry in the query, as nginx's secure_link has it."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from secrets import randbelow, token_hex
from urllib.parse import quote, urlencode

from .store import Store

ROOT = "/cache/files/"


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


class Results:
    """Files under data/ and forgotten/, each kept for a while after its youngest url has expired."""

    def __init__(self, lifetime: float, kept: float, store: Store, now: float) -> None:
        self.lifetime, self.kept = lifetime, kept
        self.number: Callable[[int], int] = randbelow
        self._files = store.shelf("results")
        self.secret = _secret(store)
        self._until = dict.fromkeys(self._files, now + lifetime + kept)  # the first to go first

    def directory(self, key: str) -> str:
        """A new one for an assembly: integrators know an offer by its path, longer than we keep it.

        The server has four digits here, and a database that says which of them are taken.
        """
        return f"data/{key}_{self.number(10**12)}"

    def keep(self, directory: str, name: str, content: bytes, now: float) -> None:
        self._forget_old(now)
        path = path_of(directory, name)
        self._files.put(path, {"made": now}, content)
        self._prolong(path, now)

    def link(self, base_url: str, directory: str, name: str, now: float, filename: str = "") -> str | None:
        """A url signed now, if there is such a file. `directory` starts with data/ or forgotten/."""
        if not self.holds(directory, name):
            return None
        path = path_of(directory, name)
        self._prolong(path, now)
        expires = int(now + self.lifetime)
        query = {
            "md5": self.md5(path, expires),
            "expires": expires,
            "shardkey": key_of(path),
            "filename": filename or name,
        }
        return f"{base_url}{quote(path)}?{urlencode(query)}"

    def holds(self, directory: str, name: str) -> bool:
        return path_of(directory, name) in self._until

    def find(self, path: str, md5: str, expires: str, now: float) -> Result:
        """Raises Forbidden, Expired, Missing."""
        if not expires.isascii() or not expires.isdigit() or self.md5(path, int(expires)) != md5:
            raise Forbidden
        if int(expires) < now:
            raise Expired
        return self.read(path)

    def read(self, path: str) -> Result:
        """Raises Missing."""
        entry = self._files.get(path)
        if entry is None:
            raise Missing
        return Result(entry.content, entry.facts["made"])

    def md5(self, path: str, expires: int) -> str:
        digest = hashlib.md5(f"{expires}{path}{self.secret}".encode(), usedforsecurity=False).digest()
        return urlsafe_b64encode(digest).rstrip(b"=").decode()

    def _prolong(self, path: str, now: float) -> None:
        self._until.pop(path, None)
        self._until[path] = now + self.lifetime + self.kept

    def _forget_old(self, now: float) -> None:
        while self._until and self._until[path := next(iter(self._until))] < now:
            del self._until[path]
            self._files.drop(path)


def path_of(directory: str, name: str) -> str:
    return f"{ROOT}{directory}/{name}/{name}"


def key_of(path: str) -> str:
    """The document's key in a result's path."""
    kind, _, rest = path.removeprefix(ROOT).partition("/")
    directory = rest.partition("/")[0]
    return directory.rpartition("_")[0] if kind == "data" else directory


def _secret(store: Store) -> str:
    """Signs the urls; one from before a crash must still be good after it."""
    settings = store.shelf("settings")
    known = settings.get("url secret")
    if known:
        return str(known.facts["secret"])
    secret = token_hex(16)
    settings.put("url secret", {"secret": secret})
    return secret
