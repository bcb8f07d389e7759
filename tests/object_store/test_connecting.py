"""The connection to an object store: whose credentials, how long, and what is said when it fails."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from application.ports import StorageFailed
from infrastructure.object_store import Pace, bucket_at
from tests.object_store.stores import BRISK, NOWHERE, black_hole, blob_of, bucket_behind, file_of


def test_a_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    content = b"x" * 20_000_000
    with black_hole() as url:
        bucket = bucket_behind(monkeypatch, url)
        began = time.monotonic()
        with pytest.raises(StorageFailed, match=r"no answer in time"):
            bucket.keep(file_of(tmp_path, b"words"), blob_of(b"words"))
        with pytest.raises(StorageFailed, match=r"no answer in time"):
            bucket.keep(file_of(tmp_path, content), blob_of(content))
        with pytest.raises(StorageFailed, match=r"could not read: no answer in time"):
            bucket.part("0" * 64, 0, 100)
        with pytest.raises(StorageFailed, match=r"could not be listed: no answer in time"):
            list(bucket.all())
        assert time.monotonic() - began < 10 * BRISK.request


@pytest.mark.parametrize("url", ["s3://bucket", "s3://bucket/a/prefix"])
def test_what_is_wrong_is_said_in_a_line(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    bucket = bucket_behind(monkeypatch, NOWHERE, url)
    with pytest.raises(StorageFailed) as failure:
        bucket.probe()
    assert "\n" not in str(failure.value)
    assert str(failure.value).startswith("the object store could not write: ")
    assert str(failure.value).endswith("(Connection refused)")
    assert "unknown" not in str(failure.value), "that is the secret"


@pytest.mark.parametrize(
    ("url", "variable"),
    [("gs://bucket/place", "GOOGLE_SERVICE_ACCOUNT"), ("az://container/place", "AZURE_STORAGE_ACCOUNT_KEY")],
)
def test_the_others_read_their_own_variables(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str, variable: str
) -> None:
    monkeypatch.setenv(variable, str(tmp_path / "no such file"))
    with pytest.raises(StorageFailed, match=f"the object store {url} cannot be used"):
        bucket_at(url, BRISK)


def test_plain_http_is_only_for_whoever_allows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    bucket_behind(monkeypatch, NOWHERE)
    monkeypatch.setenv("AWS_ALLOW_HTTP", "false")
    with pytest.raises(StorageFailed) as failure:
        bucket_at("s3://bucket", Pace(1, 0, 0)).probe()
    assert "Connection refused" not in str(failure.value)


def test_an_authority_file_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bucket_behind(monkeypatch, NOWHERE)
    with pytest.raises(StorageFailed, match="No such file"):
        bucket_at("s3://bucket", BRISK, tmp_path / "missing.pem")
