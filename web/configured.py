"""What the settings say, in the terms of the parts that go by them."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from application.world import Patience
from infrastructure.document_server import Endpoint
from infrastructure.kept import own_secret
from infrastructure.settings import Settings
from infrastructure.tokens import JwtTokens
from web.context import Site
from web.guard import host_of

INFO_MARGIN = 30.0  # seconds beyond the budget of the callback that `info` waits for


@dataclass(frozen=True, slots=True)
class Connection:
    """The Document Server: how browsers reach it, how we do, and the secret we share."""

    url: str
    internal_url: str
    secret: str | None
    standin: bool = False


def connection_of(settings: Settings) -> Connection:
    assert settings.document_server_url is not None
    return Connection(
        settings.document_server_url,
        settings.document_server_internal_url or settings.document_server_url,
        settings.secrets.get("document_server_secret"),
    )


def patience_of(settings: Settings) -> Patience:
    return Patience(
        autosave=settings.autosave_seconds,
        budget=settings.callback_budget_seconds,
        forgotten=settings.forgotten_seconds,
        reuse=settings.reuse_unchanged_seconds,
    )


def tokens_of(settings: Settings, connection: Connection) -> JwtTokens:
    secrets = settings.secrets
    return JwtTokens(
        own_secret(settings),
        connection.secret,
        secrets.get("auth_secret"),
        previous=(
            secrets.get("previous_secret"),
            secrets.get("previous_document_server_secret"),
            secrets.get("previous_auth_secret"),
        ),
        signed=settings.document_server_jwt,
        file_seconds=settings.file_token_seconds,
        config_seconds=settings.config_token_seconds,
    )


def endpoint_of(settings: Settings, connection: Connection) -> Endpoint:
    return Endpoint(
        public_url=connection.url,
        internal_url=connection.internal_url,
        result_origins=settings.result_origins,
        max_bytes=settings.max_file_bytes,
        ca_bundle=settings.ca_bundle,
        info_seconds=settings.callback_budget_seconds + INFO_MARGIN,
    )


def site_of(settings: Settings, connection: Connection) -> Site:
    return Site(
        public_url=settings.public_url,
        storage_url=settings.storage_url,
        document_server_url=connection.url,
        demo=settings.demo,
        standin=connection.standin,
        durable=settings.callback_reply == "durable",
        editor_lang=settings.editor_lang,
        editor_theme=settings.editor_theme,
        max_file_bytes=settings.max_file_bytes,
        frame_ancestors=settings.frame_ancestors,
        accel_redirect=settings.accel_redirect,
    )


def secrets_of(settings: Settings) -> list[str]:
    """What must never be said. Raises SettingsError."""
    return [own_secret(settings), *settings.secrets.values()]


def scraper_of(settings: Settings) -> Callable[[str], bool]:
    token = settings.secrets.get("metrics_token", "").encode()
    return lambda sent: bool(token) and hmac.compare_digest(sent.encode("utf-8", "replace"), token)


def known_hosts(settings: Settings) -> frozenset[str] | None:
    """Whom the demo may be called, where nobody has to sign in; None otherwise, since proxies say what
    they like.
    """
    if not settings.demo:
        return None
    urls = map(host_of, (urlsplit(url).netloc for url in (settings.public_url, settings.storage_url)))
    return frozenset({"localhost", "127.0.0.1", "::1", settings.host, *urls})
