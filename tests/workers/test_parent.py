"""A parent and its workers: born, killed, renewed and ended, as whoever connects to their port meets them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.service import eventually
from tests.workers.crowd import Crowd

ROOT = Path(__file__).parents[2]
READY = "Docledger is ready"
Start = Callable[..., "Family"]


class Family:
    """A parent's process and what its workers note."""

    def __init__(self, folder: Path, count: int, **environment: str) -> None:
        self.folder = folder
        with (folder / "log").open("ab") as log:
            self.parent = subprocess.Popen(
                [sys.executable, "-m", "tests.workers.parent", str(folder), str(count)],
                cwd=ROOT,
                env={**os.environ, **environment},
                stdout=log,
                stderr=log,
            )

    def tell(self, what: str) -> None:
        (self.folder / what).touch()

    def tell_no_more(self, what: str) -> None:
        (self.folder / what).unlink()

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def told(self) -> list[tuple[int, int, str]]:
        """Number, process and what it noted; of the parent, 0 and 0."""
        with suppress(FileNotFoundError):
            lines = [line.split(" ", 2) for line in (self.folder / "told").read_text().splitlines()]
            return [(int(number), int(pid), what.strip()) for number, pid, what in lines]
        return []

    def those(self, what: str) -> list[int]:
        return [pid for _, pid, noted in self.told() if noted == what]

    def until_ready(self) -> None:
        eventually(lambda: READY in self.log() or self.parent.poll() is not None, "it is ready")
        assert self.parent.poll() is None, self.log()

    def ask(self) -> tuple[int, int]:
        """Who answers: a number and a process."""
        port = int((self.folder / "port").read_text())
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
            answer = b""
            while chunk := connection.recv(1000):
                answer += chunk
        number, pid = answer.rpartition(b"\r\n")[2].split()
        return int(number), int(pid)

    def answering(self, asked: int = 60) -> set[int]:
        return {self.ask()[1] for _ in range(asked)}

    def close(self) -> None:
        for what in ("busy", "stubborn"):
            with suppress(FileNotFoundError):
                self.tell_no_more(what)
        if self.parent.poll() is None:
            self.parent.kill()
            self.parent.wait()
        pids = {pid for pid in (pid for _, pid, _ in self.told()) if pid}
        eventually(lambda: not any(map(lives, pids)), "all are gone")


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    families: list[Family] = []

    def started(count: int, *told: str, **environment: str) -> Family:
        for what in told:
            (tmp_path / what).touch()
        families.append(Family(tmp_path, count, **environment))
        return families[-1]

    yield started
    for family in families:
        family.close()


def test_all_workers_take_what_comes_in_at_one_port(start: Start) -> None:
    family = start(3)
    family.until_ready()
    ready = family.those("ready")
    assert len(ready) == 3
    with Callers(family) as crowd:
        eventually(lambda: set(crowd.answered) == set(ready), "each takes something")
    assert not crowd.refused


def test_a_worker_that_is_killed_has_a_successor_and_nobody_is_refused(start: Start) -> None:
    family = start(2)
    family.until_ready()
    _, killed = family.ask()
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: family.answering(5) and len(family.those("ready")) == 3, "there is another")
    assert killed not in family.answering()
    assert f"(process {killed}) has ended by SIGKILL, and is started again" in family.log()


def test_a_first_worker_that_cannot_start_is_the_end_and_its_reason_is_said_once(start: Start) -> None:
    family = start(4, "stillborn")
    assert family.parent.wait(20) == 1
    assert family.log().count("there is no database") == 1
    assert READY not in family.log()


def test_a_worker_that_cannot_start_again_is_tried_again_with_pauses_while_others_go_on(start: Start) -> None:
    family = start(2)
    family.until_ready()
    first, second = family.those("ready")
    family.tell("stillborn")
    os.kill(second, signal.SIGKILL)
    eventually(lambda: family.log().count("there is no database") >= 3, "it is tried again and again")
    assert family.answering(5) == {first}
    assert "another attempt in 0.4 s" in family.log()
    family.tell_no_more("stillborn")
    eventually(lambda: len(family.those("ready")) == 3, "it lives again")


