"""The connection to an object store: credentials as its own tools name them, deadlines of ours."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from obstore.exceptions import BaseError
from obstore.store import from_url

from application.ports import StorageFailed
from infrastructure.object_store.bucket import Bucket
from infrastructure.object_store.objects import Objects, words

CONNECT_SECONDS = 3
# obstore reads credentials, endpoint and region from the environment itself, but not these once it has been
# given deadlines.
FROM_ENVIRONMENT = ("allow_http", "allow_invalid_certificates", "proxy_url", "proxy_excludes")
PREFIXES = {"s3": "AWS", "gs": "GOOGLE", "az": "AZURE"}


@dataclass(frozen=True, slots=True)
class Pace:
    """How long we wait; in seconds."""

    request: float
    retrying: float  # from the first attempt on
    retries: int


HASTY = Pace(request=8, retrying=3, retries=3)  # somebody waits, and the local disk is a way out
PATIENT = Pace(request=120, retrying=60, retries=6)


def bucket_at(url: str, pace: Pace, ca_bundle: Path | None = None) -> Bucket:
    """`s3://bucket/prefix`, `gs://…` or `az://…`. It is not asked yet. Raises StorageFailed."""
    scheme = url.partition(":")[0]
    client: dict[str, Any] = {
        "timeout": timedelta(seconds=pace.request),
        "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
    }
    for name in FROM_ENVIRONMENT:
        if (value := os.environ.get(f"{PREFIXES[scheme]}_{name.upper()}")) is not None:
            client[name] = value
    retry: Any = {
        "max_retries": pace.retries,
        "retry_timeout": timedelta(seconds=pace.retrying),
        "backoff": {"init_backoff": timedelta(seconds=0.1), "max_backoff": timedelta(seconds=2), "base": 2},
    }
    try:
        if ca_bundle is not None:
            client["root_certificate"] = ca_bundle.read_bytes()
        options: Any = client
        return Bucket(Objects(from_url(url, client_options=options, retry_config=retry)))
    except (BaseError, OSError, ValueError) as error:
        raise StorageFailed(f"the object store {url} cannot be used: {words(error)}") from error
