"""Everything that can be wrong, how a test brings it about, and by which words the doctor knows it."""

from __future__ import annotations

import json
import socket
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import Any

import trio

from application.doctor.checks import Verdict
from application.doctor.landing import Probe
from infrastructure.journal import LedgerJournal
from infrastructure.settings import Settings
from tests.doctor.certificates import Authority, self_signed
from tests.doctor.house import HURRIED, House, trusted
from tests.doctor.patient import OK, proxy
from tests.infrastructure.raw_server import says, stalls
from tests.log import Log
from tests.ports import free_port
from tests.web.fake_server import SECRET, STRANGER

WARN, FAIL = Verdict.WARN, Verdict.FAIL
WEAK = "changeme" * 4
ELSEWHERE = "http://127.0.0.1:{}"

Provoke = Callable[[House], Awaitable[None]]


@dataclass(frozen=True)
class Ailment:
    name: str
    provoke: Provoke
    check: str
    verdict: Verdict
    words: str  # of the detail
    remedy: str  # words of the one thing to do


AILMENTS: list[Ailment] = []


def ailment(check: str, verdict: Verdict, words: str, remedy: str) -> Callable[[Provoke], Provoke]:
    """The function's name says what is wrong."""

    def known(provoke: Provoke) -> Provoke:
        AILMENTS.append(Ailment(provoke.__name__, provoke, check, verdict, words, remedy))
        return provoke

    return known


# -- is it there, and is it one ---------------------------------------------------------------------


@ailment("document_server", FAIL, "the connection is refused", "Start the Document Server")
async def server_down(home: House) -> None:
    home.patient.url = ELSEWHERE.format(free_port())


@ailment("document_server", FAIL, "its name is not known here", "a name or address that this machine knows")
async def name_that_nobody_knows(home: House) -> None:
    trio.socket.set_custom_hostname_resolver(_Nobody())
    home.patient.url = "http://office.test"


@ailment("document_server", FAIL, "no answer within 2 s", "restart it if it hangs")
async def server_hangs(home: House) -> None:
    home.patient.health = stalls()
    home.patience = HURRIED


@ailment("document_server", FAIL, "no Document Server: HTTP 200, '<html>Welcome", "with the path")
async def another_web_server(home: House) -> None:
    home.patient.health = says(OK, b"<html>Welcome to nginx!</html>")


@ailment("document_server", FAIL, "that it is not well", "own log")
async def healthcheck_false(home: House) -> None:
    home.patient.health = says(OK, b"false")


@ailment("document_server", FAIL, "sends us on to", "DOCUMENT_SERVER_INTERNAL_URL to where it sends")
async def redirected_to_https(home: House) -> None:
    home.patient.health = says("301 Moved", b"", "Location: https://office.example.com/healthcheck")


@ailment("document_server", FAIL, "answers HTTP 502", "Start the Document Server")
async def proxy_without_a_server(home: House) -> None:
    home.patient.health = says("502 Bad Gateway", b"<html>Bad Gateway</html>")


@ailment("document_server", FAIL, "no Document Server under /office", "DOCUMENT_SERVER_INTERNAL_URL=http")
async def wrong_prefix(home: House) -> None:
    home.given["document_server_internal_url"] = f"{home.patient.url}/office"


@ailment("document_server", FAIL, "HTTP 404", "with the path that it stands under")
async def lacking_prefix(home: House) -> None:
    home.patient.prefix = "/office"


# -- TLS ------------------------------------------------------------------------------------------------


@ailment("certificate", FAIL, "signed by itself", "CA_BUNDLE")
async def self_signed_certificate(home: House) -> None:
    await home.secure(self_signed(home.folder))


@ailment("certificate", FAIL, "authority that is not trusted", "set CA_BUNDLE")
async def unknown_authority(home: House) -> None:
    await home.secure(Authority().server(home.folder))


@ailment("certificate", FAIL, "authority that is not trusted", "CA_BUNDLE does not hold")
async def bundle_of_another_authority(home: House) -> None:
    trusted(home)
    await home.secure(Authority("Somebody else").server(home.folder))


@ailment("certificate", FAIL, "out of date", "Renew")
async def certificate_out_of_date(home: House) -> None:
    await home.secure(trusted(home).server(home.folder, days=-1))


@ailment("certificate", WARN, "ends on", "Renew it")
async def certificate_ends_soon(home: House) -> None:
    await home.secure(trusted(home).server(home.folder, days=5))


@ailment("certificate", FAIL, "another name", "name that stands in the certificate")
async def certificate_of_another_name(home: House) -> None:
    await home.secure(trusted(home).server(home.folder, address="127.0.0.2"))


