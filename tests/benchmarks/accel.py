"""File bytes through nginx, sent by us and sent by itself: python -m tests.benchmarks.accel."""

from __future__ import annotations

import re
import secrets
import sys
from pathlib import Path

import trio

from tests.benchmarks import wrk
from tests.benchmarks.processes import Server
from tests.deploy.proxy import MAIN, nginx, open_folder, site
from tests.ports import free_port
from tests.service import Service, running

MB = 1_000_000
CASES = ((1, 8), (100, 2))  # megabytes, connections
SECONDS = 8


async def measured(service: Service, folder: Path, files: dict[int, str], *, accelerated: bool) -> None:
    port, ours = free_port(), Server(service.url, service.pid)
    text = site(port, folder, service.url, "http://127.0.0.1:9").replace(f"{port} ssl;", f"{port};")
    if not accelerated:
        text = re.sub(r"proxy_set_header X-Sendfile-Type +X-Accel-Redirect;", "", text)
    config = MAIN.format(folder=folder, site=text)
    async with nginx(folder, port, config, "/usr/sbin/nginx"):
        for size, connections in CASES:
            url = f"http://127.0.0.1:{port}/api/files/{files[size]}/content"
            before = ours.cpu()
            done = await trio.to_thread.run_sync(wrk.get, url, connections, SECONDS)
            spent = (ours.cpu() - before) / done.requests * 1000
            by = "nginx" if accelerated else "us"
            rate = f"{done.rate:.1f} a second, {done.rate * size:.0f} MB/s"
            print(f"{size} MB, sent by {by}: {rate}, {spent:.1f} ms of our CPU each", flush=True)


def main() -> None:
    if not wrk.installed():
        sys.exit("wrk is not installed: apt install wrk")
    with open_folder() as folder:
        folder.chmod(0o755)
        with running(
            folder, ACCEL_REDIRECT="/blobs", RATE_LIMIT="off", MAX_FILE_BYTES=str(200 * MB)
        ) as service:
            files = {}
            for size, _ in CASES:
                sent = {"file": ("notes.txt", secrets.token_hex(size * MB // 2).encode())}
                files[size] = service.client.post("/api/files", files=sent).json()["id"]
            for accelerated in (False, True):
                trio.run(lambda by=accelerated: measured(service, folder, files, accelerated=by))


if __name__ == "__main__":
    main()
