"""Every setting with its check, in groups; whatever a later one's check looks at stands before it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, SecretStr, field_validator
from pydantic_core.core_schema import ValidationInfo
from pydantic_settings import BaseSettings, NoDecode

from domain.retention import Policy
from infrastructure import settings_values as values
from infrastructure import store_urls
from infrastructure.settings_values import setting


def _strong_outside_the_demo(secret: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
    demo = values.is_loopback(info.data.get("host", "localhost")) and info.data.get("auth_secret", 0) is None
    return secret if demo or secret is None else values.strong_secret(secret)


class Reach(BaseSettings):
    """Who reaches us, and how"""

    port: int = setting("The port to listen on", 8080, ge=1, le=65535)
    host: str = setting("The address to listen on; 0.0.0.0 for all, then AUTH_SECRET is needed", "127.0.0.1")
    auth_secret: SecretStr | None = setting(
        "Verifies the HS256 tokens that say who is asking; the demo without it",
        None,
        "",
        validate_default=True,
    )
    public_url: values.Url = setting(
        "How browsers reach us",
        lambda data: values.reachable_url(data["host"], data["port"]),
        "http://HOST:PORT",
    )
    storage_url: values.Url = setting(
        "How the Document Server reaches us", lambda data: data["public_url"], "PUBLIC_URL"
    )
    trusted_proxies: Annotated[tuple[values.Network, ...], NoDecode, values.Listed] = setting(
        "Addresses or networks whose X-Forwarded-For is believed, separated by commas", (), ""
    )
    frame_ancestors: Annotated[tuple[values.Origin, ...], NoDecode, values.Listed] = setting(
        "Other origins whose pages may show ours in a frame, separated by commas", (), ""
    )

    @field_validator("auth_secret")
    @classmethod
    def _strangers_sign_in(cls, secret: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if secret is None and not values.is_loopback(info.data.get("host", "localhost")):
            raise ValueError("must be set, because HOST is not a loopback address")
        return None if secret is None else values.strong_secret(secret)


class Server(Reach):
    """The Document Server"""

    document_server_url: values.Url | None = setting(
        "How browsers reach the Document Server; the built-in stand-in without it", None, ""
    )
    document_server_internal_url: values.Url | None = setting(
        "How we reach the Document Server", lambda data: data["document_server_url"], "DOCUMENT_SERVER_URL"
    )
    document_server_secret: SecretStr | None = setting(
        "The Document Server's JWT secret; outside the demo no document opens without it", None, ""
    )
    document_server_jwt: bool = setting(
        "off: plain commands and unsigned callbacks, only when HOST is a loopback address", True, "on"
    )
    result_origins: Annotated[tuple[values.Origin, ...], NoDecode, values.Listed] = setting(
        "Other origins that results may be fetched from, separated by commas", (), ""
    )
    ca_bundle: Annotated[Path, AfterValidator(values.authorities)] | None = setting(
        "A PEM file of authorities to trust for the certificates of the Document Server and the object store",
        None,
        "",
    )

    @field_validator("document_server_jwt")
    @classmethod
    def _unsigned_stays_at_home(cls, signed: bool, info: ValidationInfo) -> bool:
        if not signed and not values.is_loopback(info.data.get("host", "localhost")):
            raise ValueError("may be off only when HOST is a loopback address")
        return signed

    @field_validator("document_server_internal_url")
    @classmethod
    def _browsers_reach_it_too(cls, url: str | None, info: ValidationInfo) -> str | None:
        if url is not None and info.data.get("document_server_url", url) is None:
            raise ValueError("needs DOCUMENT_SERVER_URL as well: how browsers reach the Document Server")
        return url


class Saving(Server):
    """Saving"""

    autosave_seconds: float = setting("Pause between two saves of an open document", 30, gt=0, le=86400)
    callback_reply: Literal["always", "durable"] = setting(
        "always: the contract's error 0; durable: error 0 only once the bytes are stored", "always"
    )
    callback_budget_seconds: float = setting(
        "How long a callback may work before it replies; the Document Server waits 600", 120, gt=0, le=540
    )
    grace_seconds: float = setting("How long a shutdown may take to save open documents", 10, ge=0, le=600)
    forgotten_seconds: float = setting("Pause between two looks for undelivered saves", 300, ge=1, le=86400)
    reuse_unchanged_seconds: float = setting(
        "How long a document closed without changes keeps its key", 600, ge=0, le=86400
    )
    keep_autosaves: Annotated[Policy, NoDecode, BeforeValidator(values.retention)] = setting(
        "Automatic saves to keep, such as: all for 1 day, hourly for 7 days, then daily", "all"
    )
    max_file_bytes: int = setting(
        "The largest file taken, in bytes; the default is the Document Server's limit",
        100 * 1024 * 1024,
        ge=1,
    )


class Storage(Saving):
    """Where things are kept"""

    data_dir: Annotated[Path, AfterValidator(values.folder)] = setting(
        "The folder for everything that is kept", Path("data"), "./data", validate_default=True
    )
    database_url: Annotated[str, AfterValidator(store_urls.database_url)] = setting(
        "The event log's database: sqlite:///path, or postgresql://user:password@host/name for several nodes",
        lambda data: f"sqlite:///{data['data_dir']}/docledger.db",
        "sqlite:///DATA_DIR/docledger.db",
    )
    blob_url: Annotated[str, AfterValidator(store_urls.blob_url)] = setting(
        "Where the files' bytes are kept: file:///path, or s3://bucket/prefix (gs://, az://); its credentials"
        " are in the environment, as AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL",
        lambda data: f"file://{data['data_dir']}/blobs",
        "file://DATA_DIR/blobs",
    )
    accel_redirect: Annotated[str, AfterValidator(values.location)] | None = setting(
        "The internal nginx location through which file bytes are sent, such as /blobs; by us without it",
        None,
        "",
    )


class Signing(Storage):
    """Secrets and lifetimes"""

    secret: SecretStr | None = setting(
        "Signs our own file links; generated once and kept if unset", None, "DATA_DIR/secret"
    )
    previous_secret: SecretStr | None = setting(
        "The one before, still believed while links made with it live", None, ""
    )
    previous_auth_secret: SecretStr | None = setting("The AUTH_SECRET before, still believed", None, "")
    previous_document_server_secret: SecretStr | None = setting(
        "The DOCUMENT_SERVER_SECRET before or to come, still or already believed in callbacks", None, ""
    )
    file_token_seconds: int = setting("How long a signed file link lives", 86400, ge=60)
    config_token_seconds: int = setting("How long a signed editor configuration lives", 3600, ge=60)
    checkpoint_seconds: float = setting(
        "Pause between two signed checkpoints of the log", 60, ge=0.1, le=86400
    )
    checkpoint_key: Annotated[Path, AfterValidator(Path.expanduser)] = setting(
        "The key that signs them, an Ed25519 key in PEM; made once if there is none",
        lambda data: data["data_dir"] / "checkpoint.key",
        "DATA_DIR/checkpoint.key",
    )

    @field_validator(
        "document_server_secret",
        "secret",
        "previous_secret",
        "previous_auth_secret",
        "previous_document_server_secret",
    )
    @classmethod
    def _secrets_are_strong(cls, secret: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        return _strong_outside_the_demo(secret, info)


class Operations(Signing):
    """Operations"""

    workers: int = setting(
        "Processes that serve the port together; more than one need PostgreSQL", 1, ge=1, le=64
    )
    http_connections: Annotated[Literal["lean", "stock"], BeforeValidator(str.lower)] = setting(
        "lean: our own, which cost a fifth; stock: those of Hypercorn's Trio worker", "lean"
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(str.lower)] = setting(
        "The least serious message that is logged", "info"
    )
    log_format: Annotated[Literal["console", "json"], BeforeValidator(str.lower)] = setting(
        "console: lines for people; json: one object a line", "console"
    )
    metrics_token: SecretStr | None = setting(
        "Whoever sends it as a bearer token may read /metrics; admins may without it", None, ""
    )
    rate_limit: Annotated[str, AfterValidator(values.rate_limit)] = setting(
        "Requests per client and time, such as 600/minute; off for none", "10000/15 minutes"
    )
    rate_limit_url: Annotated[str, AfterValidator(store_urls.counting_url)] = setting(
        "Where requests are counted: memory://, or redis://host:6379/0 for several nodes", "memory://"
    )
    callback_limit: Annotated[str, AfterValidator(values.rate_limit)] = setting(
        "Callbacks per document and time; off for none", "600/minute"
    )
    webhook_urls: Annotated[tuple[values.Url, ...], NoDecode, values.Listed] = setting(
        "Who is told of what was saved, failed or closed, separated by commas", (), ""
    )
    webhook_secret: SecretStr | None = setting(
        "Signs what they are told; needed with WEBHOOK_URLS", None, "", validate_default=True
    )

    @field_validator("metrics_token")
    @classmethod
    def _token_is_strong(cls, secret: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        return _strong_outside_the_demo(secret, info)

    @field_validator("webhook_secret")
    @classmethod
    def _webhooks_are_signed(cls, secret: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if secret is None and info.data.get("webhook_urls"):
            raise ValueError("must be set, because WEBHOOK_URLS is")
        return None if secret is None else values.webhook_secret(secret)


class Editor(Operations):
    """The editor"""

    editor_lang: Annotated[str, AfterValidator(values.language)] = setting("The editor's language", "en")
    editor_theme: Annotated[str, AfterValidator(values.theme)] | None = setting(
        "The editor's theme, such as theme-dark or theme-system; each user's own choice without it", None, ""
    )


GROUPS: tuple[type[BaseSettings], ...] = (
    Reach,
    Server,
    Saving,
    Storage,
    Signing,
    Operations,
    Editor,
)
