"""What a Document Server 9.3 really called back, one recording per file of tests/files/recorded.

Keys are KEY, users u1 and u2, urls only their path; hosts, signatures and tokens are made anew here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "files" / "recorded"
URLS = ("url", "changesurl")


def recording(name: str) -> list[dict[str, Any]]:
    """The callbacks' claims, in the order of their sending."""
    return list(json.loads((FOLDER / f"{name}.json").read_text()))


def ours(claims: Mapping[str, Any], key: str, users: Mapping[str, str], host: str) -> dict[str, Any]:
    """The same callback about a key, users and a server of ours."""
    told = _renamed(claims, {"KEY": key, **users})
    for name in URLS:
        if name in told:
            told[name] = f"{host}{told[name]}?md5=new&expires=99999999999&shardkey={key}"
    return dict(told)


def paths(claims: list[dict[str, Any]]) -> Iterator[str]:
    """Each result that a recording offers, once."""
    yield from dict.fromkeys(letter["url"] for letter in claims if "url" in letter)


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _renamed(inner, names) for name, inner in value.items()}
    if isinstance(value, list):
        return [_renamed(inner, names) for inner in value]
    if isinstance(value, str):
        return names.get(value, value.replace("KEY", names["KEY"]))
    return value