@ailment("certificate", FAIL, "does not speak TLS", "write http://")
async def https_where_http_is_spoken(home: House) -> None:
    listeners = await home.nursery.start(partial(trio.serve_tcp, _bluntly, 0, host="127.0.0.1"))
    home.patient.url = f"https://127.0.0.1:{listeners[0].socket.getsockname()[1]}"


# -- version, secrets, clocks ----------------------------------------------------------------------


@ailment("version", WARN, "9.4.0.129 has known vulnerabilities", "10.0.0 or newer")
async def vulnerable_version(home: House) -> None:
    home.patient.version = "9.4.0.129"


@ailment("version", FAIL, "7.1.1.23 has known vulnerabilities", "10.0.0 or newer")
async def gravely_vulnerable_version(home: House) -> None:
    home.patient.version = "7.1.1.23"


@ailment("secret", FAIL, "it has another secret", "DOCUMENT_SERVER_SECRET to the Document Server's")
async def wrong_secret(home: House) -> None:
    home.patient.secret = STRANGER


@ailment("secret", FAIL, "no secret to sign with", "Set DOCUMENT_SERVER_SECRET")
async def no_secret(home: House) -> None:
    home.given["document_server_secret"] = None


@ailment("secret", FAIL, "counts as expired there", "NTP")
async def server_an_hour_ahead(home: House) -> None:
    home.patient.ahead = 3600


@ailment("secret", FAIL, "wants signed commands", "Remove DOCUMENT_SERVER_JWT")
async def unsigned_commands_to_a_server_that_checks(home: House) -> None:
    home.given["document_server_jwt"] = False


@ailment("refuses_strangers", FAIL, "JWT is off there", "JWT_ENABLED=true")
async def server_without_jwt(home: House) -> None:
    home.patient.checks = False


@ailment("refuses_strangers", WARN, "JWT is off", "Turn JWT on")
async def jwt_off_on_both_sides(home: House) -> None:
    home.given["document_server_jwt"] = False
    home.patient.checks, home.patient.outbox = False, None


@ailment("clocks", WARN, "behind ours", "NTP")
async def server_minutes_behind(home: House) -> None:
    home.patient.ahead = -200


@ailment("clocks", WARN, "ahead of ours", "NTP")
async def only_its_own_clock_is_wrong(home: House) -> None:
    home.patient.ahead, home.patient.date_ahead = 200, -200


@ailment("editor_script", WARN, "HTTP 404", "in a browser")
async def no_script_for_browsers(home: House) -> None:
    home.patient.script = says("404 Not Found")


# -- can it reach us -------------------------------------------------------------------------------------


@ailment("reaches_us", FAIL, "nothing came in here", "curl")
async def server_cannot_reach_us(home: House) -> None:
    home.given["storage_url"] = ELSEWHERE.format(free_port())


@ailment("reaches_us", FAIL, "nothing came in here", "ALLOW_PRIVATE_IP_ADDRESS=true")
async def server_refuses_private_addresses(home: House) -> None:
    home.patient.fetches = False


@ailment("reaches_us", FAIL, "not from us", "STORAGE_URL")
async def server_fetches_from_somebody_else(home: House) -> None:
    copy = await home.somebody(says(OK, Probe().document()))
    home.given["storage_url"] = copy


@ailment("reaches_us", FAIL, "did not get it whole", "limits on size and time")
async def the_probe_is_cut_on_its_way(home: House) -> None:
    home.patient.converter = -4


@ailment("reaches_us", FAIL, "another secret than ours", "outbox")
async def fetches_signed_with_another_secret(home: House) -> None:
    home.patient.outbox = STRANGER


@ailment("reaches_us", WARN, "could not convert", "converter")
async def converter_fails(home: House) -> None:
    home.patient.converter = -3


@ailment("reaches_us", WARN, "then nothing came", "converter")
async def converter_never_ends(home: House) -> None:
    home.patient.converter = "hangs"
    home.patience = HURRIED


@ailment("reaches_us", FAIL, "nothing came in here", "curl")
async def conversion_stuck_before_it_fetches(home: House) -> None:
    home.patient.converter, home.patient.fetches = "hangs", False
    home.patience = HURRIED


@ailment("reaches_us", FAIL, "converter does not answer", "log")
async def no_converter(home: House) -> None:
    home.patient.converter = "missing"


# -- can we fetch what it makes --------------------------------------------------------------------------


@ailment("results", FAIL, "Results are offered at http://127.0.0.1", "RESULT_ORIGINS=http://127.0.0.1")
async def results_at_another_host(home: House) -> None:
    home.patient.results_at = ELSEWHERE.format(free_port())
    home.given["document_server_internal_url"] = await home.somebody(_all_but_results(home))


@ailment("results", FAIL, "which RESULT_ORIGINS lists", "out of RESULT_ORIGINS")
async def listed_origin_is_dead(home: House) -> None:
    home.patient.results_at = ELSEWHERE.format(free_port())
    home.given["result_origins"] = (home.patient.results_at,)


