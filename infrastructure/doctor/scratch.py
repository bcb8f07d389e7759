"""Bytes kept in memory for a moment: a conversion's result is looked at and forgotten."""

from __future__ import annotations

from collections.abc import AsyncIterable
from hashlib import sha256

from application.ports import Blob, TooLarge


class Scratch:
    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    async def keep(self, chunks: AsyncIterable[bytes], *, limit: int) -> Blob:
        """Raises TooLarge."""
        content = b""
        async for chunk in chunks:
            content += chunk
            if len(content) > limit:
                raise TooLarge(f"more than {limit} bytes")
        name = sha256(content).hexdigest()
        self._kept[name] = content
        return Blob(name, len(content))

    def take(self, blob: Blob) -> bytes:
        return self._kept.pop(blob.sha256)
