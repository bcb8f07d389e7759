"""The settings: read once from DOCLEDGER_* variables and a .env file, every mistake reported at once."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from pydantic import SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource, SettingsConfigDict

from infrastructure import settings_values as values
from infrastructure import store_urls
from infrastructure.settings_fields import GROUPS, Editor

PREFIX = "DOCLEDGER_"
URLS = frozenset({"database_url", "rate_limit_url"})  # which may have a password in them
TEST_PREFIX = "DOCLEDGER_TEST_"  # the test suite's own variables, none of ours


class SettingsError(Exception):
    """What is wrong with the settings and what to do, a line per variable; never a secret."""


class SettingHelp(NamedTuple):
    variable: str
    default: str
    help: str
    group: str


class Settings(Editor):
    """Everything, read and checked; one field per variable."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    @property
    def secrets(self) -> Mapping[str, str]:
        """By the names of their fields, those that are set, in the open."""
        fields = [(name, getattr(self, name)) for name in type(self).model_fields]
        told = {name: value.get_secret_value() for name, value in fields if isinstance(value, SecretStr)}
        passwords = ((name, store_urls.password_in(str(value))) for name, value in fields if name in URLS)
        return {**told, **{name: password for name, password in passwords if password}}

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
    def uses_postgres(self) -> bool:
        return store_urls.is_postgres(self.database_url)

    @property
    def uses_object_store(self) -> bool:
        return not self.blob_url.startswith("file:")

    @property
    def database(self) -> Path | str:
        """Where the log is: a file of SQLite's, or the url of a database in PostgreSQL."""
        return self.database_url if self.uses_postgres else self.database_path

    @property
    def database_path(self) -> Path:
        assert not self.uses_postgres
        return Path(self.database_url.removeprefix("sqlite:///"))

    @property
    def blobs_path(self) -> Path:
        assert not self.uses_object_store
        return Path(self.blob_url.removeprefix("file://"))


def _help() -> Iterator[SettingHelp]:
    seen: set[str] = set()
    for group in GROUPS:
        for name, field in group.model_fields.items():
            if name not in seen and isinstance(field.json_schema_extra, dict):
                shown = str(field.json_schema_extra["shown"])
                yield SettingHelp(PREFIX + name.upper(), shown, field.description or "", group.__doc__ or "")
        seen |= group.model_fields.keys()


SETTINGS_HELP: tuple[SettingHelp, ...] = tuple(_help())


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