def test_a_stop_waits_until_all_have_saved_and_then_for_the_last_saves(start: Start) -> None:
    family = start(3, "busy")
    family.until_ready()
    family.parent.send_signal(signal.SIGTERM)
    eventually(lambda: len(family.those("stopping")) == 3, "all are told")
    assert family.ask(), "they still listen"
    assert family.parent.poll() is None
    assert not family.those("drained")
    family.tell_no_more("busy")
    assert family.parent.wait(20) == 0
    order = [what for _, _, what in family.told()]
    assert order[-7:] == ["drained"] * 3 + ["last saves"] + ["ended"] * 3
    assert "killed" not in family.log()


def test_who_does_not_end_in_time_is_killed(start: Start) -> None:
    family = start(2, "stubborn")
    family.until_ready()
    family.parent.send_signal(signal.SIGINT)
    assert family.parent.wait(20) == 0
    assert family.log().count("took too long to end, and was killed") == 2
    assert not any(map(lives, family.those("ready")))


def test_a_stop_during_the_start_is_one_too(start: Start) -> None:
    family = start(3)
    eventually(lambda: (family.folder / "port").exists() and family.those("ready"), "the first is ready")
    family.parent.send_signal(signal.SIGTERM)
    assert family.parent.wait(20) == 0
    assert not any(map(lives, family.those("ready")))


def test_the_workers_of_a_killed_parent_save_and_end_by_themselves(start: Start) -> None:
    family = start(3, "busy")
    family.until_ready()
    family.parent.kill()
    family.parent.wait()
    eventually(lambda: len(family.those("stopping")) == 3, "they have noticed")
    family.tell_no_more("busy")
    eventually(lambda: len(family.those("ended")) == 3, "each has ended in order")


class Callers(Crowd):
    """Each time over a connection of its own."""

    def __init__(self, family: Family) -> None:
        super().__init__(4, 0.002)
        self._family = family
        self.answered: list[int] = []
        self.refused: list[str] = []

    def ask(self) -> None:
        try:
            self.answered.append(self._family.ask()[1])
        except (OSError, ValueError) as trouble:
            self.refused.append(repr(trouble))


def test_all_are_renewed_one_after_the_other_and_nobody_is_refused(start: Start) -> None:
    family = start(3)
    family.until_ready()
    old = set(family.those("ready"))
    with Callers(family) as crowd:
        family.parent.send_signal(signal.SIGHUP)
        eventually(lambda: "all workers are new" in family.log(), "all are new")
        new = set(family.those("ready")) - old
        assert len(new) == 3
        eventually(lambda: new <= set(crowd.answered), "the new ones answer")
    assert not crowd.refused
    assert len(crowd.answered) > 100
    assert set(family.those("ended")) == old
    turns = [what for _, _, what in family.told() if what in {"ready", "stopping", "ended"}]
    assert turns == ["ready"] * 3 + ["ready", "stopping", "ended"] * 3
    assert not old & family.answering()


def test_when_new_ones_cannot_start_the_old_ones_go_on(start: Start) -> None:
    family = start(2)
    family.until_ready()
    family.tell("stillborn")
    family.parent.send_signal(signal.SIGHUP)
    eventually(lambda: "does not start: those that are there go on" in family.log(), "it is said")
    assert family.log().count("there is no database") == 1
    assert family.answering() == set(family.those("ready"))


def test_a_worker_killed_while_all_are_renewed_is_replaced_as_well(start: Start) -> None:
    family = start(3)
    family.until_ready()
    old = family.those("ready")
    family.parent.send_signal(signal.SIGHUP)
    os.kill(old[-1], signal.SIGKILL)
    eventually(lambda: "all workers are new" in family.log(), "all are new")

    def three_new() -> bool:
        living = set(filter(lives, family.those("ready")))
        return len(living) == 3 and not living & set(old)

    eventually(three_new, "there are three")


def test_systemd_hears_of_all_of_them_from_the_parent_alone(start: Start, tmp_path: Path) -> None:
    name = f"\0docledger-workers-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(name)
        systemd.settimeout(20)
        family = start(2, NOTIFY_SOCKET=f"@{name[1:]}")
        assert systemd.recv(100) == b"READY=1"
        assert len(family.those("ready")) == 2, "none of them knows of a socket"
        family.parent.send_signal(signal.SIGTERM)
        assert systemd.recv(100) == b"STOPPING=1"
        assert family.parent.wait(20) == 0
        systemd.setblocking(False)
        with pytest.raises(BlockingIOError):
            systemd.recv(100)
