"""Bytes on their way out of an object store, which can neither lay them aside nor delete on a condition.

Equal bytes may be kept again in the very moment of their deletion, and whoever deletes may fall asleep before
the last step. So whoever deletes leaves a note first, then looks at what there is, and deletes nothing that
is young or that it has not seen. Whoever keeps them writes first and looks for notes then: if there are any,
they write once more, under a name that nobody has seen; if there are none, they look whether their bytes are
still there, since a deletion may just have ended. Whoever comes to delete later sees that these are young.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from application.ports import StorageFailed
from infrastructure.object_store.objects import Objects
from infrastructure.object_store.places import again, deletions, main, suspects, wanted

FORGOTTEN = timedelta(weeks=1)  # nobody sleeps so long between two steps


@dataclass(frozen=True, slots=True)
class Deletion:
    """Begun, so to be carried out or given up. Everything raises StorageFailed."""

    objects: Objects
    note: str
    doomed: Sequence[str]

    @classmethod
    def begun(cls, objects: Objects, sha256: str, idle: float) -> Self | None:
        """None for what is not there, is suspected, or was kept (again) within the last `idle` seconds."""
        note = f"{deletions(sha256)}/{secrets.token_hex(8)}"
        objects.put(note, b"")
        notes = [*objects.under(deletions(sha256))]
        now = next((each.changed for each in notes if each.name == note), None)  # by the store's own clock
        if now is None:
            raise StorageFailed("the object store does not list what it has just taken")
        bytes_ = [*filter(None, [objects.find(main(sha256))]), *objects.under(again(sha256))]
        there = [*bytes_, *filter(None, [objects.find(wanted(sha256))])]
        deletion = cls(objects, note, [found.name for found in there])
        old = all(now - found.changed >= timedelta(seconds=idle) for found in there)
        if bytes_ and old and not any(objects.under(suspects(sha256))):
            objects.delete([each.name for each in notes if now - each.changed > FORGOTTEN])
            return deletion
        deletion.give_up()
        return None

    def carry_out(self) -> None:
        """When this fails the note stays: our word may still be on its way to the store."""
        self.objects.delete(self.doomed)
        self.give_up()

    def give_up(self) -> None:
        self.objects.delete([self.note])