@ailment("results", FAIL, "cannot be fetched from", "/cache/files")
async def internal_address_without_results(home: House) -> None:
    home.given["document_server_internal_url"] = await home.somebody(_all_but_results(home))


@ailment("results", FAIL, "is not what we sent", "stands before")
async def a_sign_in_page_instead_of_results(home: House) -> None:
    home.patient.result = b"<html>Please sign in</html>"


# -- does it call back -------------------------------------------------------------------------------


@ailment("callbacks", FAIL, "nothing has arrived", "POST requests")
async def callback_never_arrives(home: House) -> None:
    home.patient.calls = False


@ailment("callbacks", FAIL, "another secret than ours", "outbox")
async def callbacks_signed_with_another_secret(home: House) -> None:
    home.patient.outbox = STRANGER


@ailment("callbacks", FAIL, "the callback is not signed", "outbox token")
async def unsigned_callbacks(home: House) -> None:
    home.patient.outbox = None


@ailment("callbacks", FAIL, "ipfilter", "Allow 127.0.0.1")
async def its_filter_forbids_our_host(home: House) -> None:
    home.patient.info = 2


@ailment("callbacks", FAIL, "neither called nor answered", "curl -X POST")
async def its_call_hangs(home: House) -> None:
    home.patient.info = "hangs"
    home.patience = HURRIED


@ailment("callbacks", WARN, "knows no key of ours", "Open any document")
async def no_key_to_call_about(home: House) -> None:
    home.patient.knows = "somebody-elses"


# -- our own addresses ---------------------------------------------------------------------------------


@ailment("public_url", FAIL, "Something else answers", "PUBLIC_URL")
async def public_url_of_another_service(home: House) -> None:
    home.given |= {
        "public_url": await home.somebody(says("404 Not Found", b"<html>")),
        "storage_url": home.url,
    }


@ailment("public_url", WARN, "the connection is refused", "mend PUBLIC_URL")
async def public_url_of_nobody(home: House) -> None:
    home.given |= {"public_url": ELSEWHERE.format(free_port()), "storage_url": home.url}


@ailment("public_url", FAIL, "sends us on to https://", "PUBLIC_URL")
async def public_url_redirects(home: House) -> None:
    moved = says("301 Moved", b"", "Location: https://files.example.com/")
    home.given |= {"public_url": await home.somebody(moved), "storage_url": home.url}


@ailment("storage_url", FAIL, "another one than this", "stop the other one")
async def storage_url_of_another_docledger(home: House) -> None:
    theirs = json.dumps({"message": "Nobody waits for this.", "code": "not_found"}, separators=(",", ":"))
    home.given["storage_url"] = await home.somebody(says("404 Not Found", theirs.encode()))


@ailment("storage_url", FAIL, "passes on the path /docs", "take /docs away")
async def proxy_keeps_the_prefix(home: House) -> None:
    home.given["storage_url"] = f"{home.url}/docs"


@ailment("proxy", WARN, "is not believed", "TRUSTED_PROXIES=127.0.0.1")
async def proxy_that_is_not_believed(home: House) -> None:
    before_us = proxy(home.url, ("X-Forwarded-For", "198.51.100.7"))
    home.given |= {"public_url": await home.somebody(before_us), "storage_url": home.url}


@ailment("proxy", WARN, "does not say for whom", "proxy_set_header X-Forwarded-For")
async def proxy_that_tells_nothing(home: House) -> None:
    before_us = await home.somebody(proxy(home.url), trusted(home).server(home.folder))
    home.given |= {"public_url": before_us, "storage_url": home.url}


@ailment("mixed_content", FAIL, "browsers refuse to load", "over https too")
async def secure_page_with_an_insecure_editor(home: House) -> None:
    before_us = await home.somebody(proxy(home.url), trusted(home).server(home.folder))
    home.given |= {"public_url": before_us, "storage_url": home.url}


@ailment("mixed_content", WARN, "secure editor in an insecure page", "over https too")
async def insecure_page_with_a_secure_editor(home: House) -> None:
    await home.secure(trusted(home).server(home.folder))


# -- settings and secrets ----------------------------------------------------------------------------


@ailment("callback_reply", WARN, "gone at the Document Server", "CALLBACK_REPLY=durable")
async def not_durable(home: House) -> None:
    home.given["callback_reply"] = "always"


@ailment("secrets", FAIL, "is the same as", "Give each its own")
async def one_secret_for_everything(home: House) -> None:
    home.given["auth_secret"] = SECRET


@ailment("secrets", WARN, "easy to guess", "openssl rand")
async def weak_secret_in_the_demo(home: House) -> None:
    home.given |= {"auth_secret": None, "document_server_secret": WEAK}
    home.patient.secret = home.patient.outbox = WEAK


