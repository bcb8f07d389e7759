"""What figures are worth: the machine, what else it did, and how many figures become few."""

from __future__ import annotations

import os
import platform
import re
import sysconfig
import time
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

import click

TICKS = os.sysconf("SC_CLK_TCK")  # in which the kernel counts CPU, in a second


def fsync_seconds(folder: Path) -> float:
    """What making a small file durable takes here: it bounds every callback."""
    took = []
    with (folder / "probe").open("wb") as file:
        for _ in range(20):
            file.write(b"x" * 4096)
            file.flush()
            begun = time.perf_counter()
            os.fsync(file.fileno())
            took.append(time.perf_counter() - begun)
    return median(took)


def described(folder: Path) -> dict[str, Any]:
    """To be said beside all figures; the load counts ourselves as well."""
    return {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load": [round(load, 1) for load in os.getloadavg()],
        "fsync_ms": round(1000 * fsync_seconds(folder), 2),
    }


def flat(folder: Path) -> dict[str, float | str]:
    """The same, by names that tell what it is about, with how Python was built: it is worth a third."""
    told = described(folder)
    optimized = "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "")
    return {
        "machine_python": f"{told['python']}, built with{'' if optimized else 'out'} PGO",
        "machine_cores": told["cores"],
        "machine_load": told["load"][0],
        "machine_fsync_ms": told["fsync_ms"],
    }


def said(machine: Mapping[str, Any]) -> str:
    return "Python {python}, {cores} cores, load average {load}, fsync {fsync_ms} ms".format(**machine)


def cpu(pid: int) -> float:
    """Seconds of CPU that a process has used, of all its threads; NaN where the kernel does not tell.

    The clock is the one that clock_getcpuclockid(3) names on Linux: /proc counts in hundredths only.
    """
    try:
        return time.clock_gettime(~pid << 3 | 2)
    except OSError:
        return float("nan")


def cpu_of_all(pid: int) -> float:
    """The same with all its children, also those that are gone; PostgreSQL is many."""
    total = sum(_counted(pid))
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with suppress(FileNotFoundError):  # it has just gone, and counts with its parent
            total += sum(_counted(int(child))[:2])
    return total


def _counted(pid: int) -> list[float]:
    """User and system time, and then those of children that are gone."""
    stat = Path(f"/proc/{pid}/stat").read_text()
    return [int(ticks) / TICKS for ticks in stat.rpartition(")")[2].split()[11:15]]


def memory(pid: int) -> int:
    """kB resident."""
    return _told(pid, "VmRSS")


def peak(pid: int) -> int:
    """kB resident at most, since `forget_peak`; 0 where there is no /proc."""
    try:
        return _told(pid, "VmHWM")
    except FileNotFoundError:
        return 0


def forget_peak(pid: int) -> None:
    with suppress(OSError):  # no /proc, or not ours: then it is the peak since the start
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def _told(pid: int, name: str) -> int:
    return int(re.findall(rf"{name}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[0])


def spread(values: Iterable[float], times: float = 1.0, digits: int = 3) -> dict[str, float]:
    """The usual, the nearly worst and the worst; nothing of nothing."""
    ordered = sorted(values)
    if not ordered:
        return {}
    places = {"p50": 0.5, "p99": 0.99, "worst": 1.0}
    return {name: round(times * at(ordered, place), digits) for name, place in places.items()}


def at(ordered: Collection[float], place: float) -> float:
    """The value below which that part of them lies, or which is in that place."""
    return [*ordered][min(len(ordered) - 1, int(place * len(ordered)))]


def rows(columns: Iterable[str], lines: Iterable[Iterable[Any]]) -> None:
    """A table on the terminal; the first column is words."""
    table = [[*columns], *([*map(_cell, line)] for line in lines)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for line in table:
        first, *others = (cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        click.echo("   ".join([line[0].ljust(len(first)), *others]))


def _cell(value: Any) -> str:
    return f"{value:,.10g}".replace(",", " ") if isinstance(value, int | float) else str(value)
