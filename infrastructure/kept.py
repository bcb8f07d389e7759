"""Secrets of our own: made once, durable, and readable by nobody else."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from infrastructure.durable import Draft, Folders, publish
from infrastructure.settings import PREFIX, Settings, SettingsError
from infrastructure.settings_values import SECRET_BYTES


def kept(path: Path, make: Callable[[], bytes]) -> bytes:
    """What the file holds; it is made if there is none. Raises OSError."""
    if not path.exists():
        _publish(path.absolute(), make())
    return path.read_bytes()


def own_secret(settings: Settings) -> str:
    """The secret that was set, else the one kept in DATA_DIR/secret. Raises SettingsError."""
    if settings.secret is not None:
        return settings.secret.get_secret_value()
    path = settings.data_dir / "secret"
    try:
        secret = kept(path, _new_secret).decode("ascii").strip()
        if len(secret) < SECRET_BYTES:
            raise ValueError("it holds no secret; remove it and a new one is made")
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} cannot be used: {error}. Mend it or set {PREFIX}SECRET.") from error
    return secret


def _new_secret() -> bytes:
    return f"{secrets.token_hex(SECRET_BYTES)}\n".encode()


def _publish(path: Path, content: bytes) -> None:
    folders = Folders(os.fsync)
    folders.make(path.parent)
    publish(Draft(path.parent, os.fsync), content, path, folders, name=_unless_there)


def _unless_there(draft: Path, path: Path) -> None:
    """Of two processes one wins, and both read the winner's."""
    with suppress(FileExistsError):
        os.link(draft, path)
