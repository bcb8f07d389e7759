"""Versions of the Document Server that are known to be vulnerable: a small table, dated, with its sources.

The vendor's change log, https://github.com/ONLYOFFICE/DocumentServer/blob/master/CHANGELOG.md (each
release's part "Security", up to 9.4.0), and the CVE records by their numbers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from application.doctor.checks import Check, fail, ok, warn

AS_OF = "November 2026"  # when the table was last brought up to date
NAME = "version"

Version = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Vulnerability:
    mended_in: Version
    what: str
    records: str = ""
    grave: bool = False  # code or files of the server are within an attacker's reach


KNOWN = (
    Vulnerability(
        (10, 0, 0),
        "requests to private addresses through it when JWT is off, and viewers who export what they may not",
        "CVE-2026-110652, CVE-2026-113631, CVE-2026-113630",
    ),
    Vulnerability((9, 4, 0), "macros that leave their sandbox, memory read by crafted XLS files"),
    Vulnerability((9, 3, 0), "scripts run by macros", "CVE-2021-43446, CVE-2023-50883, CVE-2024-44085"),
    Vulnerability((9, 2, 1), "code run by crafted XLS files", grave=True),
    Vulnerability((9, 1, 0), "files written and read, and its settings changed, from outside", grave=True),
    Vulnerability((8, 3, 2), "scripts through WOPI pages", "CVE-2025-5301"),
    Vulnerability((8, 2, 0), "changes to documents without the right to make them", grave=True),
    Vulnerability((8, 0, 1), "commands run by crafted DOC files", grave=True),
    Vulnerability((7, 5, 0), "its JWT secret read by crafted XLSB files", grave=True),
    Vulnerability((7, 3, 3), "memory exhausted by scripts", "CVE-2023-30186, CVE-2023-30188"),
    Vulnerability((7, 2, 0), "no JWT by default", "CVE-2021-43444 to CVE-2021-43449", grave=True),
    Vulnerability((6, 0, 1), "code run by crafted images", "CVE-2021-25832, CVE-2022-29777", grave=True),
    Vulnerability((5, 6, 4), "code run by crafted files", "CVE-2021-25829 to CVE-2021-25831", grave=True),
    Vulnerability((5, 6, 3), "files written from outside", "CVE-2021-3199, CVE-2021-25833", grave=True),
)  # the newest first


def judge_version(said: str, *, standin: bool = False) -> Check:
    if standin:
        return ok(NAME, f"The built-in stand-in, which speaks as {said} does.")
    match = re.match(r"(\d+)\.(\d+)\.(\d+)", said)
    if match is None:
        return warn(
            NAME,
            f"The Document Server says that its version is {said[:40]!r}.",
            "Look at its welcome page which release it is.",
        )
    version = (int(match[1]), int(match[2]), int(match[3]))
    found = [each for each in KNOWN if version < each.mended_in]
    if not found:
        return ok(NAME, f"{said}; no vulnerabilities of it are known (as of {AS_OF}).")
    return _vulnerable(said, found)


def _vulnerable(said: str, found: list[Vulnerability]) -> Check:
    worst = next((each for each in found if each.grave), found[0])
    records = f" ({worst.records})" if worst.records else ""
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    judged = fail if worst.grave else warn
    return judged(
        NAME,
        f"{said} has known vulnerabilities: {worst.what}{records}{more} (as of {AS_OF}).",
        f"Update the Document Server to {'.'.join(map(str, found[0].mended_in))} or newer.",
    )
