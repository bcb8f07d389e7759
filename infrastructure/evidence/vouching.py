"""Checkpoints, checked: which of them can be trusted, and what they say stands where."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import pairwise
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from infrastructure.evidence.findings import Finding, Kind
from infrastructure.journal.checkpoints import Checkpoint, Place, parsed, unpacked
from infrastructure.signing import is_signed

Stored = tuple[int, Any, Any]  # position, body, signature


class Vouchers:
    """Reads them one by one, in the order of their positions, as their places are asked for."""

    def __init__(
        self,
        stored: Iterable[Stored],
        keys: Sequence[Ed25519PublicKey],
        anchors: Mapping[int, str],
        report: Callable[[Finding], None],
    ) -> None:
        self._stored = stored
        self._keys = keys
        self._anchors = dict(anchors)  # positions and hashes that were kept elsewhere
        self._report = report
        self._covered: list[tuple[int, int]] = []  # (beyond this, up to that)
        self.trusted = 0

    @property
    def last(self) -> int:
        return self._covered[-1][1] if self._covered else 0

    def cover(self, position: int) -> bool:
        """Only of positions up to those of the places read so far."""
        return any(after < position <= to for after, to in self._covered)

    def places(self) -> Iterator[Place]:
        end, previous = 0, None  # the hash of the one before; None when that one cannot be trusted
        for position, body, signature in self._stored:
            try:
                text = unpacked(body)
                checkpoint = self._read(position, text, signature)
            except ValueError as trouble:
                self._found(position, str(trouble))
                end, previous = position, None
                continue
            if checkpoint.after != end:
                self._found(checkpoint.after, f"those between {end} and {checkpoint.after} are missing")
            elif previous is not None and checkpoint.previous != previous:
                self._found(position, "it was signed when another one stood before it")
            end, previous = checkpoint.to, sha256(text).hexdigest()
            self._compare(position, previous)
            self._cover(checkpoint)
            yield from checkpoint.places
        for position in self._anchors:
            self._found(position, "the one that was kept elsewhere is missing")

    def _read(self, position: int, text: bytes, signature: Any) -> Checkpoint:
        """Raises ValueError."""
        if not is_signed(text, signature, self._keys):
            raise ValueError("it was changed, or signed with another key")
        try:
            checkpoint = parsed(text)
        except (KeyError, TypeError, ValueError, RecursionError) as trouble:
            raise ValueError(f"it cannot be read: {trouble!r}") from trouble
        steps = [checkpoint.after, *(place.position for place in checkpoint.places)]
        if checkpoint.to != position or any(here >= there for here, there in pairwise(steps)):
            raise ValueError("it stands where another one stood")
        return checkpoint

    def _compare(self, position: int, hash_: str) -> None:
        if self._anchors.pop(position, hash_) != hash_:
            self._found(position, "it is another one than was kept elsewhere")

    def _cover(self, checkpoint: Checkpoint) -> None:
        self.trusted += 1
        if self._covered and self._covered[-1][1] == checkpoint.after:
            self._covered[-1] = (self._covered[-1][0], checkpoint.to)
        else:
            self._covered.append((checkpoint.after, checkpoint.to))

    def _found(self, position: int, detail: str) -> None:
        self._report(Finding(Kind.CHECKPOINT, detail, position=position))
