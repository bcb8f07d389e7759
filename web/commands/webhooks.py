"""`docledger webhooks`: how far each receiver has come, and whether it answers."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import click
import trio

from application.announcing import PING, Message, body_of
from application.journal import JournalFailed
from application.plain import to_plain
from application.webhooks import Place, Undelivered
from infrastructure.journal.places import known
from infrastructure.settings import Settings, read_settings
from web.bootstrap import now
from web.webhooks import post_of


@click.command()
@click.option("--ping", is_flag=True, help="Send each of WEBHOOK_URLS a signed test event.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def webhooks(*, ping: bool, as_json: bool) -> None:
    """Show how far each receiver of WEBHOOK_URLS has come in the log, and why it comes no further.

    Works beside the running service. Exits with 1 if a receiver does not take what it is told.
    """
    try:
        settings = read_settings()
        rows = _pinged(settings) if ping else _listed(settings)
    except JournalFailed as trouble:
        raise click.ClickException(str(trouble)) from trouble
    click.echo(json.dumps({"webhooks": rows}) if as_json else "\n".join(_lines(rows)))
    sys.exit(1 if any(row["trouble"] for row in rows) else 0)


def _listed(settings: Settings) -> list[dict[str, Any]]:
    places, end = known(settings.database)
    urls = dict.fromkeys([*settings.webhook_urls, *places])
    return [{"url": url, **_row(places.get(url), end, url in settings.webhook_urls)} for url in urls]


def _row(place: Place | None, end: int, is_set: bool) -> dict[str, Any]:
    if place is None:
        return {"position": None, "behind": None, "trouble": "", "note": "begins with the next start"}
    return {
        "position": place.position,
        "behind": max(end - place.position, 0),
        "failing_since": to_plain(place.failing_since),
        "attempts": place.attempts,
        "trouble": place.trouble,
        "note": "" if is_set else "forgotten with the next start: it is not in WEBHOOK_URLS",
    }


def _pinged(settings: Settings) -> list[dict[str, Any]]:
    if not settings.webhook_urls:
        raise click.ClickException("WEBHOOK_URLS is empty: there is nobody to ping.")
    return trio.run(_ping_all, settings)


async def _ping_all(settings: Settings) -> list[dict[str, Any]]:
    message = Message(f"ping_{secrets.token_hex(8)}", body_of(PING, now().isoformat(), {}))
    rows = []
    async with post_of(settings, now) as post:
        for url in settings.webhook_urls:
            try:
                await post(url, message)
                rows.append({"url": url, "trouble": "", "note": "took the test event"})
            except Undelivered as refusal:
                rows.append({"url": url, "trouble": str(refusal), "note": ""})
    return rows


def _lines(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    if not rows:
        yield "Nobody is told of anything: WEBHOOK_URLS is empty."
    for row in rows:
        said = [row["note"]] if row["note"] else []
        if row.get("position") is not None:
            said.append(f"at position {row['position']}, {row['behind']} events behind the log")
        if row["trouble"]:
            tried = (
                f", tried {row['attempts']} times since {row['failing_since']}" if row.get("attempts") else ""
            )
            said.append(f"failing: {row['trouble']}{tried}")
        yield f"{row['url']}: {'; '.join(said)}"
