"""The tables of docs/performance.md, out of what `make bench` has told last.

make bench | tee told
tail -1 told | python -m tests.benchmarks.tables
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import ge, le, lt
from pathlib import Path

Told = Mapping[str, float | str]
Target = tuple[str, str, str, float]

POINT = re.compile(r"(?P<case>.+)_c(?P<connections>\d+)")
BEGIN, END = "<!-- the last run -->", "<!-- until here -->"
# What is asked for, by which figure it is judged, and what that has to be.
TARGETS: Sequence[Target] = (
    ("configuration, 16 connections, times the floor", "config_c16", "≥", 0.75),
    ("viewer, 16 connections, times the floor", "viewer_c16", "≥", 0.75),
    ("file of 37 KB, 16 connections, times the floor", "file_37kb_c16", "≥", 0.7),
    ("file of 1 MB, 16 connections, times Starlette's FileResponse", "file_1mb_c16_times_stock", "≥", 4),
    ("file of 100 MB, 16 connections, times Starlette's FileResponse", "file_100mb_c16_times_stock", "≥", 4),
    ("callback status 1, 16 connections, times the floor", "status1_c16", "≥", 0.6),
    ("callback status 1, 64 connections, times the floor", "status1_c64", "≥", 0.6),
    ("callback status 6, 16 connections, times the floor", "status6_c16", "≥", 0.3),
    ("with the floor lowered: configuration", "config_c16", "≥", 1.3),
    ("with the floor lowered: viewer", "viewer_c16", "≥", 1.3),
    ("with the floor lowered: file of 37 KB", "file_37kb_c16", "≥", 1.2),
    ("with the floor lowered: callback status 1", "status1_c16", "≥", 1.0),
    ("with the floor lowered: callback status 1, 64 connections", "status1_c64", "≥", 1.0),
    ("with the floor lowered: callback status 6", "status6_c16", "≥", 0.4),
    ("durable facts a second, 200 writers, SQLite", "facts_by_200_per_s", "≥", 2000),
    ("durable facts a second, 200 writers, PostgreSQL", "facts_by_200_per_s_postgres", "≥", 1800),
    ("open documents: seconds to the first answer after a start", "open_answers_s", "<", 2),
    ("open documents: seconds until all are looked after", "open_all_s", "<", 10),
    ("open documents: KB of memory for each at rest", "open_at_rest_kb_each", "≤", 1),
    (
        "open documents: p99 of a configuration, times that without them",
        "open_config_p99_times_unloaded",
        "<",
        3,
    ),
    ("open documents: seconds between two auto-saves of one, p99", "open_pause_p99_s", "≤", 35),
)
HOLDS = {"≥": ge, "<": lt, "≤": le}


def markdown(told: Told) -> str:
    """All of them, each with its heading."""
    found = {
        "Targets": _targets(told),
        "Times the floor": _times(told, ""),
        "CPU µs for each request": _times(told, "_cpu_us"),
        "Large files": _large(told),
        "Peak memory, MB": _times(told, "_peak_mb"),
        "Times the peer": _times(told, "_times_peer"),
        "Everything else": _others(told),
    }
    return "\n\n".join(f"### {title}\n\n{table}" for title, table in found.items() if table)


def _targets(told: Told) -> str:
    rows = []
    for words, name, sign, target in TARGETS:
        value = told.get(name)
        if isinstance(value, float | int):
            met = "met" if HOLDS[sign](value, target) else "**missed**"
            rows.append([words, f"{sign} {target:g}", _cell(told, name), met])
    return table(["", "target", "here", ""], rows) if rows else ""


def _times(told: Told, ending: str) -> str:
    """One row for each case, one column for each number of connections."""
    points = [*_points(told, ending)]
    numbers = sorted({number for _, number in points})
    cases = [*dict.fromkeys(case for case, _ in points)]
    rows = ([_words(case), *(_cell(told, f"{case}_c{n}{ending}") for n in numbers)] for case in cases)
    return table(["", *map(str, numbers)], rows) if points else ""


def _large(told: Told) -> str:
    points = [*_points(told, "_times_stock")]
    heads = ["", "connections", "MB/s", "Starlette's MB/s", "times", "CPU µs", "Starlette's CPU µs"]
    rows = []
    for case, number in points:
        name = f"{case}_c{number}"
        names = [
            f"{name}_mb_per_s",
            f"stock_{name}_mb_per_s",
            f"{name}_times_stock",
            f"{name}_cpu_us",
            f"stock_{name}_cpu_us",
        ]
        rows.append([_words(case), str(number), *(_cell(told, each) for each in names)])
    return table(heads, rows) if points else ""


def _others(told: Told) -> str:
    rows = ([_words(name), _cell(told, name)] for name in told if not re.search(r"_c\d+(_|$)", name))
    return table(["", ""], rows)


def _points(told: Told, ending: str) -> Iterator[tuple[str, int]]:
    for name in told:
        found = POINT.fullmatch(name.removesuffix(ending)) if name.endswith(ending) else None
        if found and not name.startswith(("failed_", "skipped_")):
            yield found["case"], int(found["connections"])


def _cell(told: Told, name: str) -> str:
    value = told.get(name, "")
    if isinstance(value, str):
        return value
    return f"{value:,.0f}".replace(",", " ") if abs(value) >= 100 else f"{value:.3g}"


def _words(name: str) -> str:
    return name.replace("_", " ")


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    marks = ["---", *["---:"] * (len(heads) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (heads, marks, *rows))


def put(page: Path, tables: str) -> None:
    """Between its two marks. Raises ValueError where they are missing."""
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} has no {BEGIN} and {END}")
    page.write_text(f"{before}{BEGIN}\n\n{tables}\n\n{END}{after}")


if __name__ == "__main__":
    made = markdown(json.loads(sys.stdin.read()))
    if len(sys.argv) > 1:
        put(Path(sys.argv[1]), made)
    else:
        print(made)
