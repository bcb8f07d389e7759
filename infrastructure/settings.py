"""The settings: read once from DOCLEDGER_* variables and a .env file, every mistake reported at once."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, BeforeValidator, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_core.core_schema import ValidationInfo
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    NoDecode,
    SettingsConfigDict,
)

from domain.retention import Policy
from infrastructure import settings_values as values
from infrastructure.settings_values import setting

PREFIX = "DOCLEDGER_"
TEST_PREFIX = "DOCLEDGER_TEST_"  # the test suite's own variables, none of ours


class SettingsError(Exception):
    """What is wrong with the settings and what to do, a line per variable; never a secret."""


class SettingHelp(NamedTuple):
    variable: str
    default: str
    help: str


class Settings(BaseSettings):
    """One field per variable; whatever a later field's check looks at stands before it."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    port: int = setting("The port to listen on", 8080, ge=1, le=65535)
    host: str = setting("The address to listen on; 0.0.0.0 for all, then AUTH_SECRET is needed", "127.0.0.1")
    auth_secret: SecretStr | None = setting(
        "Verifies the HS256 tokens that say who is asking; the demo without it",
        None,
        "",
        validate_default=True,
    )
    data_dir: Annotated[Path, AfterValidator(values.folder)] = setting(
        "The folder for everything that is kept", Path("data"), "./data", validate_default=True
    )
    public_url: values.Url = setting(
        "How browsers reach us",
        lambda data: values.reachable_url(data["host"], data["port"]),
        "http://HOST:PORT",
    )
    storage_url: values.Url = setting(
        "How the Document Server reaches us", lambda data: data["public_url"], "PUBLIC_URL"
    )
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
    secret: SecretStr | None = setting(
        "Signs our own file links; generated once and kept if unset", None, "DATA_DIR/secret"
    )
    autosave_seconds: float = setting("Pause between two saves of an open document", 30, gt=0, le=86400)
    callback_reply: Literal["always", "durable"] = setting(
        "always: the contract's error 0; durable: error 0 only once the bytes are stored", "always"
    )
    callback_budget_seconds: float = setting(
        "How long a callback may work before it replies; the Document Server waits 600", 120, gt=0, le=540
    )
    database_url: Annotated[str, AfterValidator(values.sqlite_url)] = setting(
        "The event log's database",
        lambda data: f"sqlite:///{data['data_dir']}/docledger.db",
        "sqlite:///DATA_DIR/docledger.db",
    )
    blob_url: Annotated[str, AfterValidator(values.file_url)] = setting(
        "Where the files' bytes are kept",
        lambda data: f"file://{data['data_dir']}/blobs",
        "file://DATA_DIR/blobs",
    )
    rate_limit: Annotated[str, AfterValidator(values.rate_limit)] = setting(
        "Requests per client and time, such as 600/minute; off for none", "10000/15 minutes"
    )
    rate_limit_url: Annotated[str, AfterValidator(values.memory_url)] = setting(
        "Where requests are counted", "memory://"
    )
    trusted_proxies: Annotated[tuple[values.Network, ...], NoDecode, values.Listed] = setting(
        "Addresses or networks whose X-Forwarded-For is believed, separated by commas", (), ""
    )
    ca_bundle: Annotated[Path, AfterValidator(values.authorities)] | None = setting(
        "A PEM file of authorities to trust for the Document Server's certificate", None, ""
    )
    max_file_bytes: int = setting(
        "The largest file taken, in bytes; the default is the Document Server's limit",
        100 * 1024 * 1024,
        ge=1,
    )
    grace_seconds: float = setting("How long a shutdown may take to save open documents", 10, ge=0, le=600)
    forgotten_seconds: float = setting("Pause between two looks for undelivered saves", 300, ge=1, le=86400)
    reuse_unchanged_seconds: float = setting(
        "How long a document closed without changes keeps its key", 600, ge=0, le=86400
    )
    keep_autosaves: Annotated[Policy, NoDecode, BeforeValidator(values.retention)] = setting(
        "Automatic saves to keep, such as: all for 1 day, hourly for 7 days, then daily", "all"
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
    editor_lang: str = setting("The editor's language", "en", pattern=r"^[a-z]{2,3}(-[A-Za-z]{2,4})?$")
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(str.lower)] = setting(
        "The least serious message that is logged", "info"
    )

    @field_validator("auth_secret")
    @classmethod
    def _strangers_sign_in(cls, secret: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if secret is None and not values.is_loopback(info.data.get("host", "localhost")):
            raise ValueError("must be set, because HOST is not a loopback address")
        return None if secret is None else values.strong_secret(secret)

    @field_validator("document_server_secret", "secret")
    @classmethod
    def _secrets_are_strong(cls, secret: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        demo = (
            values.is_loopback(info.data.get("host", "localhost")) and info.data.get("auth_secret", 0) is None
        )
        return secret if demo or secret is None else values.strong_secret(secret)

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

    @property
    def loopback(self) -> bool:
        return values.is_loopback(self.host)

    @property
    def demo(self) -> bool:
        """One local user is signed in and may play others."""
        return self.loopback and self.auth_secret is None

    @property
    def uses_standin(self) -> bool:
        return self.document_server_url is None

    @property
    def database_path(self) -> Path:
        return Path(self.database_url.removeprefix("sqlite:///"))

    @property
    def blobs_path(self) -> Path:
        return Path(self.blob_url.removeprefix("file://"))


SETTINGS_HELP: tuple[SettingHelp, ...] = tuple(
    SettingHelp(PREFIX + name.upper(), str(field.json_schema_extra["shown"]), field.description or "")
    for name, field in Settings.model_fields.items()
    if isinstance(field.json_schema_extra, dict)
)


def read_settings(env_file: Path | None = Path(".env")) -> Settings:
    """Raises SettingsError. The environment wins over the file; an empty variable counts as unset."""
    build: Callable[..., Settings] = Settings
    mistakes: list[str] = []
    settings = None
    try:
        mistakes += _unknown(env_file)
        settings = build(_env_file=env_file)
    except ValidationError as error:
        mistakes += filter(None, map(_line, error.errors(include_url=False)))
    except UnicodeDecodeError:
        mistakes.append(f"{env_file}: is not UTF-8 text; save it as UTF-8")
    if mistakes or settings is None:
        raise SettingsError("\n  ".join(["These settings need attention:", *sorted(set(mistakes))]))
    return settings


def _line(mistake: ErrorDetails) -> str:
    """What is wrong and what the setting is for; empty for what only follows from another mistake."""
    name = str(mistake["loc"][0])
    wrong = values.explain(mistake, secret="secret" in name)
    row = next(row for row in SETTINGS_HELP if row.variable == PREFIX + name.upper())
    default = f"; default: {row.default}" if row.default else ""
    return wrong and f"{row.variable}: {wrong} ({row.help}{default})"


def _unknown(env_file: Path | None) -> Iterator[str]:
    names = [name.upper() for name in Settings.model_fields]
    written = {*EnvSettingsSource(Settings).env_vars, *DotEnvSettingsSource(Settings, env_file).env_vars}
    for variable in sorted(name.upper() for name in written):
        name = variable.removeprefix(PREFIX)
        if name != variable and name not in names and not variable.startswith(TEST_PREFIX):
            near = difflib.get_close_matches(name, names, 1, 0.7)
            advice = f"did you mean {PREFIX}{near[0]}?" if near else "remove it"
            yield f"{variable}: there is no such setting; {advice}"
