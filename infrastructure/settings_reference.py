"""The settings as people read them: a page that describes each, and the values that are in force."""

from __future__ import annotations

import types
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource

from domain.retention import Policy
from infrastructure.settings import PREFIX, SETTINGS_HELP, URLS, SettingHelp, Settings
from infrastructure.store_urls import without_password

UNITS = {"seconds": "seconds", "bytes": "bytes"}
HEAD = """# Settings

Every setting is a variable `DOCLEDGER_…`, or a line of a `.env` file in the folder that `docledger` is
started in; the environment wins, and an empty variable counts as unset. Every mistake is reported at once,
an unknown variable too, and nothing starts before it is mended. `docledger settings` prints what is in
force and where it comes from. Changes take effect with the next start.

This page is written by `docledger settings --markdown`.
"""


class InForce(NamedTuple):
    variable: str
    value: str
    source: str  # environment, .env, or default
    group: str


def reference() -> str:
    """The page, as Markdown."""
    parts = [HEAD]
    for group, rows in groupby(SETTINGS_HELP, key=lambda row: row.group):
        parts.append(f"\n## {group}\n\n| setting | default | allowed | what it is |\n|---|---|---|---|\n")
        parts += (f"| `{name_of(row)}` | {row.default} | {allowed(row)} | {row.help} |\n" for row in rows)
    return "".join(parts)


def name_of(row: SettingHelp) -> str:
    return row.variable.removeprefix(PREFIX)


def allowed(row: SettingHelp) -> str:
    """What its type and bounds say; the rest is in its help."""
    name = name_of(row).lower()
    field = Settings.model_fields[name]
    kinds = list(_kinds(field.annotation))
    if bool in kinds:
        return "on, off"
    if choices := [str(kind) for kind in kinds if isinstance(kind, str)]:
        return ", ".join(choices)
    if SecretStr in kinds:
        return "a secret, 32 bytes or more" if name.endswith("secret") else "a secret"
    if not {int, float} & {*kinds}:
        return ""
    unit = UNITS.get(name.rpartition("_")[2], "")
    return " ".join(filter(None, [_bounds(field), unit]))


def in_force(settings: Settings, env_file: Path | None = Path(".env")) -> Iterator[InForce]:
    """Of a secret only that it is set."""
    written = {".env": DotEnvSettingsSource(Settings, env_file), "environment": EnvSettingsSource(Settings)}
    texts = {
        source: {name.upper(): text for name, text in of.env_vars.items()} for source, of in written.items()
    }
    for row in SETTINGS_HELP:
        source = next((each for each in ("environment", ".env") if texts[each].get(row.variable)), "default")
        text = texts.get(source, {}).get(row.variable) or row.default
        name = name_of(row).lower()
        said = _said(getattr(settings, name), text)
        yield InForce(row.variable, without_password(said) if name in URLS else said, source, row.group)


def _said(value: object, text: str) -> str:
    match value:
        case None | ():
            return "–"
        case SecretStr():
            return "(set)"
        case bool():
            return "on" if value else "off"
        case float():
            return f"{value:g}"
        case tuple():
            return ", ".join(map(str, value))
        case Policy():
            return text
    return str(value)


def _bounds(field: FieldInfo) -> str:
    least = next((f"{bound.ge:g}" for bound in field.metadata if isinstance(bound, Ge)), "")
    above = next((f"{bound.gt:g}" for bound in field.metadata if isinstance(bound, Gt)), "")
    most = next((f"{bound.le:g}" for bound in field.metadata if isinstance(bound, Le)), "")
    if least and most:
        return f"{least} to {most}"
    bounds = [
        f"{least} or more" if least else "",
        f"more than {above}" if above else "",
        f"up to {most}" if most else "",
    ]
    return ", ".join(filter(None, bounds))


def _kinds(annotation: Any) -> Iterator[Any]:
    """The types and literal values that an annotation is made of."""
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
    elif get_origin(annotation) in {Union, types.UnionType}:
        for part in get_args(annotation):
            yield from _kinds(part)
    else:
        yield annotation
