"""Room for the next backup: old snapshots go, and with them the bytes that only they had. Blocking."""

from __future__ import annotations

import logging
import shutil

from infrastructure.backup.layout import BackupFailed, Destination, listed

logger = logging.getLogger(__name__)


def prune(destination: Destination, keep: int) -> None:
    """All but the last snapshots, and the bytes that only they had. Raises OSError."""
    snapshots = destination.all()
    for snapshot in snapshots[:-keep]:
        aside = destination.tmp / snapshot.name
        snapshot.rename(aside)
        destination.folders.sync(destination.snapshots)
        shutil.rmtree(aside)
    try:
        wanted = {sha256 for snapshot in destination.all() for sha256 in listed(snapshot)}
    except BackupFailed as trouble:  # nothing is deleted that might be wanted
        logger.warning("bytes of earlier backups stay: %s", trouble)
        return
    for path in destination.blobs.root.glob("[0-9a-f][0-9a-f]/*"):
        if path.name not in wanted:
            path.unlink()
