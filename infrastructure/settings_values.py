"""What a setting's value may look like, and plain words for what is wrong with it."""

from __future__ import annotations

import re
import ssl
from base64 import b64decode
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import SplitResult, urlsplit

import limits
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_core import ErrorDetails

from domain.retention import ALL, DAILY, HOURLY, NONE, WEEKLY, Policy, Stage

SECRET_BYTES = 32
_KNOWN_SECRETS = {
    "a-string-secret-at-least-256-bits-long",
    "your-256-bit-secret-your-256-bit-secret",
    "your_super_secret_jwt_key_change_this_in_production",
}
_ADVICE = {
    "int_parsing": "is not a whole number",
    "int_from_float": "is not a whole number",
    "float_parsing": "is not a number",
    "finite_number": "is not a number",
    "bool_parsing": "must be on or off",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "greater_than": "must be more than {gt}",
    "literal_error": "must be {expected}",
}

_STEPS = {"all": ALL, "hourly": HOURLY, "daily": DAILY, "weekly": WEEKLY, "none": NONE}
_STAGE = re.compile(r"(all|hourly|daily|weekly) for ([0-9]{1,4}) days?")
RETENTION = (
    "must be all, or look like: all for 1 day, hourly for 7 days, then daily (or weekly, or none); "
    "each age higher than the one before"
)


def setting(text: str, default: Any, shown: str | None = None, **rules: Any) -> Any:
    """A field with its line of help; a callable default derives from the fields before it."""
    how: dict[str, Any] = {"default_factory": default} if callable(default) else {"default": default}
    row = str(default) if shown is None else shown
    return Field(**how, description=text, json_schema_extra={"shown": row}, **rules)


def explain(mistake: ErrorDetails, *, secret: bool) -> str:
    """Empty for a default that could not be derived, since its cause is reported by itself."""
    if mistake["type"] == "default_factory_not_called":
        return ""
    context: dict[str, Any] = mistake.get("ctx", {})
    if mistake["type"] == "value_error":
        return str(context["error"])
    advice = _ADVICE.get(mistake["type"], mistake["msg"]).format(**context)
    return advice if secret else f"{mistake['input']!r} {advice}"


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def reachable_url(host: str, port: int) -> str:
    """How a browser on this machine reaches a server listening there."""
    try:
        address = ip_address(host)
    except ValueError:
        return f"http://{host}:{port}"
    if address.is_unspecified:
        return f"http://127.0.0.1:{port}"
    return f"http://[{host}]:{port}" if address.version == 6 else f"http://{host}:{port}"


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("is not a url") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise ValueError("must look like http://host:port or https://host/path")
    if any(character.isspace() or not character.isprintable() or character == "\\" for character in url):
        raise ValueError("must not hold blanks, control characters or backslashes")
    if "@" in parts.netloc:
        raise ValueError("must not hold a user name or password")
    if "?" in url or "#" in url:
        raise ValueError("must not hold a query or fragment")
    return parts


def http_url(url: str) -> str:
    _split(url)
    return url.rstrip("/")


def origin(url: str) -> str:
    if _split(url).path.strip("/"):
        raise ValueError("each must be an origin such as https://host:port, without a path")
    return url.rstrip("/")


def comma_separated(text: object) -> object:
    if not isinstance(text, str):
        return text
    return tuple(part for part in (part.strip() for part in text.split(",")) if part)


def network(text: object) -> IPv4Network | IPv6Network:
    try:
        return ip_network(str(text), strict=False)
    except ValueError:
        raise ValueError("each must be an address or a network such as 10.0.0.0/8") from None


Listed = BeforeValidator(comma_separated)
Url = Annotated[str, AfterValidator(http_url)]
Origin = Annotated[str, AfterValidator(origin)]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(network)]


def folder(path: Path) -> Path:
    path = path.expanduser().absolute()
    if path.exists() and not path.is_dir():
        raise ValueError("is a file, but must be a folder (it is made if it does not exist)")
    return path


def authorities(path: Path) -> Path:
    path = path.expanduser().absolute()
    try:
        ssl.create_default_context(cafile=str(path))
    except OSError:  # no such file, or no certificates in it
        raise ValueError("is not a PEM file with certificates") from None
    return path


def strong_secret(secret: SecretStr) -> SecretStr:
    """Short, known and monotonous secrets can be guessed; what they sign can then be forged."""
    text = secret.get_secret_value()
    if len(text.encode()) < SECRET_BYTES:
        raise ValueError(f"is shorter than {SECRET_BYTES} bytes; make one with: openssl rand -hex 32")
    if text.lower() in _KNOWN_SECRETS or text.lower().startswith("changeme") or len(set(text)) < 8:
        raise ValueError("is well known or easy to guess; make one with: openssl rand -hex 32")
    return secret


def webhook_secret(secret: SecretStr) -> SecretStr:
    """As the Standard Webhooks specification writes one, or any other that is strong."""
    text = secret.get_secret_value()
    if text.startswith("whsec_"):
        try:
            long_enough = len(b64decode(text.removeprefix("whsec_"), validate=True)) >= 24
        except ValueError:
            long_enough = False
        if not long_enough:
            raise ValueError("must have Base64 of 24 bytes or more after whsec_: openssl rand -base64 32")
    return strong_secret(secret)


def language(code: str) -> str:
    if not re.fullmatch(r"[a-z]{2,3}(-[A-Za-z]{2,4})?", code):
        raise ValueError(f"{code!r} is not written like 'en' or 'pt-BR'")
    return code


def theme(name: str) -> str:
    if not re.fullmatch(r"(theme|default)-[a-z-]{1,40}", name):
        raise ValueError(f"{name!r} is not written like 'theme-dark' or 'theme-system'")
    return name


def location(path: str) -> str:
    """Where nginx has been told that the blobs are: an absolute path that needs no escaping."""
    if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+/?", path):
        raise ValueError("must look like /blobs, as in nginx's `location /blobs/ { internal; … }`")
    return path.rstrip("/")


def rate_limit(spec: str) -> str:
    if spec.strip().lower() == "off":
        return "off"
    try:
        limits.parse(spec)
    except ValueError:
        raise ValueError("must look like 10000/15 minutes, or be off") from None
    return spec


def retention(text: str) -> Policy:
    """`all`, or steps with their ages and then a last one; from fine to coarse."""
    *staged, last = (part.strip().lower() for part in text.split(","))
    stages = []
    for match in (_STAGE.fullmatch(part) for part in staged):
        if match is None:
            raise ValueError(RETENTION)
        stages.append(Stage(timedelta(days=int(match[2])), _STEPS[match[1]]))
    then = _STEPS.get(last.removeprefix("then ").strip())
    ages, slots = [stage.age for stage in stages], [stage.slot for stage in stages]
    if then is None or ages != sorted(set(ages)) or slots != sorted(slots) or then < max(slots, default=ALL):
        raise ValueError(RETENTION)
    return Policy(tuple(stages), then)
