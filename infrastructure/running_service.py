"""The service that runs on this machine, as the command line speaks to it."""

from __future__ import annotations

import httpx

from application.draining import Drained
from infrastructure.kept import own_secret
from infrastructure.settings import Settings
from infrastructure.settings_values import reachable_url
from infrastructure.tokens import JwtTokens

MARGIN = 10.0  # seconds beyond the time that the service may take


class NotReached(Exception):
    """The running service did not do it; the text says why and what to do."""


def ask_to_drain(settings: Settings, seconds: int, *, close: bool) -> Drained:
    """Raises NotReached."""
    url = f"{reachable_url(settings.host, settings.port)}/api/drain"
    token = JwtTokens(own_secret(settings), None, None).operator_token()
    query: dict[str, str | int] = {"seconds": seconds, **({"close": "true"} if close else {})}
    try:
        with httpx.Client(trust_env=False, timeout=seconds + MARGIN) as client:
            response = client.post(url, params=query, headers={"Authorization": f"Bearer {token}"})
    except httpx.HTTPError as trouble:
        raise NotReached(
            f"No Docledger answers at {url}: {trouble}. Does it run with these settings?"
        ) from None
    if response.status_code != 200:
        raise NotReached(f"{url} answered HTTP {response.status_code}: {response.text[:200]}")
    result = response.json()
    return Drained(int(result["saved"]), tuple(result["left"]))
