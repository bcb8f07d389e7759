"""The service that runs on this machine, as the command line speaks to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from application.draining import Drained
from infrastructure.kept import own_secret
from infrastructure.settings import Settings
from infrastructure.settings_values import reachable_url
from infrastructure.tokens import JwtTokens

MARGIN = 10.0  # seconds beyond the time that the service may take
EXAMINATION = 30.0  # seconds


class NotReached(Exception):
    """The running service did not do it; the text says why and what to do."""


class NotRunning(NotReached):
    """Nobody listens there."""


def ask_to_drain(settings: Settings, seconds: int, *, close: bool) -> Drained:
    """Raises NotReached."""
    query: dict[str, str | int] = {"seconds": seconds, **({"close": "true"} if close else {})}
    result = _asked(settings, "/api/drain", query, seconds)
    return Drained(int(result["saved"]), tuple(result["left"]))


def ask_to_examine(settings: Settings, fingerprint: str) -> Any:
    """The checks, as JSON has them. Raises NotReached."""
    return _asked(settings, "/api/doctor", {"settings": fingerprint}, EXAMINATION)["checks"]


def _asked(settings: Settings, path: str, query: Mapping[str, str | int], seconds: float) -> Any:
    """Raises NotReached."""
    url = f"{reachable_url(settings.host, settings.port)}{path}"
    token = JwtTokens(own_secret(settings), None, None).operator_token()
    try:
        with httpx.Client(trust_env=False, timeout=seconds + MARGIN) as client:
            response = client.post(url, params=query, headers={"Authorization": f"Bearer {token}"})
    except httpx.HTTPError as trouble:
        kind = NotRunning if isinstance(trouble, httpx.ConnectError) else NotReached
        raise kind(f"No Docledger answers at {url}: {trouble}. Does it run with these settings?") from None
    if response.status_code != 200:
        raise NotReached(f"{url} answered HTTP {response.status_code}: {response.text[:200]}")
    try:
        return response.json()
    except ValueError:
        raise NotReached(f"{url} answered something else than JSON: is this Docledger?") from None
