"""Progress bars on the error output, one after the other, for work in stages."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

import click


class Bars:
    @contextmanager
    def stage(self, label: str, length: int) -> Iterator[Callable[[int], object]]:
        lock = Lock()  # several may be at work
        with click.progressbar(length=max(length, 1), label=label, file=sys.stderr) as bar:

            def done(count: int) -> None:
                with lock:
                    bar.update(count)

            yield done
            bar.update(max(length, 1) - bar.pos)
