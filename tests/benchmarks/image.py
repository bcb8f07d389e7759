"""What the image weighs, and what the service in it takes: python -m tests.benchmarks.image (wants bwrap)."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from tests.benchmarks.processes import Server
from tests.deploy.dockerfile import Build, of_the_system, shut_in
from tests.deploy.proxy import ROOT, open_folder
from tests.ports import free_port
from tests.service import eventually

IDLE = 60.0  # seconds
AUTH_SECRET = "whoever signs our users in, secretly"
SERVER = "http://127.0.0.1:9"  # nobody is there, and nobody is asked


def size(path: Path) -> float:
    """MB, as files are long."""
    return sum(file.lstat().st_size for file in path.rglob("*") if not file.is_dir()) / 1e6


def libmagic() -> Iterator[float]:
    for package in ("libmagic1", "libmagic-mgc"):
        shown = subprocess.run(
            ["dpkg-query", "--show", "--showformat=${Installed-Size}", package],
            capture_output=True,
            text=True,
            check=True,
        )
        yield int(shown.stdout) / 1000


def memory(pid: int) -> str:
    rows = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    return ", ".join(f"{name} {int(rows[name].split()[0]) / 1000:.0f} MB" for name in ("Rss", "Pss"))


def main() -> None:
    with open_folder() as folder:
        folder.chmod(0o755)
        image = Build(ROOT, folder / "image").run()
        packages = image.root / "opt" / "docledger"
        print(f"Docledger and its libraries: {size(packages):.1f} MB")
        for part in sorted((packages / "lib").glob("*/site-packages/*"), key=size)[-6:]:
            print(f"    {part.name}: {size(part):.1f} MB")
        print(f"libmagic: {sum(libmagic()):.1f} MB")
        data, port = folder / "data", free_port()
        data.mkdir(mode=0o777)
        data.chmod(0o777)
        settings = {
            "DOCLEDGER_PORT": str(port),
            "DOCLEDGER_AUTH_SECRET": AUTH_SECRET,
            "DOCLEDGER_DOCUMENT_SERVER_URL": SERVER,
            "DOCLEDGER_DOCUMENT_SERVER_SECRET": AUTH_SECRET,
        }
        command = shut_in(image, of_the_system(), {**image.environment, **settings}, data=data)
        for round_ in ("first start", "second start"):
            began = time.monotonic()
            process = subprocess.Popen([*command, *image.command], stderr=subprocess.DEVNULL)
            eventually(lambda: _answers(port), "it answers")
            took = time.monotonic() - began
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            spent = Server("", int(children[0])).cpu()
            print(f"{round_}: {took:.2f} s until it answers, {spent:.2f} s of CPU")
            if round_ == "second start":
                time.sleep(IDLE)
                print(f"after {IDLE:.0f} s without a request: {memory(int(children[0]))}")
            subprocess.run(["kill", children[0]], check=True)
            process.wait(30)


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).is_success
    except httpx.TransportError:
        return False


if __name__ == "__main__":
    main()
