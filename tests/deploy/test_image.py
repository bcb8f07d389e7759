"""The image: its steps performed, and the service run where it may write nothing but its data."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import trio

from tests.deploy.dockerfile import Build, Stage, of_the_system, shut_in
from tests.deploy.proxy import ROOT, open_folder
from tests.ports import free_port
from tests.service import eventually
from tests.standin.page import page
from tests.web.service import AUTH_SECRET, signed_in

GRACE = 20.0  # seconds from SIGTERM to the end


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    if shutil.which("bwrap") is None:
        pytest.skip("no bwrap here: apt install bubblewrap")
    if os.getuid() != 0:
        pytest.skip("only root can give files to the image's user")
    with open_folder() as folder:
        folder.chmod(0o755)
        yield folder


@pytest.fixture(scope="module")
def image(folder: Path) -> Stage:
    return Build(ROOT, folder).run()


@dataclass
class Container:
    image: Stage
    data: Path
    url: str
    command: list[str]
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        """Of the service; bwrap only waits for it."""
        return int(Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()[0])

    def ask(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.command, *command], capture_output=True, text=True, timeout=30, check=False
        )

    def healthy(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        return self.ask(*self.image.health).returncode == 0

    def stuck(self) -> str:
        """What all its threads do instead of answering, and why it cannot be asked; this ends it."""
        asked = self.ask(*self.image.health)
        os.kill(self.pid, signal.SIGABRT)
        self.process.wait(30)
        return f"it is healthy, see {asked.stderr}{self.log.read_text()}"


@pytest.fixture(scope="module")  # the last test stops it
def container(image: Stage, folder: Path) -> Iterator[Container]:
    data, port = folder / "volume", free_port()
    shutil.copytree(image.root / "data", data)
    os.chown(data, 10001, 10001)  # Docker makes a volume of the image's folder, with its owner
    settings = {"DOCLEDGER_PORT": str(port), "DOCLEDGER_AUTH_SECRET": AUTH_SECRET, "PYTHONFAULTHANDLER": "1"}
    command = shut_in(image, of_the_system(), {**image.environment, **settings}, data=data)
    log = folder / "log"
    with log.open("wb") as said:
        process = subprocess.Popen([*command, *image.command], stdout=said, stderr=said)
    try:
        container = Container(image, data, f"http://127.0.0.1:{port}", command, process, log)
        eventually(container.healthy, container.stuck, 60)
        yield container
    finally:
        if process.poll() is None:
            os.kill(container.pid, signal.SIGKILL)
        process.wait(30)
        shutil.rmtree(data)


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run(
        [hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_has_no_tools_no_tests_and_no_fallback(image: Stage) -> None:
    found = {path.name for path in (image.root / "opt/docledger/lib").glob("*/site-packages/*")}
    assert {"domain", "application", "infrastructure", "web", "trio", "hypercorn"} <= found
    assert not {"pip", "setuptools", "pylibmagic", "pytest", "tests", "mypy"} & found
    assert not (image.root / "build").exists()
    assert image.installed[-1] == "libmagic1"


def test_it_says_what_it_is(image: Stage) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f'org.opencontainers.image.version="{project["version"]}"' in image.labels
    assert project["description"] in image.labels
    assert (image.signal, image.volumes, image.user) == ("SIGTERM", ["/data"], "10001:10001")


def test_what_is_installed_is_what_constraints_txt_says(image: Stage) -> None:
    pinned = {line.replace("_", "-").lower() for line in (ROOT / "constraints.txt").read_text().splitlines()}
    found = image.root.glob("opt/docledger/lib/*/site-packages/*.dist-info")
    named = {path.name.removesuffix(".dist-info").replace("_", "-").lower() for path in found}
    assert len(named) > 20
    assert named - {line.replace("==", "-") for line in pinned} == {"docledger-0.1.0"}


def test_nothing_but_data_and_tmp_can_be_written(container: Container) -> None:
    for place in ("/", "/etc", "/opt/docledger/lib", "/usr/bin"):
        done = container.ask("touch", f"{place}/x")
        assert done.returncode == 1, place
    assert container.ask("touch", "/data/x", "/tmp/x").returncode == 0
    assert container.ask("id", "-u").stdout.strip() == "10001"


async def test_a_document_is_edited_saved_and_kept_and_a_stop_is_gentle(container: Container) -> None:
    async with httpx.AsyncClient(base_url=container.url, trust_env=False, headers=signed_in("ada")) as http:
        added = await http.post("/api/files", files={"file": ("notes.txt", b"The first words.")})
        assert added.status_code == 201, added.text
        file = added.json()["id"]
        opened = (await http.get(f"/api/onlyoffice/config/{file}")).json()
        server = opened["onlyofficeJsUrl"].partition("/web-apps")[0]
        with trio.fail_after(GRACE):
            async with page(server, {**opened["config"], "token": opened["token"]}) as editor:
                await editor.type("Newer words.")
                os.kill(container.pid, signal.SIGTERM)  # with a change that nobody has saved
                await trio.to_thread.run_sync(container.process.wait, GRACE)
    assert container.process.returncode in {0, -signal.SIGTERM}
    kept = [path.read_bytes() for path in (container.data / "blobs").glob("??/*")]
    assert b"Newer words." in kept
