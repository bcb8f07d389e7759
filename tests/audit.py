"""`make audit`: what is known against the releases that we pin.

pip-audit ends alike whether it has found something or has reached nobody. The one fails us,
the other is said.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

PINNED = Path(__file__).parent.parent / "constraints.txt"
SECONDS = 300
UNREACHED = ("ConnectionError", "ServiceError", "HTTPError", "Timeout", "timed out", "Max retries", "resolve")


class Verdict(NamedTuple):
    words: str
    failed: bool


def audited(pinned: Path = PINNED) -> Verdict:
    name = Path(sys.executable).with_name("pip-audit")
    command = [name, "--requirement", pinned, "--no-deps", "--disable-pip", "--format", "json"]
    try:
        run = subprocess.run(
            [*command, "--progress-spinner", "off"],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Verdict(
            f"Not audited: no answer of the vulnerability database within {SECONDS} s.", failed=False
        )
    return judged(run.stdout, run.stderr)


def judged(said: str, complained: str) -> Verdict:
    """By its JSON, which there is only when it has come to an end."""
    try:
        dependencies: Sequence[dict[str, Any]] = json.loads(said)["dependencies"]
    except (ValueError, KeyError, TypeError):
        why = complained.strip().splitlines()[-1:] or ["it said nothing"]
        unreached = any(sign in complained for sign in UNREACHED)
        place = "the vulnerability database was not reached" if unreached else "pip-audit did not work"
        return Verdict(f"Not audited: {place}: {why[0]}", failed=not unreached)
    found = [
        f"{each['name']} {each['version']}: {flaw['id']}, mended in {' or '.join(flaw['fix_versions'])}"
        for each in dependencies
        for flaw in each.get("vulns", ())
    ]
    unknown = [each["name"] for each in dependencies if "skip_reason" in each]
    words = [
        *found,
        f"{len(dependencies) - len(unknown)} of {len(dependencies)} releases audited, {len(found)} findings.",
    ]
    if unknown:
        which = ", ".join(unknown) if len(unknown) < len(dependencies) else "all of them"
        words.append(f"Not audited, since the database did not know them: {which}.")
    return Verdict("\n".join(words), failed=bool(found))


if __name__ == "__main__":
    verdict = audited()
    print(verdict.words)
    sys.exit(verdict.failed)
