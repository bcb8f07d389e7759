"""A PgBouncer before the PostgreSQL of the tests."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.engines.kept import kept, owned_folder, unprivileged
from tests.engines.postgres import USER, Postgres
from tests.ports import free_port

CONFIGURATION = """[databases]
* = host=127.0.0.1 port={server} user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
auth_type = any
pool_mode = {mode}
unix_socket_dir =
"""


def pooler_program() -> str | None:
    return shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")


@contextmanager
def pooler(program: str, server: Postgres, mode: str) -> Iterator[int]:
    """Its port."""
    with kept("pgbouncer") as engine:
        user, port = unprivileged("postgres"), free_port()
        path = owned_folder(engine.folder / "pooler", user) / "pgbouncer.ini"
        path.write_text(CONFIGURATION.format(server=server.port, user=USER, port=port, mode=mode))
        process = engine.start([program, str(path)], engine.folder / "pgbouncer.log", user)
        process.until(lambda: _listens(port))
        yield port


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
