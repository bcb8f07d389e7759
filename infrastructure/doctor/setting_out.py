"""What there is to judge in the settings, without anything secret."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path

from pydantic import SecretStr

from application.doctor.seen import Secret, Setup
from infrastructure.settings import PREFIX, URLS, Settings
from infrastructure.settings_values import strong_secret

PREVIOUS = "previous_"
OTHERS_READ = 0o004
ENV_FILE = Path(".env")


def setup_of(settings: Settings, server_url: str, internal_url: str, secrets: dict[str, str | None]) -> Setup:
    """`secrets` are those that are not among the settings: made by ourselves, or the stand-in's."""
    known = {**settings.secrets, **{name: secret for name, secret in secrets.items() if secret}}
    return Setup(
        demo=settings.demo,
        standin=settings.uses_standin,
        loopback=settings.loopback,
        public_url=settings.public_url,
        storage_url=settings.storage_url,
        server_url=server_url,
        internal_url=internal_url,
        result_origins=settings.result_origins,
        signed=settings.document_server_jwt,
        has_secret="document_server_secret" in known,
        durable=settings.callback_reply == "durable",
        believes_everybody=any(network.prefixlen == 0 for network in settings.trusted_proxies),
        ca_bundle=settings.ca_bundle is not None,
        max_file_bytes=settings.max_file_bytes,
        checkpoint_seconds=settings.checkpoint_seconds,
        secrets=tuple(_said_of(known)),
        readable=tuple(str(path) for path in _readable(settings)),
    )


def fingerprint(settings: Settings, key: str) -> str:
    """The same for the same settings; nothing can be learned from it."""
    fields = {name: getattr(settings, name) for name in type(settings).model_fields}
    values = dict(sorted({**fields, **settings.secrets}.items()))
    return hmac.new(key.encode(), repr(values).encode(), hashlib.sha256).hexdigest()


def is_believed(address: str, proxies: Sequence[IPv4Network | IPv6Network]) -> bool:
    try:
        return any(ip_address(address) in network for network in proxies)
    except ValueError:
        return False


def _said_of(secrets: dict[str, str]) -> Iterator[Secret]:
    first: dict[str, str] = {}
    for name, value in secrets.items():
        earlier = first.setdefault(value, name)
        rotated = earlier.removeprefix(PREVIOUS) == name.removeprefix(PREVIOUS)
        weakness = "" if name in URLS else _weakness(value)  # a password signs nothing
        yield Secret(name.upper(), weakness, "" if rotated else earlier.upper())


def _weakness(value: str) -> str:
    try:
        strong_secret(SecretStr(value))
    except ValueError as weak:
        return str(weak).partition(";")[0]
    return ""


def _readable(settings: Settings) -> Iterator[Path]:
    files = [settings.data_dir / "secret", settings.checkpoint_key, *_env_file()]
    yield from (path for path in files if path.exists() and path.stat().st_mode & OTHERS_READ)


def _env_file() -> Iterable[Path]:
    """Where it holds a secret."""
    try:
        lines = ENV_FILE.read_text(errors="replace").splitlines()
    except OSError:
        return []
    secret = any(line.startswith(PREFIX) and "SECRET" in line.partition("=")[0] for line in lines)
    return [ENV_FILE.absolute()] if secret else []
