"""Webhooks put together as the settings say."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from random import random

from application.announcing import Message
from application.webhooks import Means, Webhooks
from infrastructure.journal import LedgerJournal
from infrastructure.journal.places import LedgerPlaces
from infrastructure.settings import Settings
from infrastructure.webhooks import WebhookPost


def post_of(settings: Settings, now: Callable[[], datetime]) -> WebhookPost:
    assert settings.webhook_secret is not None, "needed with WEBHOOK_URLS"
    return WebhookPost(settings.webhook_secret.get_secret_value(), settings.ca_bundle, now)


@asynccontextmanager
async def webhooks_of(
    settings: Settings, journal: LedgerJournal, now: Callable[[], datetime]
) -> AsyncIterator[Webhooks]:
    places, urls = LedgerPlaces(journal), settings.webhook_urls
    if not urls:  # those of before are forgotten all the same
        yield Webhooks(Means(journal, places, _nobody, now, random), ())
        return
    async with post_of(settings, now) as post:
        yield Webhooks(Means(journal, places, post, now, random), urls)


async def _nobody(url: str, message: Message) -> None:
    raise AssertionError("there is nobody to tell")
