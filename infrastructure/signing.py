"""Ed25519: the key of our own that vouches for checkpoints, and the public halves they are checked with."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from infrastructure.kept import kept
from infrastructure.settings import PREFIX, SettingsError


def signer(path: Path) -> Callable[[bytes], bytes]:
    """The key is made with its first signature: where there is a key, there is something signed.

    Raises SettingsError, now or then.
    """
    key = cache(lambda: signing_key(path))
    if path.exists():
        key()
    return lambda text: key().sign(text)


def signing_key(path: Path) -> Ed25519PrivateKey:
    """Made on first use. Raises SettingsError."""
    try:
        return _private(kept(path, _new_key))
    except (OSError, ValueError) as error:
        hint = f"Mend it or set {PREFIX}CHECKPOINT_KEY."
        raise SettingsError(f"{path} cannot be used: {error}. {hint}") from error


def public_key(path: Path) -> Ed25519PublicKey:
    """Raises OSError, ValueError."""
    try:
        key = load_pem_public_key(path.read_bytes())
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from error
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("it is no Ed25519 key")
    return key


def public_half(path: Path) -> Ed25519PublicKey:
    """Of a private key. Raises OSError, ValueError."""
    return _private(path.read_bytes()).public_key()


def is_signed(text: bytes, signature: bytes, keys: Iterable[Ed25519PublicKey]) -> bool:
    """By any of the keys: one that was replaced still vouches for what it signed."""
    return any(_verifies(key, text, signature) for key in keys)


def _verifies(key: Ed25519PublicKey, text: bytes, signature: bytes) -> bool:
    try:
        key.verify(signature, text)
    except (InvalidSignature, TypeError):
        return False
    return True


def _new_key() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _private(pem: bytes) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(pem, None)
    except (TypeError, UnsupportedAlgorithm) as error:  # TypeError: it is encrypted
        raise ValueError(str(error)) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("it is no Ed25519 key")
    return key
