"""Is a backup what it was when it was made? Blocking."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from infrastructure.backup.layout import (
    BLOBS,
    DATABASE,
    SECRETS,
    BackupFailed,
    Destination,
    Manifest,
    listed,
    referenced,
)
from infrastructure.digests import digest
from infrastructure.evidence import CannotCheck
from infrastructure.evidence import verify as verify_log
from infrastructure.signing import public_half

Progress = Callable[[int], object]  # so many bytes more are looked at


def check(destination: Destination, snapshots: Sequence[Path], done: Progress) -> Iterator[str]:
    """What is wrong, as a sentence each. Raises OSError."""
    sizes: dict[str, int] = {}
    for snapshot in snapshots:
        try:
            yield from (f"{snapshot.name}: {wrong}" for wrong in _wrong_with(snapshot))
            sizes |= listed(snapshot)
        except BackupFailed as trouble:
            yield str(trouble)
    for sha256, size in sorted(sizes.items()):
        path = destination.blobs.path(sha256)
        if not path.is_file():
            yield f"{path} is missing."
        elif path.stat().st_size != size or digest(path) != sha256:
            yield f"{path} is damaged: its bytes are not what its name says."
        done(size)


def total(snapshots: Sequence[Path]) -> int:
    """Bytes to look at. Raises BackupFailed."""
    return sum({sha256: size for snapshot in snapshots for sha256, size in listed(snapshot).items()}.values())


def log_findings(database: Path | str, key: Path, manifest: Manifest) -> Iterator[str]:
    """What `docledger verify` finds in a log, which must end where the manifest says."""
    try:
        keys = [public_half(key)] if key.is_file() else []
        anchors = {}
        if manifest.checkpoint and keys:
            position, _, hash_ = manifest.checkpoint.partition(":")
            anchors = {int(position): hash_}
        report = verify_log(database, keys, anchors)
    except (CannotCheck, OSError, ValueError) as trouble:
        yield f"the log cannot be checked: {trouble}."
        return
    yield from (f"the log: {finding}" for finding in report.findings)
    if report.last != manifest.position:
        yield f"the log ends at {report.last}, and the manifest says {manifest.position}."


def _wrong_with(snapshot: Path) -> Iterator[str]:
    manifest = Manifest.read(snapshot)
    expected = {DATABASE: manifest.database, BLOBS: manifest.blobs, **manifest.files}
    for name, sha256 in expected.items():
        path = snapshot / name
        if not path.is_file():
            yield f"{name} is missing."
        elif digest(path) != sha256:
            yield f"{name} was changed since it was made."
    if manifest.missing:
        missing = ", ".join(manifest.missing)
        yield f"{len(manifest.missing)} blobs were missing in the service itself: {missing}."
    try:
        unlisted = referenced(snapshot / DATABASE) - listed(snapshot).keys() - set(manifest.missing)
    except sqlite3.Error as trouble:
        yield f"{DATABASE} cannot be read: {trouble}."
        return
    if unlisted:
        yield f"the log names {len(unlisted)} blobs that {BLOBS} does not."
    yield from log_findings(snapshot / DATABASE, snapshot / SECRETS[1], manifest)
