"""The urls of what things are kept in: databases, blob stores, counters."""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import SplitResult, urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

MEMORY = "memory://"
IN_QUERY = re.compile(r"([?&](?:ssl)?password=)([^&#]+)")
OBJECT_STORES = {"s3", "gs", "az"}


def database_url(url: str) -> str:
    if is_postgres(url):
        try:
            told = conninfo_to_dict(url)
        except psycopg.Error:
            told = {}
        if not told.get("host") or not told.get("dbname"):
            raise ValueError("must look like postgresql://user:password@host:5432/database")
        return url
    if not url.startswith("sqlite:///") or url.removeprefix("sqlite:///") in {"", ":memory:"}:
        raise ValueError("must look like sqlite:///path/to/docledger.db or postgresql://user@host/database")
    return url


def is_postgres(url: str) -> bool:
    return url.startswith(("postgres:", "postgresql:"))


def blob_url(url: str) -> str:
    """Credentials of an object store are never in its url: they come from the environment, as its own tools
    read them.
    """
    if url.startswith("file:"):
        if not url.startswith("file:///"):
            raise ValueError("must look like file:///path/to/blobs")
        return url
    name = _named(url, OBJECT_STORES)
    if not name.hostname or "@" in name.netloc:
        raise ValueError("must look like s3://bucket/prefix (or gs://, az://); credentials go elsewhere")
    return url.rstrip("/")


def _named(url: str, schemes: Collection[str]) -> SplitResult:
    try:
        name = urlsplit(url)
        _ = name.port
    except ValueError:
        raise ValueError("is not a url") from None
    if name.scheme not in schemes:
        raise ValueError(f"must begin with {' or '.join(f'{scheme}://' for scheme in sorted(schemes))}")
    return name


def counting_url(url: str) -> str:
    if url == MEMORY:
        return url
    if not _named(url, {"redis", "rediss", "memory"}).hostname:
        raise ValueError("must be memory:// or look like redis://host:6379/0")
    return url


def password_in(url: str) -> str | None:
    """As it is written there: before the host, or behind the path as PostgreSQL takes it too."""
    behind = IN_QUERY.search(url)
    return urlsplit(url).password or (behind[2] if behind else None)


def without_password(url: str) -> str:
    """To be shown."""
    password = urlsplit(url).password
    shown = url.replace(f":{password}@", ":…@", 1) if password else url
    return IN_QUERY.sub(r"\1…", shown)
