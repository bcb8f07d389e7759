"""What went wrong at the bottom of exceptions that went wrong together."""

from __future__ import annotations

from collections.abc import Iterator


def leaves(group: BaseExceptionGroup[Exception]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from leaves(error)
        else:
            yield error
