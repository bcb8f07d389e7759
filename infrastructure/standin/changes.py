"""Who changed what when, and how a session ends: plain values that go to the store and come back."""

from __future__ import annotations

from typing import NamedTuple


class Author(NamedTuple):
    """A user with the addresses of one session: what remains of it when the page is gone."""

    user_id: str
    user_name: str
    callback_url: str | None
    base_url: str


class Run(NamedTuple):
    """Consecutive changes by one user: an entry of the history."""

    user_id: str
    user_name: str
    started: float


class Change(NamedTuple):
    revision: int
    author: Author
    at: float


class Final(NamedTuple):
    """The callback at the end of a session, from its assembly to its last answer."""

    status: int  # 2, or 3 when the assembly failed
    leaver: Author
    directory: str | None  # where the result is, if there is one
