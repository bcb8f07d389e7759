"""What nodes must have in common: told to each other as salted digests, compared by whoever enters."""

from __future__ import annotations

import hmac
import json
import logging
import secrets
from collections.abc import Mapping, Sequence
from socket import gethostname
from typing import NamedTuple

from infrastructure.kept import kept, own_secret
from infrastructure.settings import PREFIX, Settings, SettingsError
from infrastructure.signing import public_half, signing_key

logger = logging.getLogger(__name__)

Values = Mapping[str, Sequence[str]]  # by setting: the one in force, then those that are believed as well

# By setting, what to do when it is quite another one. One that is replaced, node by node, is let pass.
REMEDIES = {
    "SECRET": "set it to the same on every node, or they refuse each other's file links"
    " (without it each makes its own, in DATA_DIR/secret)",
    "AUTH_SECRET": "set it to the same on every node, or nobody stays signed in",
    "DOCUMENT_SERVER_SECRET": "all nodes work with one Document Server: set DOCUMENT_SERVER_URL and its"
    " secret on every node",
    "BLOB_URL": "it leads to another store: name an object store, or a folder that all nodes share",
    "CHECKPOINT_KEY": "copy that node's key here, or each signs the log with its own"
    " (without it each makes one, in DATA_DIR/checkpoint.key)",
}
TOLERABLE = {
    "CALLBACK_REPLY": "callbacks are answered in two ways until it is the same on every node",
    "CHECKPOINT_KEY": "the public halves of both are needed to verify the log",
}
TURNING = (
    "one is being replaced: until every node has both, as {0} and PREVIOUS_{0}, some refuse what others sign"
)


class Terms(NamedTuple):
    name: str  # of a node, for people
    digests: str  # JSON: a salt and, by setting, the digests of its values


def values_of(settings: Settings, server_secret: str | None) -> Values:
    """`server_secret` is the Document Server's, also of the built-in one. Raises SettingsError, OSError."""
    told = settings.secrets

    def rotating(name: str, now: str | None) -> tuple[str, ...]:
        previous = told.get(f"previous_{name}")
        return (now or "", previous) if previous else (now or "",)

    key = settings.checkpoint_key
    return {
        "SECRET": rotating("secret", own_secret(settings)),
        "AUTH_SECRET": rotating("auth_secret", told.get("auth_secret")),
        "DOCUMENT_SERVER_SECRET": rotating("document_server_secret", server_secret),
        "BLOB_URL": (_store(settings),),
        "CHECKPOINT_KEY": (public_half(key).public_bytes_raw().hex(),) if key.exists() else (),
        "CALLBACK_REPLY": (settings.callback_reply,),
    }


def introduced(settings: Settings, server_secret: str | None, others: Sequence[Terms]) -> Terms:
    """Our terms, once compared with those of the nodes that live. Raises SettingsError, OSError."""
    values = values_of(settings, server_secret)
    for other in others:
        refused, borne = compared(values, other)
        if refused:
            raise SettingsError(
                "\n  ".join([f"These settings are not as on the node {other.name}:", *refused])
            )
        for line in borne:
            logger.warning("not as on the node %s: %s", other.name, line)
    if not values["CHECKPOINT_KEY"]:
        signing_key(settings.checkpoint_key)  # the first node's is everybody's
        values = values_of(settings, server_secret)
    return Terms(f"{gethostname()}:{settings.port}", _told(values))


def compared(values: Values, other: Terms) -> tuple[list[str], list[str]]:
    """What must not be, and what may be for a while."""
    told = json.loads(other.digests)
    refused, borne = [], []
    for name, theirs in told["digests"].items():
        if name not in values:
            continue  # it is of another release
        ours = _digests(bytes.fromhex(told["salt"]), name, values[name])
        match _believe_each_other(ours, theirs):
            case 0 if ours and name in TOLERABLE:
                borne.append(f"{PREFIX}{name}: {TOLERABLE[name]}")
            case 0:
                refused.append(f"{PREFIX}{name}: {REMEDIES[name]}")
            case 1:
                borne.append(f"{PREFIX}{name}: {TURNING.format(name)}")
    return refused, borne


def _believe_each_other(ours: Sequence[str], theirs: Sequence[str]) -> int:
    """How many of the two believe what the other one signs."""
    return bool(ours and ours[0] in theirs) + (theirs[0] in ours)


def _told(values: Values) -> str:
    salt = secrets.token_bytes(16)
    digests = {name: _digests(salt, name, each) for name, each in values.items()}
    return json.dumps({"salt": salt.hex(), "digests": digests})


def _digests(salt: bytes, name: str, values: Sequence[str]) -> list[str]:
    return [hmac.digest(salt, f"{name}={value}".encode(), "sha256").hex() for value in values]


def _store(settings: Settings) -> str:
    """Two folders of one name may be two: one that nodes share has a mark of its own."""
    if settings.uses_object_store:
        return settings.blob_url
    return kept(settings.blobs_path / "id", lambda: secrets.token_hex(16).encode()).decode()
