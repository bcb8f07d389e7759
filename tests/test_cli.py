"""The command line, as a user types it."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

from tests.service import Service, eventually, running

FILES = Path(__file__).parent / "files"


@pytest.fixture
def offline(tmp_path: Path) -> Service:
    return Service(tmp_path)


def test_import_takes_files_and_folders_and_says_what_it_left_out(offline: Service, tmp_path: Path) -> None:
    folder = tmp_path / "letters" / "2026"
    folder.mkdir(parents=True)
    shutil.copy(FILES / "letter.odt", folder)
    shutil.copy(FILES / "letter.pdf", tmp_path / "letters")
    (folder / "fake.docx").write_bytes(b"\x7fELF" + bytes(100))
    (folder / "tool.exe").write_bytes(b"MZ")
    done = offline.command("import", str(tmp_path / "letters"))
    assert "2 imported, 2 not." in done.stdout
    assert "fake.docx" in done.stderr
    assert "tool.exe: ONLYOFFICE does not open this type" in done.stderr
    assert done.returncode == 1


def test_a_name_that_is_no_text_is_left_out_and_the_next_file_is_taken(
    offline: Service, tmp_path: Path
) -> None:
    folder = tmp_path / "inbox"
    folder.mkdir()
    (folder / os.fsdecode(b"1 \xff.txt")).write_text("words")
    (folder / "2.txt").write_text("words")
    done = offline.command("import", str(folder))
    assert "1 imported, 1 not." in done.stdout
    assert "no text" in done.stderr


def test_what_was_imported_while_the_service_runs_is_there_at_once(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        done = service.command("import", "--share", str(FILES / "letter.odt"))
        assert done.returncode == 0, done.stderr
        assert "Importing 1 files" in done.stdout
        file = service.file("letter.odt")
        assert service.content(file["id"], 1) == (FILES / "letter.odt").read_bytes()
        others = service.client.get("/api/files?as=Bob").json()["files"]
        assert "letter.odt" in {file["name"] for file in others}


def test_outside_the_demo_an_import_needs_an_owner(tmp_path: Path) -> None:
    service = Service(tmp_path, AUTH_SECRET="a secret of at least thirty-two bytes")
    done = service.command("import", str(FILES / "letter.odt"))
    assert done.returncode == 2
    assert "--owner" in done.stderr
    done = service.command("import", "--owner", "ada", str(FILES / "letter.odt"))
    assert done.returncode == 0, done.stderr


def test_every_wrong_setting_is_named_at_once(tmp_path: Path) -> None:
    service = Service(tmp_path, PORT="eighty", CALLBACK_REPLY="sometimes", AUTOSAVE_SECOND="5")
    done = service.command("serve")
    assert done.returncode == 1
    for name in ("DOCLEDGER_PORT", "DOCLEDGER_CALLBACK_REPLY", "DOCLEDGER_AUTOSAVE_SECOND"):
        assert name in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_said_in_a_line(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        other = Service(tmp_path / "other", PORT=service.url.rpartition(":")[2])
        other.folder.mkdir()
        done = other.command("serve")
        other.close()
        assert done.returncode == 1
        assert f"{service.url.removeprefix('http://')}: Address already in use." in done.stderr
        assert "DOCLEDGER_PORT" in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["secret", "checkpoint.key"])
def test_a_key_of_our_own_that_cannot_be_used_is_said_in_a_line(offline: Service, name: str) -> None:
    offline.data.mkdir(exist_ok=True)
    (offline.data / name).write_text("nothing of the kind")
    refused = offline.command("serve")
    assert refused.returncode == 1
    assert f"{name} cannot be used" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_database_that_cannot_be_opened_is_said_in_a_line(offline: Service) -> None:
    offline.data.mkdir(exist_ok=True)
    (offline.data / "docledger.db").write_bytes(b"garbage " * 1000)
    refused = offline.command("serve")
    offline.close()
    assert refused.returncode == 1
    assert "cannot open the database" in refused.stderr.splitlines()[-1]
    assert "Traceback" not in refused.stderr


def test_a_stand_in_that_dies_is_started_again_at_its_old_address(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        before = service.standin_process()
        os.kill(before["pid"], signal.SIGKILL)
        after = eventually(
            lambda: (now := service.standin_process()) and now["pid"] != before["pid"] and now,
            "another one runs",
        )
        assert (after["url"], after["secret"]) == (before["url"], before["secret"])
        assert eventually(lambda: service.standin("getForgottenList"), "it answers") == {
            "error": 0,
            "keys": [],
        }


def test_drain_says_when_no_service_runs(offline: Service) -> None:
    done = offline.command("drain")
    assert done.returncode == 1
    assert "No Docledger answers at http://127.0.0.1:" in done.stderr


def test_drain_needs_the_services_own_secret(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        assert service.command("drain").stdout == "Saved: 0. Left unsaved: 0.\n"
        port = service.url.rpartition(":")[2]
        stranger = Service(tmp_path, SECRET="some other secret of thirty-two bytes!", PORT=port)
        done = stranger.command("drain")
        assert done.returncode == 1
        assert "HTTP 403" in done.stderr
        refused = service.client.post("/api/drain")
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        assert "docledger drain" in refused.json()["message"]
