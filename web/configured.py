"""What the settings say, in the terms of the parts that go by them."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import SecretStr

from application.world import Patience
from infrastructure.document_server import Endpoint
from infrastructure.kept import own_secret
from infrastructure.settings import Settings
from infrastructure.tokens import JwtTokens
from web.context import Site

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
    secret = settings.document_server_secret
    return Connection(
        settings.document_server_url,
        settings.document_server_internal_url or settings.document_server_url,
        secret.get_secret_value() if secret else None,
    )


def patience_of(settings: Settings) -> Patience:
    return Patience(
        autosave=settings.autosave_seconds,
        budget=settings.callback_budget_seconds,
        forgotten=settings.forgotten_seconds,
        reuse=settings.reuse_unchanged_seconds,
    )


def tokens_of(settings: Settings, connection: Connection) -> JwtTokens:
    return JwtTokens(
        own_secret(settings),
        connection.secret,
        _plain(settings.auth_secret),
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
        max_file_bytes=settings.max_file_bytes,
        accel_redirect=settings.accel_redirect,
    )


def _plain(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None
