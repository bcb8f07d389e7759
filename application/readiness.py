"""Whether people and the Document Server should be sent here now: each check says what is wrong, if anything.

That the Document Server does not answer is no reason: its saves must be taken all the same.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import trio

from application.journal import JournalFailed
from application.ports import StorageFailed

logger = logging.getLogger(__name__)

DEADLINE = 2.0  # seconds, for all checks together
FINE = "ok"
FAILS = "it fails"
SILENT = f"no answer within {DEADLINE:g} s"

Check = Callable[[], Awaitable[str]]  # FINE, or in a few words and without secrets what is wrong


@dataclass(slots=True)
class Asked:
    said: str = SILENT
    over: trio.Event = field(default_factory=trio.Event)


class Readiness:
    """One that hangs, in a thread that nothing can cancel, is not asked again beside itself."""

    def __init__(self, nursery: trio.Nursery, checks: Mapping[str, Check]) -> None:
        self._nursery = nursery
        self._checks = checks
        self._asked: dict[str, Asked] = {}

    async def judged(self) -> Mapping[str, str]:
        """What each check says, within the deadline."""
        asked = {name: self._ask(name) for name in self._checks}
        with trio.move_on_after(DEADLINE):
            for each in asked.values():
                await each.over.wait()
        return {name: each.said for name, each in asked.items()}

    def _ask(self, name: str) -> Asked:
        if name not in self._asked:
            self._asked[name] = Asked()
            self._nursery.start_soon(self._run, name)
        return self._asked[name]

    async def _run(self, name: str) -> None:
        asked = self._asked[name]
        try:
            asked.said = await self._checks[name]()
        except (JournalFailed, StorageFailed, OSError) as trouble:
            logger.debug("the check %s fails: %s", name, trouble)
            asked.said = FAILS
        except Exception:  # whoever only looks must not take all documents along
            logger.exception("the check %s crashed", name)
            asked.said = FAILS
        finally:
            del self._asked[name]
            asked.over.set()
