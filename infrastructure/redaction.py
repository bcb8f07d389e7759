"""The last line of defence of the log: whatever looks like a secret is taken out of a finished line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

GONE = "[redacted]"
SHORTEST = 8  # characters of a secret that is looked for; shorter ones are words of any text
# A hint that is looked for in lower case, and the pattern, which is dear, for a line that has it. Each ends
# before a quote or a backslash, so that a line of JSON stays one.
PATTERNS = (
    ("eyj", re.compile(r"eyJ[\w-]{10,}(?:\.[\w-]*){0,2}"), GONE),  # a JSON Web Token, also one cut off
    (
        "=",
        re.compile(r"(?i)\b((?:md5|[\w-]{0,30}(?:token|secret|signature|password))=)[^\s&#;\"'<>\\]+"),
        rf"\1{GONE}",
    ),
    ("bearer ", re.compile(r"(?i)\b(bearer )[\w.~+/-]{8,}=*"), rf"\1{GONE}"),
    ("basic ", re.compile(r"(?i)\b(basic )[\w.~+/-]{8,}=*"), rf"\1{GONE}"),
)


class Redaction:
    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """`secrets` go wherever they turn up; what looks like a token or a signed url goes in any case."""
        known = {form for secret in secrets if len(secret) >= SHORTEST for form in _forms(secret)}
        longest_first = sorted(map(re.escape, known), key=len, reverse=True)
        self._known = re.compile("|".join(longest_first)) if known else None

    def __call__(self, text: str) -> str:
        if self._known:
            text = self._known.sub(GONE, text)
        plain = text.lower()
        for hint, pattern, instead in PATTERNS:
            if hint in plain:
                text = pattern.sub(instead, text)
        return text


def _forms(secret: str) -> set[str]:
    """As it is, and as it stands in JSON."""
    return {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
