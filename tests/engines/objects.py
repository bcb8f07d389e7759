"""An object store of the tests' own that speaks S3: SeaweedFS, all its servers in one process."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from itertools import count
from pathlib import Path

from obstore.exceptions import BaseError
from obstore.store import S3Store

from tests.engines.engine import Engine
from tests.engines.kept import Kept, kept
from tests.engines.process import Process
from tests.ports import free_port

HOST = "127.0.0.1"
BUCKET = "docledger"
KEY, SECRET = "docledger", "a-secret-of-the-tests"
IDENTITY = {
    "name": "tests",
    "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
    "actions": ["Admin", "Read", "Write", "List", "Tagging"],
}
SERVERS = ("master", "volume", "filer", "s3")  # each listens on a port for HTTP and on one for gRPC
SETTINGS = {
    "master.telemetry": "false",  # it would tell its makers
    "master.electionTimeout": "500ms",  # it is alone: it leads after 1 s, not 15
    "master.heartbeatInterval": "100ms",
    "master.volumeSizeLimitMB": "256",
    "volume.max": "0",  # as many as the disk takes
    "volume.preStopSeconds": "0",
    "s3.port.iceberg": "0",
    "s3.port.lance": "0",
}


def weed() -> str | None:
    beside = Path(sys.executable).with_name("weed")
    return str(beside) if beside.exists() else shutil.which("weed")


class ObjectStore(Engine):
    def __init__(self, engine: Kept, program: str) -> None:
        self.log = engine.folder / "weed.log"
        self._engine, self._program = engine, program
        self._ports = {name: (free_port(), free_port()) for name in SERVERS}
        self._numbers = count(1)
        (engine.folder / "s3.json").write_text(json.dumps({"identities": [IDENTITY]}))

    @property
    def port(self) -> int:
        return self._ports["s3"][0]

    @property
    def environment(self) -> dict[str, str]:
        """What its clients are told of it, besides their url."""
        return {
            "AWS_ENDPOINT_URL": f"http://{HOST}:{self.port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
        }

    def url(self) -> str:
        """A place in it where nothing is yet."""
        return f"s3://{BUCKET}/place-{next(self._numbers)}"

    def client(self, url: str, secret: str = SECRET) -> S3Store:
        """One that gives up soon."""
        return S3Store.from_url(
            url,
            endpoint=self.environment["AWS_ENDPOINT_URL"],
            region="us-east-1",
            access_key_id=KEY,
            secret_access_key=secret,
            client_options={"allow_http": True, "timeout": "10s", "connect_timeout": "2s"},
            retry_config={"max_retries": 0, "retry_timeout": timedelta(seconds=10)},
        )

    def _launch(self) -> Process:
        return self._engine.start(
            [self._program, "-logtostderr", "server", *self._arguments()],
            self.log,
            environment={"WEED_MASTER_VOLUME_GROWTH_COPY_1": "1", "HOME": str(self._engine.folder)},
            leaves=[f"/tmp/seaweedfs-{name}-grpc-{port}.sock" for name, (_, port) in self._ports.items()],
        )

    def _arguments(self) -> Iterator[str]:
        folder = self._engine.folder
        (folder / "data").mkdir(exist_ok=True)
        for name, value in SETTINGS.items():
            yield f"-{name}={value}"
        for name, (port, grpc) in self._ports.items():
            yield f"-{name}.port={port}"
            yield f"-{name}.port.grpc={grpc}"
        yield from (f"-dir={folder / 'data'}", f"-ip={HOST}", f"-ip.bind={HOST}", "-filer", "-s3")
        yield f"-s3.config={folder / 's3.json'}"
        yield f"-filer.localSocket={folder / 'filer.sock'}"
        yield f"-s3.localSocket={folder / 's3.sock'}"

    def _answers(self) -> bool:
        """Once it can be written to, for which all its servers have to work; the bucket makes itself."""
        with suppress(BaseError, OSError):
            self.client(f"s3://{BUCKET}/ready").put("ready", b"")
            return True
        return False


@contextmanager
def object_store(program: str) -> Iterator[ObjectStore]:
    with kept("objects") as engine:
        server = ObjectStore(engine, program)
        server.start()
        yield server
