"""What nodes must have in common: a second one that differs is told so, and which setting, and what to do."""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from infrastructure.nodes.agreeing import REMEDIES, Terms, introduced, values_of
from infrastructure.settings import Settings, SettingsError
from infrastructure.signing import signing_key
from tests.web.service import Given

OLD, NEW, OTHER = (f"{number}-secret-of-more-than-thirty-two-bytes" for number in range(3))
SERVER = "the secret of the Document Server, long enough"


def on(machine: Path, **given: Any) -> Settings:
    """The settings of one of several machines, which have a folder in common."""
    usual = {
        "data_dir": machine,
        "secret": OLD,
        "auth_secret": OLD,
        "blob_url": f"file://{machine.parent}/shared",
        "checkpoint_key": machine.parent / "shared.key",
        "database_url": "postgresql://ada@db/docledger",
    }
    return Given(**{**usual, **given})


def met(*others: Settings, by: Settings, server_secret: str = SERVER) -> Terms:
    """The terms of one that enters while others, each of which came in its turn, live."""
    terms: list[Terms] = []
    for other in others:
        terms.append(introduced(other, SERVER, terms))
    return introduced(by, server_secret, terms)


def refusal(*others: Settings, by: Settings, server_secret: str = SERVER) -> list[str]:
    """The settings that are named, each with what to do."""
    with pytest.raises(SettingsError) as refused:
        met(*others, by=by, server_secret=server_secret)
    head, *lines = str(refused.value).splitlines()
    assert head.startswith("These settings are not as on the node ")
    settings = [line.strip().removeprefix("DOCLEDGER_").partition(": ") for line in lines]
    assert all(remedy == REMEDIES[name] for name, _, remedy in settings)
    return [name for name, _, _ in settings]


def test_nodes_with_the_same_settings_agree(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    met(on(tmp_path / "a"), on(tmp_path / "b"), by=on(tmp_path / "c", port=9999))
    assert not caplog.records


def test_no_secret_is_told_and_no_digest_tells_the_same_twice(tmp_path: Path) -> None:
    settings = on(tmp_path / "a", previous_secret=NEW)
    one, other = met(by=settings), met(by=settings)
    for terms in (one, other):
        assert not any(secret in terms.digests for secret in (OLD, NEW, SERVER))
    first, second = ({*chain(*json.loads(terms.digests)["digests"].values())} for terms in (one, other))
    assert len(first) == len(second) == 7
    assert not first & second


@pytest.mark.parametrize("name", ["SECRET", "AUTH_SECRET"])
def test_another_secret_is_refused(tmp_path: Path, name: str) -> None:
    assert refusal(on(tmp_path / "a"), by=on(tmp_path / "b", **{name.lower(): NEW})) == [name]


def test_everything_that_differs_is_named_at_once(tmp_path: Path) -> None:
    first = on(tmp_path / "a", checkpoint_key=tmp_path / "a.key")
    second = on(
        tmp_path / "b",
        secret=None,
        auth_secret=None,
        blob_url="s3://bytes",
        checkpoint_key=tmp_path / "b.key",
    )
    assert refusal(first, by=second, server_secret=OTHER) == [*REMEDIES]
    assert not (tmp_path / "b.key").exists(), "the other's can be put there"


def test_what_a_second_machine_has_made_for_itself_is_not_the_firsts(tmp_path: Path) -> None:
    first, second = (
        on(data, secret=None, blob_url=f"file://{data}/blobs", checkpoint_key=data / "checkpoint.key")
        for data in (tmp_path / "a", tmp_path / "b")
    )
    assert refusal(first, by=second) == ["SECRET", "BLOB_URL", "CHECKPOINT_KEY"]
    met(first, by=first)


def test_one_folder_may_have_two_names_and_two_folders_one(tmp_path: Path) -> None:
    (tmp_path / "mounted").symlink_to(tmp_path / "shared")
    met(on(tmp_path / "a"), by=on(tmp_path / "b", blob_url=f"file://{tmp_path}/mounted"))
    first = values_of(on(tmp_path / "a"), SERVER)["BLOB_URL"]
    (tmp_path / "shared").rename(tmp_path / "unmounted")
    assert values_of(on(tmp_path / "b"), SERVER)["BLOB_URL"] != first


ROTATED = [
    ("secret", {"secret": NEW, "previous_secret": OLD}),
    ("auth_secret", {"auth_secret": NEW, "previous_auth_secret": OLD}),
]


@pytest.mark.parametrize(("name", "rotated"), ROTATED)
def test_a_secret_is_replaced_node_by_node(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, rotated: dict[str, str]
) -> None:
    before, after = on(tmp_path / "a"), on(tmp_path / "b", **rotated)
    for other, one in ((before, after), (after, before)):
        caplog.clear()
        met(other, by=one)
        assert f"DOCLEDGER_{name.upper()}: one is being replaced" in caplog.text
        assert f"PREVIOUS_{name.upper()}" in caplog.text
    caplog.clear()
    both = on(tmp_path / "a", **{f"previous_{name}": NEW})
    met(both, by=after)
    assert not caplog.records, "each believes what the other signs"


def test_the_document_servers_secret_is_replaced_as_well(tmp_path: Path) -> None:
    after = on(tmp_path / "b", previous_document_server_secret=SERVER)
    met(on(tmp_path / "a"), by=after, server_secret=NEW)
    assert refusal(on(tmp_path / "a"), by=on(tmp_path / "b"), server_secret=NEW) == ["DOCUMENT_SERVER_SECRET"]


def test_two_policies_and_a_replaced_key_are_only_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    signing_key(tmp_path / "b.key")
    other = on(tmp_path / "b", callback_reply="durable", checkpoint_key=tmp_path / "b.key")
    met(on(tmp_path / "a"), by=other)
    assert "DOCLEDGER_CALLBACK_REPLY: " in caplog.text
    assert "DOCLEDGER_CHECKPOINT_KEY: " in caplog.text


def test_a_setting_that_only_another_release_knows_is_not_compared(tmp_path: Path) -> None:
    terms = met(by=on(tmp_path / "a"))
    told = json.loads(terms.digests)
    told["digests"]["NOVELTY"] = ["00"]
    del told["digests"]["SECRET"]
    introduced(on(tmp_path / "b", secret=NEW), SERVER, [terms._replace(digests=json.dumps(told))])
