"""The garbage collector of a process that serves: it stops everything, so it has to be seldom and short."""

from __future__ import annotations

import gc

YOUNG = 20_000  # objects more than there were: a look at those takes a millisecond or two
OLDER = 20  # looks at the young, until those that are left are looked at again; and again, for all there are


def tune_collector() -> None:
    """Once all is imported.

    What is imported stays, and a full collection took 50 ms for that alone. Usually the young are 700: what a
    request or an errand needs for a moment is then taken for old, and brings the next full collection nearer.
    """
    gc.freeze()
    gc.set_threshold(YOUNG, OLDER, OLDER)
