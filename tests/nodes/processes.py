"""Nodes as processes, and whether two of them ever believed the same."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from math import inf
from pathlib import Path
from typing import Any, NamedTuple

from application.nodes import ALL
from infrastructure.nodes.member import BELIEVED, since_boot
from tests.service import eventually

ROOT = Path(__file__).parents[2]


class Belief(NamedTuple):
    shard: int
    begins: float
    ends: float
    of: int  # a process


class Node:
    def __init__(self, url: str, path: Path) -> None:
        self._path = path
        self.ended = inf
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.nodes.witness", url, str(path)], cwd=ROOT, env={**os.environ}
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def shards(self) -> frozenset[int]:
        """Those that it believes to be its own now."""
        told = [line for line in self.lines() if "heard" in line]
        fresh = told and since_boot() < told[-1]["heard"] + BELIEVED
        return frozenset(told[-1]["shards"]) if fresh and self.ended is inf else frozenset()

    def lines(self) -> list[dict[str, Any]]:
        lines = self._path.read_bytes().splitlines(keepends=True) if self._path.exists() else []
        return [json.loads(line) for line in lines if line.endswith(b"\n")]

    def beliefs(self) -> Iterator[Belief]:
        told = [line for line in self.lines() if "heard" in line]
        for line, following in pairwise([*told, {"at": self.ended}]):
            ends = min(following["at"], line["heard"] + BELIEVED, self.ended)
            for shard in line["shards"]:
                if line["at"] < ends:
                    yield Belief(shard, line["at"], ends, self.pid)

    def stop(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> float:
        """When."""
        self._process.kill()
        self._process.wait()
        self.ended = since_boot()
        return self.ended

    def leave(self) -> None:
        self._process.terminate()
        assert self._process.wait(20) == 0
        self.ended = since_boot()


class Cluster:
    def __init__(self, url: str, folder: Path) -> None:
        self._url, self._folder = url, folder
        self.nodes: list[Node] = []

    def start(self, url: str | None = None) -> Node:
        """`url` is another way to the same database."""
        node = Node(url or self._url, self._folder / f"node-{len(self.nodes)}")
        self.nodes.append(node)
        return node

    def settled(self, *nodes: Node, within: float = 20.0) -> float:
        """When these have everything, and their shares differ by one at most."""

        def settled() -> bool:
            shards = [node.shards for node in nodes]
            sizes = [len(each) for each in shards]
            return frozenset().union(*shards) == ALL and max(sizes) - min(sizes) <= 1

        eventually(settled, "the shards are shared out evenly", within)
        return since_boot()

    def disputed(self) -> list[tuple[Belief, Belief]]:
        """What two believed at once."""
        beliefs = sorted(belief for node in self.nodes for belief in node.beliefs())
        assert beliefs
        return [
            (one, other)
            for one, other in pairwise(beliefs)
            if one.shard == other.shard and one.of != other.of and other.begins < one.ends
        ]


@contextmanager
def cluster(url: str, folder: Path) -> Iterator[Cluster]:
    nodes = Cluster(url, folder)
    try:
        yield nodes
    finally:
        for node in nodes.nodes:
            node.go_on()
            node.kill()
