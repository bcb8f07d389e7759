"""Finds a libmagic: the system's own where there is one, else the copy in the pylibmagic wheel."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module


@dataclass(frozen=True, slots=True)
class Libmagic:
    mime_of: Callable[[str], str]  # of the file at a path; one call at a time, under python-magic's lock
    version: str
    bundled: bool  # the wheel's, because the system has none


@cache
def load_magic() -> Libmagic:
    """Load libmagic, once per process: python-magic binds whichever library it finds when imported."""
    try:
        return _describe(bundled=False)
    except ImportError:
        return _bundled()


def libmagic_version() -> str:
    """Which libmagic is in use, for logs and the health page: "5.44 (system)"."""
    found = load_magic()
    return f"{found.version} ({'bundled' if found.bundled else 'system'})"


def _bundled() -> Libmagic:
    # pylibmagic leaves its paths in the environment, which our child processes would inherit.
    before = dict(os.environ)
    try:
        database = import_module("pylibmagic").data.joinpath("magic.mgc")
        return _describe(bundled=True, database=str(database))
    finally:
        for name in [name for name, value in os.environ.items() if before.get(name) != value]:
            if name in before:
                os.environ[name] = before[name]
            else:
                del os.environ[name]


def _describe(*, bundled: bool, database: str | None = None) -> Libmagic:
    magic = import_module("magic")
    detector = magic.Magic(mime=True, magic_file=database)

    def mime_of(path: str) -> str:
        try:
            return str(detector.from_file(path))
        except magic.MagicException:  # libmagic gives up on some damaged files
            return "application/octet-stream"

    major, minor = divmod(magic.version(), 100)
    return Libmagic(mime_of, f"{major}.{minor:02}", bundled)