@ailment("secrets", WARN, "can read", "chmod 600")
async def secret_that_everybody_reads(home: House) -> None:
    home.data.mkdir()
    (home.data / "secret").write_text(token_hex(32))
    (home.data / "secret").chmod(0o644)


@ailment("settings", WARN, "the whole internet", "only the addresses")
async def everybody_is_a_proxy(home: House) -> None:
    home.given["trusted_proxies"] = ("0.0.0.0/0",)


# -- what saves are kept in --------------------------------------------------------------------------


@ailment("disk", FAIL, "not enough for one file", "Make room")
async def disk_too_full(home: House) -> None:
    home.given["max_file_bytes"] = 10**18


@ailment("disk", FAIL, "Nothing can be written to /proc", "may write to: BLOB_URL")
async def folder_that_takes_nothing(home: House) -> None:
    home.given["blob_url"] = "file:///proc/blobs"


@ailment("blob_store", FAIL, "could not be kept", "BLOB_URL")
async def blob_store_that_takes_nothing(home: House) -> None:
    home.data.mkdir()
    (home.data / "blobs").mkdir()
    (home.data / "blobs" / "tmp").write_text("")


@ailment("database", FAIL, "file is not a database", "restore the last backup")
async def database_of_garbage(home: House) -> None:
    home.data.mkdir()
    home.settings.database_path.write_bytes(b"garbage " * 1000)


@ailment("database", FAIL, "is damaged", "restore the last backup")
async def database_with_a_spoilt_page(home: House) -> None:
    path = await database(home.settings)
    content = bytearray(path.read_bytes())
    content[-4096:] = b"\xff" * 4096
    path.write_bytes(content)


@ailment("database", FAIL, "cannot be written to: database is locked", "who holds it")
async def database_that_somebody_holds(home: House) -> None:
    holder = sqlite3.connect(await database(home.settings), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    home.stack.callback(holder.close)


@ailment("database", WARN, "in the mode delete, not WAL", "local disk")
async def database_without_wal(home: House) -> None:
    execute(await database(home.settings), "PRAGMA journal_mode = delete")


@ailment("log", WARN, "wait for a checkpoint", "why it cannot sign")
async def no_checkpoints(home: House) -> None:
    execute(await database(home.settings), "UPDATE stored_events SET at = '2026-01-01T00:00:00.000000+00:00'")


@ailment("rate_limit", WARN, "Connection refused", "Start Redis")
async def no_redis_where_it_should_count(home: House) -> None:
    home.given["rate_limit_url"] = f"redis://:{WEAK}@127.0.0.1:{free_port()}/0"


@ailment("undelivered_saves", WARN, "1 waiting for the log", "database")
async def save_that_waits_for_the_log(home: House) -> None:
    _file(home.data / "sidecars" / f"{'a' * 64}.json")


@ailment("undelivered_saves", FAIL, "cannot be read", "Keep these files")
async def save_that_nobody_can_read(home: House) -> None:
    _file(home.data / "sidecars" / f"{'a' * 64}.unreadable")


@ailment("undelivered_saves", WARN, "1 in the overflow", "blob store")
async def bytes_beside_the_store(home: House) -> None:
    _file(home.data / "overflow" / "ab" / f"{'ab' * 32}")


@ailment("undelivered_saves", WARN, "1 in quarantine", "Read the notes")
async def bytes_in_quarantine(home: House) -> None:
    _file(home.data / "blobs" / "quarantine" / "note.json")


@ailment("undelivered_saves", WARN, "1 at the Document Server", "FORGOTTEN_SECONDS")
async def save_that_the_server_gave_up(home: House) -> None:
    execute(await database(home.settings), "INSERT INTO documents (key, state) VALUES ('ada-1', 'closed')")
    home.patient.forgotten = ("somebody-elses", "ada-1")


class _Nobody(trio.abc.HostnameResolver):
    """Knows no names, and asks nobody about them."""

    async def getaddrinfo(self, host: bytes | None, *_: object, **__: object) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async def getnameinfo(self, *_: object) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


async def _bluntly(stream: trio.SocketStream) -> None:
    await stream.receive_some()
    await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def _all_but_results(home: House) -> Callable[..., Awaitable[None]]:
    """The Document Server as another address shows it, where its results are not."""

    async def serve(stream: object, request: object) -> None:
        hidden = "/cache/" in request.line  # type: ignore[attr-defined]
        await (says("404 Not Found") if hidden else home.patient.reply)(stream, request)  # type: ignore[arg-type]

    return serve


async def database(settings: Settings) -> Path:
    """With a fact or two in it, and nobody who has it open."""
    settings.data_dir.mkdir()
    async with LedgerJournal.open(settings.database_path) as journal:
        for changes in Log().changes:
            await journal.append(*changes)
    return settings.database_path


def execute(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(sql)


def _file(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text("{}")
