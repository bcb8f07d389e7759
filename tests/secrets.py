"""A rich life of a file, full of whatever must not leave the house."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from domain import commands, events
from domain.keys import document_key, user_id
from domain.words import Access, Mode, Next, Source
from tests.log import Log
from tests.story import NOON, admit, at, present, stored, take


@dataclass(frozen=True, slots=True)
class Secrets:
    names: tuple[str, str] = ("Zaphod Quux", "Ωmega Überbrück")
    subs: tuple[str, str] = ("zaphod@hitchhik.example", "omega|4711")
    titles: tuple[str, str] = ("Merger with Zyzzyva.docx", "Zyzzyva — sesame.docx")
    address: str = "198.51.100.77"
    host: str = "office.zyzzyva.example"
    query: str = "md5=Qk9YX3h5enp5&expires=1795437000"
    guest: str = "guest=7f3a"  # an editor's id that is none of ours
    file_id: str = "0mhzyzzyvafile"

    @property
    def users(self) -> tuple[str, str]:
        return user_id(self.subs[0]), user_id(self.subs[1])

    @property
    def keys(self) -> tuple[str, str]:
        first, second = self.users
        return (
            document_key(first, self.file_id, NOON),
            document_key(second, self.file_id, NOON + timedelta(hours=1)),
        )

    def url(self, n: int) -> str:
        return f"http://{self.host}/cache/files/data/{self.keys[0]}_{n}/output.docx/output.docx?{self.query}"

    def all(self) -> set[str]:
        stems = [title.rpartition(".")[0] for title in self.titles]  # what type a file is may be known
        words = {word for text in (*self.names, *stems) for word in text.split() if len(word) > 3}
        exact = {*self.names, *self.subs, *self.titles, self.address, self.host, self.query, self.guest}
        return exact | words | {self.file_id, *self.users, *self.keys, *self.query.split("&"), self.url(1)}


def life(secrets: Secrets) -> Log:
    """Two sessions: saves of every kind, a conflict, failures, what people did to the file meanwhile."""
    (ada, bob), (first, second) = secrets.users, secrets.keys
    log = Log(secrets.titles[0], ada, secrets.names[0], secrets.file_id)
    _shared(log, secrets)
    _let_in(log, secrets, first, ada, secrets.names[0], 0)
    log.tell(first, present(*sorted((ada, bob, secrets.guest)), seconds=5))
    _offer(log, secrets, first, 1, 6, 30)
    _commit(log, secrets, first, 1, 6, 31)
    _failures(log, secrets, first)
    _offer(log, secrets, first, 3, 2, 60, users=(bob,))
    _commit(log, secrets, first, 3, 2, 61)
    log.tell(
        first,
        commands.NoteReplied(at=at(62), status=2, http=200, error=0, seconds=1, offer=_id(secrets, 3, 2)),
    )
    _let_in(log, secrets, second, bob, secrets.names[1], 100)
    log.tell(second, commands.SendOut(at=at(105), users=(bob, secrets.guest), by=ada))
    log.tell(first, present(ada, seconds=110, live=second))
    _offer(log, secrets, first, 4, 6, 120)
    _commit(log, secrets, first, 4, 6, 121)
    late = commands.TakeStored(at=at(200), offer=_take(secrets, 5, 6, 130), sha256="e" * 64, size=5)
    log.tell(second, late)
    log.tell(second, commands.NoteServerFailure(at=at(210), status=3, lastsave=at(205), keep=True))
    return log


def _shared(log: Log, secrets: Secrets) -> None:
    ada, bob = secrets.users
    log.shelve(
        events.Renamed(at=at(), name=secrets.titles[1], by=ada),
        events.Shared(at=at(), user=bob, name=secrets.subs[1], access=Access.EDIT, by=ada),
        events.Shared(at=at(), user="*", name="everybody", access=Access.VIEW, by=ada),
        events.Removed(at=at(), by=ada),
        events.Reinstated(at=at(), by=ada),
    )


def _let_in(log: Log, secrets: Secrets, key: str, user: str, name: str, seconds: float) -> None:
    assert log.file
    first = replace(admit(user, seconds, head=log.file.head), name=name, address=secrets.address)
    opening = commands.Open(
        file=log.id, name=log.file.name, filetype="docx", owner=log.file.owner, first=first
    )
    log.tell(key, opening)
    log.tell(key, replace(first, mode=Mode.VIEW))
    log.tell(key, present(user, seconds=seconds + 1))


def _take(secrets: Secrets, n: int, status: int, seconds: float) -> commands.TakeOffer:
    ada, bob = secrets.users
    told = [
        {"user": {"id": user, "name": name}} for user, name in zip((ada, bob), secrets.names, strict=True)
    ]
    return replace(
        take(n, status, seconds, users=(ada, secrets.guest)),
        url=secrets.url(n),
        changes_url=secrets.url(n).replace("output", "changes"),
        history={"serverVersion": "9.3.0", "changes": told},
    )


def _id(secrets: Secrets, n: int, status: int) -> str:
    return _take(secrets, n, status, 0).offer


def _offer(
    log: Log, secrets: Secrets, key: str, n: int, status: int, seconds: float, users: tuple[str, ...] = ()
) -> None:
    command = _take(secrets, n, status, seconds)
    log.tell(key, replace(command, users=users or command.users))


def _commit(log: Log, secrets: Secrets, key: str, n: int, status: int, seconds: float) -> None:
    log.tell(key, replace(stored(n, status, seconds), offer=_id(secrets, n, status)))


def _failures(log: Log, secrets: Secrets, key: str) -> None:
    """With details as they come from the network, the disk and whoever else has a say."""
    details = (
        f"the download broke off: [Errno 111] Connection refused: http://{secrets.host}:8443/cache?{secrets.query}",
        f"{secrets.host.upper()} ({secrets.address}) hung up on {secrets.names[0]}",
        f"[Errno 28] No space left on device: '/srv/{secrets.subs[0]}/{secrets.titles[0]}'",
        f"{secrets.titles[1]} of {secrets.names[1]}, key {key}",
        f"neither user {secrets.users[0]} nor {secrets.guest} ({secrets.subs[1]}) is there",
    )
    _offer(log, secrets, key, 2, 6, 40)
    for attempt, detail in enumerate(details, start=1):
        log.tell(
            key,
            commands.NoteFailure(
                at=at(40 + attempt),
                source=Source.DOWNLOAD,
                detail=detail,
                attempt=attempt,
                next=Next.GIVE_UP if attempt == len(details) else Next.RETRY,
                offer=_id(secrets, 2, 6),
            ),
        )
