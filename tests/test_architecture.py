"""The drawing in the README, enforced: imports point inward and files stay small."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
INWARD = {
    "domain": {"domain"},
    "application": {"application", "domain"},
    "infrastructure": {"infrastructure", "application", "domain"},
    "web": {"web", "application", "domain"},
}
COMPOSITION_ROOT = {
    "web/bootstrap.py",
    "web/cli.py",
    "web/commands/backup.py",
    "web/commands/doctor.py",
    "web/commands/erase.py",
    "web/commands/export.py",
    "web/commands/migrate.py",
    "web/commands/replay.py",
    "web/commands/restore.py",
    "web/commands/settings.py",
    "web/commands/verify.py",
    "web/commands/webhooks.py",
    "web/configured.py",
    "web/examining.py",
    "web/examining_alone.py",
    "web/importing.py",
    "web/roles.py",
    "web/server.py",
    "web/watching.py",
    "web/webhooks.py",
    "web/workers.py",
}
SOURCES = sorted(path for layer in INWARD for path in (ROOT / layer).rglob("*.py"))
STANDIN = sorted((ROOT / "infrastructure" / "standin").rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """The modules that a file imports, in full."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_imports_point_inward(path: Path) -> None:
    allowed = set(INWARD[named(path).partition("/")[0]])
    if named(path) in COMPOSITION_ROOT:
        allowed.add("infrastructure")
    layers = {name.partition(".")[0] for name in imported(path)} & INWARD.keys()
    assert layers <= allowed


@pytest.mark.parametrize("path", sorted((ROOT / "domain").rglob("*.py")), ids=named)
def test_the_domain_knows_only_the_standard_library(path: Path) -> None:
    outside = {name.partition(".")[0] for name in imported(path)} - {"domain"}
    assert outside <= sys.stdlib_module_names
    assert not outside & {"logging", "random", "secrets", "time", "uuid"}


@pytest.mark.parametrize("path", STANDIN, ids=named)
def test_the_stand_in_shares_nothing_with_us(path: Path) -> None:
    ours = {name for name in imported(path) if name.partition(".")[0] in INWARD}
    assert all(name.startswith("infrastructure.standin") for name in ours)


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_files_can_be_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text().splitlines()) < 250
