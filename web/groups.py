"""What went wrong at the bottom of exceptions that went wrong together."""

from __future__ import annotations

from collections.abc import Iterator

from hypercorn.utils import LifespanFailureError


def leaves(group: BaseExceptionGroup[Exception]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from leaves(error)
        else:
            yield error


def beginnings(group: BaseExceptionGroup[Exception]) -> Iterator[BaseException]:
    """The same, but for a start that failed what it failed with, of which Hypercorn has only the text."""
    for error in leaves(group):
        cause = error.__context__ if isinstance(error, LifespanFailureError) else error
        yield from leaves(cause) if isinstance(cause, BaseExceptionGroup) else [cause or error]
