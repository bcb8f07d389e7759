"""Machines as network namespaces on a switch of their own: their links are cut and mended as cables are.

The switch leads nowhere else, so nothing of it gets out; all of it is gone with the processes that hold it.
A relay leads in and out.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.engines.kept import Kept, kept

CLONE_NEWNET = 0x40000000
HUB = "10.0.0.1"
SWITCH, CABLE = "switch", "cable"


@dataclass(frozen=True)
class Machine:
    name: str
    address: str
    pid: int  # of the process that holds it

    @property
    def entering(self) -> list[str]:
        """Before a command that is to run there, by root."""
        return ["nsenter", f"--net={self._network}", "--"]

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Sockets that this thread makes meanwhile are that machine's, for good."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(self._network, os.O_RDONLY)
        try:
            _enter(there)
            yield
        finally:
            _enter(home)
            os.close(there)
            os.close(home)

    @property
    def _network(self) -> str:
        return f"/proc/{self.pid}/ns/net"


class Network:
    """Around a hub, at whose address every node reaches what runs there."""

    def __init__(self, engine: Kept) -> None:
        self._engine = engine
        self._nodes: dict[Machine, str] = {}  # and the switch's end of its cable
        self.hub = self._machine("hub", HUB)
        _ip(self.hub, f"link add {SWITCH} type bridge")
        _connect(self.hub, SWITCH)

    def node(self) -> Machine:
        number = len(self._nodes) + 1
        node = self._machine(f"node-{number}", f"10.0.0.{10 + number}")
        end = self._nodes[node] = f"to-{node.name}"
        _ip(self.hub, f"link add {end} type veth peer name {CABLE} netns {node.pid}")
        _ip(self.hub, f"link set {end} master {SWITCH} up")
        _connect(node, CABLE)
        return node

    def cut(self, node: Machine) -> None:
        """At the switch: nothing arrives, and neither side is told."""
        _ip(self.hub, f"link set {self._nodes[node]} down")

    def mend(self, node: Machine) -> None:
        _ip(self.hub, f"link set {self._nodes[node]} up")

    def _machine(self, name: str, address: str) -> Machine:
        ours = Path("/proc/self/ns/net").readlink()
        log = self._engine.folder / f"{name}.log"
        holder = self._engine.start(["unshare", "--net", "sleep", "infinity"], log)
        holder.until(lambda: Path(f"/proc/{holder.pid}/ns/net").readlink() != ours)
        machine = Machine(name, address, holder.pid)
        _ip(machine, "link set lo up")
        return machine


def can_isolate() -> bool:
    return os.getuid() == 0 and all(map(shutil.which, ("ip", "nsenter", "unshare")))


@contextmanager
def network() -> Iterator[Network]:
    with kept("network") as engine:
        yield Network(engine)


def _connect(machine: Machine, device: str) -> None:
    _ip(machine, f"address add {machine.address}/24 dev {device}")
    _ip(machine, f"link set {device} up")


def _ip(machine: Machine, words: str) -> None:
    subprocess.run([*machine.entering, "ip", *words.split()], check=True, timeout=10)


def _enter(namespace: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "cannot enter a network namespace")
