"""The house that is examined: settings on free ports of this machine, and a patient Document Server."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trio

from application.doctor.checks import Check
from application.doctor.patience import Patience
from infrastructure.settings import Settings
from tests.doctor.certificates import Authority
from tests.doctor.patient import Patient, Serve, serving
from tests.ports import free_port
from tests.web.fake_server import SECRET
from tests.web.service import AUTH_SECRET, Given
from web.examining_alone import examine_alone

HURRIED = Patience(page=2, answer=2, conversion=2)  # for what is to hang


@dataclass
class House:
    """`given` are settings as a test wants them otherwise."""

    folder: Path
    patient: Patient
    nursery: trio.Nursery
    stack: ExitStack = field(default_factory=ExitStack)
    port: int = field(default_factory=free_port)
    given: dict[str, Any] = field(default_factory=dict)
    patience: Patience = field(default_factory=Patience)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def settings(self) -> Settings:
        usual = {
            "port": self.port,
            "auth_secret": AUTH_SECRET,
            "data_dir": self.data,
            "callback_reply": "durable",
            "document_server_url": self.patient.url,
            "document_server_secret": SECRET,
        }
        return Given(**{**usual, **self.given})

    async def somebody(self, serve: Serve, tls: ssl.SSLContext | None = None) -> str:
        """The url of somebody else who listens on this machine."""
        url: str = await self.nursery.start(serving, serve, tls)
        return url

    async def secure(self, tls: ssl.SSLContext) -> None:
        """The Document Server speaks TLS."""
        self.patient.url = await self.somebody(self.patient.reply, tls)

    async def examined(self) -> dict[str, Check]:
        checks = await examine_alone(self.settings, patience=self.patience)
        return {check.name: check for check in checks}


@asynccontextmanager
async def house(folder: Path) -> AsyncIterator[House]:
    async with trio.open_nursery() as nursery:
        home = House(folder, Patient(), nursery)
        home.patient.url = await home.somebody(home.patient.reply)
        with home.stack:
            yield home
        nursery.cancel_scope.cancel()


def trusted(home: House) -> Authority:
    """An authority that the settings trust."""
    authority = Authority()
    home.given["ca_bundle"] = authority.bundle(home.folder / "authorities.pem")
    return authority
