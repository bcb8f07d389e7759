"""`docledger verify`, as an auditor types it."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from infrastructure.signing import public_half
from tests.databases import Place, execute, variables
from tests.infrastructure import ledgers
from tests.service import Service, eventually, running


def anchors(service: Service) -> list[str]:
    return re.findall(r"checkpoint (\d+:[0-9a-f]{64}) is signed", service.log())


@pytest.fixture
def stopped(tmp_path: Path, place: Place) -> Iterator[Service]:
    """Somebody has opened a document; the service has been stopped gently."""
    with running(tmp_path, **variables(place)) as service:
        service.key(service.file("Welcome.docx")["id"])
        assert service.stop() == 0
        yield service


def write_public(path: Path, key: Ed25519PrivateKey | None = None, *, half: Path | None = None) -> str:
    public = key.public_key() if key else public_half(half)  # type: ignore[arg-type]
    path.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return str(path)


def test_it_works_beside_the_running_service(tmp_path: Path, place: Place) -> None:
    with running(tmp_path, CHECKPOINT_SECONDS="0.2", **variables(place)) as service:
        first = eventually(lambda: anchors(service), "a checkpoint is made")[0]
        service.key(service.file("Welcome.docx")["id"])
        eventually(lambda: len(anchors(service)) > 1, "another one is made")
        done = service.command("verify", "--anchor", first)
        assert done.returncode == 0, done.stdout
        assert "20 facts checked: nothing found." in done.stdout
        assert "Checking the log" in done.stderr
        service.key(service.file("Roadmap.pptx")["id"])


def test_a_gentle_stop_leaves_nothing_uncovered(stopped: Service) -> None:
    done = stopped.command("verify", "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["findings"]) == (0, [])
    assert report["facts"] == report["covered"] == 20


def test_what_was_done_behind_the_services_back_is_named(stopped: Service, place: Place) -> None:
    execute(place, "DELETE FROM stored_events WHERE topic = 'Admitted'")
    execute(place, "UPDATE stored_events SET state = x'80' WHERE position = 1")
    done = stopped.command("verify")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert re.fullmatch(r"file/\w+, fact 1, position 1: changed: .*", lines[0])
    assert re.fullmatch(r"document/\S+, fact 2, position 20: removed: it is missing", lines[1])
    assert "19 facts checked: 2 findings." in done.stdout


def test_a_damaged_database_is_a_finding_and_no_traceback(tmp_path: Path) -> None:
    path = ledgers.make(tmp_path / "data" / "docledger.db")
    assert isinstance(path, Path)
    content = path.read_bytes()
    for damaged in (content[:20_000], b"no database" * 1000):
        path.write_bytes(damaged)
        done = Service(tmp_path).command("verify")
        assert done.returncode == 1
        assert "the database: damaged: " in done.stdout
        assert "Traceback" not in done.stderr


def test_another_key_vouches_for_nothing_and_several_may_be_given(stopped: Service, tmp_path: Path) -> None:
    other = write_public(tmp_path / "other.pub", Ed25519PrivateKey.generate())
    own = write_public(tmp_path / "own.pub", half=stopped.data / "checkpoint.key")
    done = stopped.command("verify", "--public-key", other)
    assert done.returncode == 1
    assert "checkpoint: it was changed, or signed with another key" in done.stdout
    assert stopped.command("verify", "--public-key", other, "--public-key", own).returncode == 0


def test_a_key_that_is_kept_elsewhere_is_used(tmp_path: Path) -> None:
    key = tmp_path / "safe" / "our.key"
    with running(tmp_path, CHECKPOINT_KEY=str(key)) as service:
        assert service.stop() == 0
        assert not (service.data / "checkpoint.key").exists()
        assert service.command("verify").returncode == 0
        key.unlink()
        done = service.command("verify")
        assert done.returncode == 2
        assert "no key to check them with: name its --public-key" in done.stderr


def test_what_cannot_be_checked_is_said_with_a_code_of_its_own(tmp_path: Path) -> None:
    service = Service(tmp_path)
    done = service.command("verify")
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no database at" in done.stderr
    (tmp_path / "spoilt.pub").write_text("spoilt")
    done = service.command("verify", "--public-key", "spoilt.pub")
    assert done.returncode == 2
    assert "spoilt.pub cannot be used: " in done.stderr
    done = service.command("verify", "--anchor", "7")
    assert done.returncode == 2
    assert "'7' is not like 1234:9f86" in done.stderr


def test_a_log_of_an_earlier_release_is_first_to_be_upgraded(tmp_path: Path) -> None:
    service = Service(tmp_path)
    service.data.mkdir()
    sample = Path(__file__).parent / "samples" / "ledger-before-chain.sql"
    with closing(sqlite3.connect(service.data / "docledger.db")) as database:
        database.executescript(sample.read_text())
    done = service.command("verify")
    assert done.returncode == 2
    assert "is of an earlier release; start the service once to upgrade it" in done.stderr
    done = service.command("import", str(Path(__file__).parent / "files" / "letter.odt"))
    assert done.returncode == 0, done.stderr
    done = service.command("verify")
    assert (done.returncode, done.stdout) == (
        0,
        "28 facts checked: nothing found.\n"
        "0 covered by 0 checkpoints up to position 0.\n"
        "28 not covered: who can write to the database could have rewritten these, links and all.\n",
    )
