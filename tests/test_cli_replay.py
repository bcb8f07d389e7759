"""`docledger replay` and `docledger export`, as somebody types them who looks for a fault."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import trio
from click.testing import CliRunner, Result

from infrastructure.journal import LedgerJournal
from tests.databases import Place, execute, replace, variables
from tests.engines.fixtures import MakePlace
from tests.log import Log
from tests.secrets import Secrets, life
from tests.service import Service, running
from web.cli import main

SECRETS = Secrets()
KEY, OTHER = SECRETS.keys


async def record(log: Log, place: Place) -> None:
    async with LedgerJournal.open(place) as journal:
        for changes in log.changes:
            await journal.append(*changes)


def recorded(folder: Path, place: Place) -> Service:
    trio.run(record, life(SECRETS), place)
    return Service(folder, **variables(place))


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory, make_place: MakePlace) -> Service:
    """A log that stays as it is, and nobody who serves it."""
    return recorded(tmp_path_factory.mktemp("offline"), make_place("log"))


@pytest.fixture
def spoilt(tmp_path: Path, place: Place) -> Service:
    """Another, to be spoilt."""
    return recorded(tmp_path, place)


def run(service: Service, *arguments: str) -> Result:
    """As service.command, without a process of its own."""
    return CliRunner().invoke(main, arguments, env=service.environment)


def test_replay_tells_what_happened_and_what_was_true_then(offline: Service) -> None:
    done = offline.command("replay", KEY, "--version", "2")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == f"document {KEY} of file {SECRETS.file_id}"
    assert "2  2026-11-23 12:00:00.000  Zaphod Quux was let in to edit, from 198.51.100.77." in lines[2]
    assert "Saved as version 2 (auto-save)" in lines[8]
    assert lines[9] == "State after event 8 of 22: editing"
    assert "  head                2" in lines
    assert f"  owner               Zaphod Quux ({SECRETS.users[0]})" in lines


def test_replay_of_a_file_names_its_sessions(offline: Service) -> None:
    told = run(offline, "replay", SECRETS.file_id, "--at", "2026-11-23T12:00:30Z").stdout
    assert "Zaphod Quux renamed it “Zyzzyva — sesame.docx”." in told
    assert "State after event 7 of 11:" in told
    assert f"session {KEY}\nsession {OTHER}\n" in told


def test_replay_can_answer_a_program(offline: Service) -> None:
    told = json.loads(run(offline, "replay", KEY, "--after", "4", "--json").stdout)
    assert (told["key"], told["number"], told["last"], told["open"]) == (KEY, 4, 22, "editing")
    assert told["state"]["editing"] == [{"id": SECRETS.users[0], "name": "Zaphod Quux"}]
    assert [event["type"] for event in told["events"]] == ["Opened", "Admitted", "Admitted", "Joined"]


def test_an_exported_incident_is_decided_as_the_log_itself(offline: Service) -> None:
    checked = run(offline, "replay", SECRETS.file_id, "--check")
    assert (checked.exit_code, checked.stderr) == (0, "")
    assert "24 decisions made again: each comes out as it was recorded." in checked.stdout
    for number, options in enumerate([(), ("--redact",)]):
        path = str(offline.folder / f"{number}.jsonl")
        done = run(offline, "export", SECRETS.file_id, *options, "-o", path)
        assert (done.exit_code, done.stdout) == (0, ""), done.stderr
        again = run(offline, "replay", "--from", path)
        assert (again.exit_code, again.stdout) == (0, checked.stdout)


def test_an_export_of_a_session_has_its_file_and_no_other_session(offline: Service) -> None:
    lines = [json.loads(line) for line in run(offline, "export", KEY).stdout.splitlines()]
    assert {line["stream"] for line in lines[1:]} == {f"document/{KEY}", f"file/{SECRETS.file_id}"}
    positions = [line["position"] for line in lines[1:]]
    assert positions == sorted(positions)
    assert (lines[0]["of"], lines[0]["redacted"]) == (f"document/{KEY}", False)


def test_a_redacted_export_names_nobody(offline: Service) -> None:
    told = run(offline, "export", KEY, "--redact").stdout
    assert [secret for secret in SECRETS.all() if secret.casefold() in told.casefold()] == []


def test_the_first_decision_that_comes_out_differently_is_shown(offline: Service) -> None:
    path = offline.folder / "incident.jsonl"
    lines = run(offline, "export", KEY).stdout.splitlines()
    (closed,) = [n for n, line in enumerate(lines) if '"type":"Closed"' in line]
    lines[closed] = lines[closed].replace('"reason":"saved"', '"reason":"unchanged"')
    path.write_text("\n".join(lines))
    done = run(offline, "replay", "--from", str(path))
    assert done.exit_code == 1
    assert f"Event 17 of document/{KEY} (position " in done.stdout
    assert "asked     CommitOffer(" in done.stdout
    assert "          Closed(at=2026-11-23T12:01:01+00:00, reason=unchanged)" in done.stdout
    assert "          Closed(at=2026-11-23T12:01:01+00:00, reason=saved)" in done.stdout
    assert "State before:" in done.stdout


def test_a_log_changed_in_the_database_is_found_out_by_its_decisions(spoilt: Service, place: Place) -> None:
    replace(place, "true", "false", "Forcesaved")
    done = run(spoilt, "replay", KEY, "--check")
    assert done.exit_code == 1
    assert f"Event 8 of document/{KEY}" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "Name a document's key or a file's id, or an exported incident with --from."),
        ((KEY, "--after", "3", "--version", "2"), 2, "Give one of --after, --at and --version"),
        ((KEY, "--check", "--version", "2"), 2, "or make all decisions again"),
        ((KEY, "--at", "yesterday"), 2, "'yesterday' is not a time in ISO 8601, such as"),
        ((KEY, "--after", "99"), 1, "There is no event 99: they are numbered from 1 to 22."),
        ((KEY, "--version", "7"), 1, "It stored 2, 3, 4."),
        ((KEY[:-1] + "x",), 1, f"Did you mean one of these?\n  {KEY}"),
        (("Zyzzyva",), 1, f"Did you mean one of these?\n  {SECRETS.file_id}"),
        (("?!",), 1, "There is no document or file '?!' in this log."),
        (("half \udcff",), 2, "'half \\udcff' is no text in UTF-8"),
        (("--from", "nowhere.jsonl"), 2, "'nowhere.jsonl' does not exist"),
    ],
)
def test_what_cannot_be_replayed_is_explained(
    offline: Service, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = run(offline, "replay", *arguments)
    assert (done.exit_code, done.stdout) == (code, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_malformed_export_is_refused_with_its_line(offline: Service) -> None:
    path = offline.folder / "incident.jsonl"
    lines = run(offline, "export", KEY).stdout.splitlines()
    for number, changed, said in (
        (5, lines[4][:-3], "line 5: this is no JSON"),
        (9, lines[8].replace('"Open"', '"Invented"'), "line 9: event 1 of document/"),
    ):
        path.write_text("\n".join([*lines[: number - 1], changed, *lines[number:]]))
        done = run(offline, "replay", "--from", str(path))
        assert (done.exit_code, done.stdout) == (1, "")
        assert f"incident.jsonl, {said}" in done.stderr


@pytest.mark.parametrize("command", [("export",), ("erase",), ("erase", "ada", "--by")])
def test_arguments_must_be_texts(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = run(Service(tmp_path), *command, "\udcff")
    assert done.exit_code == 2
    assert "is no text in UTF-8" in done.stderr


def test_without_a_log_it_is_said_where_it_was_looked_for(tmp_path: Path, place: Place) -> None:
    setting = "DOCLEDGER_DATABASE_URL" if isinstance(place, str) else "DOCLEDGER_DATA_DIR"
    for command in ("replay", "export"):
        done = run(Service(tmp_path, **variables(place)), command, KEY)
        assert done.exit_code == 1
        assert f"Is {setting} the service's?" in done.stderr
    assert not (tmp_path / "data").exists()


def test_an_event_that_cannot_be_decoded_is_named(spoilt: Service, place: Place) -> None:
    execute(place, "UPDATE stored_events SET state = x'7b' WHERE position = 10")
    for command in (("replay", KEY), ("replay", KEY, "--check"), ("export", KEY)):
        done = run(spoilt, *command)
        assert done.exit_code == 1
        assert f"Event 3 of document/{KEY} (position 10) cannot be read" in done.stderr


@pytest.mark.parametrize(
    ("damage", "arguments", "said"),
    [
        (
            lambda place: execute(place, "DELETE FROM stored_events WHERE position = 10"),
            ("replay", KEY),
            f"Event 3 of document/{KEY} is missing.",
        ),
        (
            lambda place: replace(place, 'er":"', 'er":"x', "Saved"),
            ("replay", KEY),
            f"document/{KEY} tells of what never was: KeyError(",
        ),
        (
            lambda place: execute(place, "DELETE FROM stored_events WHERE topic = 'Opened'"),
            ("replay", SECRETS.file_id, "--check"),
            f"event 2 of document/{KEY} does not follow from what was before (ValueError:",
        ),
    ],
)
def test_a_damaged_log_is_said_to_be_one(
    spoilt: Service,
    place: Place,
    damage: Callable[[Place], None],
    arguments: tuple[str, ...],
    said: str,
) -> None:
    damage(place)
    done = run(spoilt, *arguments)
    assert done.exit_code == 1
    assert said in done.stderr


def test_it_works_beside_the_running_service(tmp_path: Path, place: Place) -> None:
    with running(tmp_path, **variables(place)) as service:
        file = service.get("/api/files")["files"][0]["id"]
        key = service.key(file)
        told = service.command("replay", key)
        assert told.returncode == 0, told.stderr
        assert "You were let in to edit" in told.stdout
        assert service.command("replay", file, "--check").returncode == 0
        assert service.types(key) == ["Opened", "Admitted"]
