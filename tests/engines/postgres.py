"""A PostgreSQL of the tests' own, which may be stopped, killed, paused and started again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Literal

import psycopg
from psycopg import sql

from tests.engines.engine import Engine
from tests.engines.kept import Kept, as_user, kept, owned_folder, unprivileged
from tests.engines.namespaces import Machine
from tests.engines.process import Process, wait_until_gone, wait_until_stopped
from tests.engines.relay import relay
from tests.ports import free_port

USER = "docledger"
MARK = "# of a test"
STOPS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
DUMPING = 60.0  # seconds
SETTINGS = {
    "unix_socket_directories": "",
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "dynamic_shared_memory_type": "mmap",  # in its folder, so that nothing is left outside
    "log_line_prefix": "%m [%p] %a ",
    "log_lock_waits": "on",
}


def postgres_folder() -> Path | None:
    """Where the newest postgres and initdb are."""
    debian = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(debian, key=lambda path: int(path.parts[-3]), default=None) or shutil.which("initdb")
    return Path(newest).resolve().parent if newest else None


class Postgres(Engine):
    def __init__(self, engine: Kept, programs: Path, machine: Machine | None, **settings: str) -> None:
        self.port = free_port()
        self.log = engine.folder / "postgres.log"
        self._engine, self._programs, self._machine = engine, programs, machine
        self._user = unprivileged("postgres")
        self._data = owned_folder(engine.folder / "data", self._user)
        self._settings = {**SETTINGS, "port": str(self.port), **settings}
        self._numbers = count(1)
        self._initialise()

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def stop(self, mode: Literal["smart", "fast", "immediate"] = "fast") -> None:
        self.process.send(STOPS[mode])
        self.process.wait()

    def kill(self) -> None:
        """Every process at once, as when a machine dies."""
        backends = self._signal_all(signal.SIGKILL)
        self.process.wait()
        wait_until_gone(backends)

    def restart(self, mode: Literal["smart", "fast", "immediate"] = "fast") -> None:
        self.stop(mode)
        self.start()

    def pause(self) -> None:
        """It keeps its connections and answers nothing."""
        wait_until_stopped([self.process.pid, *self._signal_all(signal.SIGSTOP)])

    def resume(self) -> None:
        self._signal_all(signal.SIGCONT)

    def create_database(self) -> str:
        """A new empty one's url."""
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        self._execute("CREATE DATABASE {} TEMPLATE template0", name)
        return self.url(name)

    def drop_database(self, url: str) -> None:
        self._execute("DROP DATABASE {} WITH (FORCE)", url.rpartition("/")[2])

    def dump(self, url: str, path: Path) -> None:
        """All that is in a database, to be read or restored later."""
        command = [str(self._programs / "pg_dump"), "--no-owner", f"--file={path}", url]
        subprocess.run(command, check=True, timeout=DUMPING)

    def terminate_backends(self) -> int:
        """How many clients lost their connection."""
        with self._admin() as connection:
            ended = connection.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            ).fetchone()
        assert ended
        return int(ended[0])

    def hba(self, line: str = "") -> None:
        """Who signs in how, decided by this line before all others; by none of them without it."""
        path = self._data / "pg_hba.conf"
        own = [told for told in path.read_text().splitlines() if not told.endswith(MARK)]
        path.write_text("\n".join([*([f"{line} {MARK}"] if line else []), *own, ""]))
        self._reload()

    def alter(self, name: str, value: str | None = None) -> None:
        """A setting of the whole server; as it was without a value."""
        change = sql.SQL("ALTER SYSTEM SET {} = {}") if value else sql.SQL("ALTER SYSTEM RESET {}")
        given = [sql.Identifier(name), *([sql.Literal(value)] if value else [])]
        with self._admin() as connection:
            connection.execute(change.format(*given))
        self._reload()

    def _reload(self) -> None:
        """Returns when it is so."""
        with self._admin() as connection:
            before = connection.execute("SELECT pg_conf_load_time(), pg_reload_conf()").fetchone()
            assert before
        self.process.until(lambda: self._loaded_at() > before[0])

    def _loaded_at(self) -> datetime:
        with self._admin() as connection:
            (at,) = connection.execute("SELECT pg_conf_load_time()").fetchone() or (None,)
        assert isinstance(at, datetime)
        return at

    def _launch(self) -> Process:
        command = [str(self._programs / "postgres"), "-D", str(self._data)]
        command += [f"--{name}={value}" for name, value in self._settings.items()]
        return self._engine.start(
            command,
            self.log,
            self._user,
            self._machine.entering if self._machine else (),
            {"TZ": "UTC"},
            farewell=signal.SIGQUIT,
        )

    def _initialise(self) -> None:
        command = [str(self._programs / "initdb"), "-D", str(self._data), "-U", USER, "--no-sync"]
        command += ["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"]
        command += ["--locale-provider=icu", "--icu-locale=en-US"]  # sorts as people do, like most servers
        with self.log.open("ab") as log:
            subprocess.run(
                [*as_user(self._user), *command],
                check=True,
                cwd=self._engine.folder,
                stdout=log,
                stderr=log,
            )

        with (self._data / "pg_hba.conf").open("a") as rules:
            rules.write("host all all samenet trust\n")

    def _signal_all(self, number: signal.Signals) -> list[int]:
        self.process.send(signal.SIGSTOP)  # so that it starts no other meanwhile
        wait_until_stopped([self.process.pid])
        backends = self.process.children()
        for pid in backends:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        self.process.send(number)
        return backends

    def _answers(self) -> bool:
        try:
            self._admin().close()
        except psycopg.OperationalError:
            return False
        return True

    def _execute(self, command: str, name: str) -> None:
        with self._admin() as connection:
            connection.execute(sql.SQL(command).format(sql.Identifier(name)))

    def _admin(self) -> psycopg.Connection:
        return psycopg.connect(self.url(), autocommit=True, connect_timeout=5)


@contextmanager
def postgres_server(programs: Path, machine: Machine | None = None, **settings: str) -> Iterator[Postgres]:
    """Durable unless settings such as fsync="off" say otherwise; on a machine, reached from here too."""
    if machine:
        settings.setdefault("listen_addresses", f"127.0.0.1,{machine.address}")
    with kept("postgres") as engine, ExitStack() as way:
        server = Postgres(engine, programs, machine, **settings)
        if machine:
            way.enter_context(relay(server.port, at=server.port, server_on=machine))
        server.start()
        yield server
