"""A real nginx on a free port of 127.0.0.1, with a configuration of ours but for names, ports and folders."""

from __future__ import annotations

import datetime
import os
import re
import ssl
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL

import httpx
import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.infrastructure.raw_server import Request, says
from tests.ports import free_port
from tests.web.service import DEADLINE

ROOT = Path(__file__).parent.parent.parent
DEPLOY = ROOT / "deploy"
DOCS, OFFICE = "docs.example.com", "office.example.com"
NOBODY = 65534
BESIDE = "127.0.0.2"  # a client that is no trusted proxy

MAIN = """
pid {folder}/nginx.pid;
error_log stderr warn;
daemon off;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {site}
}}
"""


@dataclass
class Proxy:
    port: int
    folder: Path  # anybody may go in
    trusted: ssl.SSLContext

    def url(self, path: str = "") -> str:
        return f"https://{DOCS}:{self.port}{path}"

    @asynccontextmanager
    async def client(self, host: str = DOCS, address: str = BESIDE) -> AsyncIterator[httpx.AsyncClient]:
        """Somebody elsewhere, who knows us by name only."""
        transport = httpx.AsyncHTTPTransport(verify=self.trusted, local_address=address)
        named = {"Host": host}
        async with httpx.AsyncClient(
            transport=Named(transport, host),
            base_url=f"https://127.0.0.1:{self.port}",
            headers=named,
            timeout=DEADLINE,
        ) as client:
            yield client

    @asynccontextmanager
    async def line(self, host: str) -> AsyncIterator[trio.SSLStream[trio.SocketStream]]:
        """A connection on which anything may be said, and nothing waited for too long."""
        plain = await trio.open_tcp_stream("127.0.0.1", self.port)
        stream = trio.SSLStream(plain, self.trusted, server_hostname=host, https_compatible=True)
        try:
            with trio.fail_after(DEADLINE):
                yield stream
        finally:
            await trio.aclose_forcefully(plain)


class Named(httpx.AsyncBaseTransport):
    """Asks 127.0.0.1 for a name, as a browser does that has looked it up."""

    def __init__(self, inner: httpx.AsyncBaseTransport, host: str) -> None:
        self._inner, self._host = inner, host

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.extensions["sni_hostname"] = self._host
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


def site(port: int, folder: Path, docledger: str, documentserver: str) -> str:
    """deploy/nginx.conf, as whoever installs it would change it."""
    text = (DEPLOY / "nginx.conf").read_text()
    text = "\n".join(line for line in text.splitlines() if "[::]" not in line)
    changes = {
        "listen 80;": f"listen 127.0.0.1:{free_port()};",
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "127.0.0.1:8080": docledger.removeprefix("http://"),
        "127.0.0.1:8081": documentserver.removeprefix("http://"),
        "/var/lib/docledger/blobs/": f"{folder}/data/blobs/",
    }
    for ours, theirs in changes.items():
        assert ours in text
        text = text.replace(ours, theirs)
    return re.sub(r"/etc/ssl/[a-z.]+/", f"{folder}/", text)


@asynccontextmanager
async def nginx(folder: Path, port: int, config: str, program: str) -> AsyncIterator[Proxy]:
    """As a user of its own where we may choose one; of our group, as docs/install.md says."""
    who = {"user": NOBODY, "group": os.getgid(), "extra_groups": []} if os.getuid() == 0 else {}
    trusted = _furnish(folder, config, who.get("user", -1))
    command = [program, "-c", str(folder / "nginx.conf"), "-p", str(folder)]
    log = (folder / "nginx.log").open("wb")
    process = await trio.lowlevel.open_process(command, stdin=DEVNULL, stdout=log, stderr=log, **who)
    try:
        with trio.fail_after(DEADLINE):
            while not await listens(port):
                assert process.poll() is None, (folder / "nginx.log").read_text()
                await trio.sleep(0.02)  # another process is waited for
        yield Proxy(port, folder, trusted)
    finally:
        process.terminate()
        with trio.CancelScope(shield=True, deadline=trio.current_time() + DEADLINE):
            await process.wait()
        log.close()


def _furnish(folder: Path, config: str, user: int) -> ssl.SSLContext:
    (folder / "nginx.conf").write_text(config)
    trusted = certificate(folder)
    folder.chmod(0o755)
    for path in (folder, folder / "privkey.pem"):
        os.chown(path, user, -1)
    return trusted


async def listens(port: int) -> bool:
    try:
        stream = await trio.open_tcp_stream("127.0.0.1", port)
    except OSError:
        return False
    await trio.aclose_forcefully(stream)
    return True


@contextmanager
def open_folder() -> Iterator[Path]:
    """One that another user may enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="docledger-") as name:
        yield Path(name)


def certificate(folder: Path) -> ssl.SSLContext:
    """Signed by itself, for both names; what a client trusts that has been told of it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, DOCS)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(DOCS), x509.DNSName(OFFICE)]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    (folder / "fullchain.pem").write_bytes(pem)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "privkey.pem").write_bytes(secret)
    return ssl.create_default_context(cadata=pem.decode())


async def upgraded(stream: trio.SocketStream, request: Request) -> None:
    """A Document Server that switches to a websocket when it is asked, and says what it heard."""
    if request.headers.get("upgrade") != "websocket":
        await says("200 OK", "\n".join(request.headers.values()).encode())(stream, request)
        return
    await stream.send_all(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    )
    await stream.send_all(b"heard " + await stream.receive_some())
