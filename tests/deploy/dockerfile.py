"""A Dockerfile's steps, performed in a folder and not in a container; for root, since files change owners."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

INSTALLING = 300.0  # seconds for one step
OURS = frozenset({"tmp", "proc", "dev", "sys", "build", "data"})  # never the host's
NETWORK = re.compile(r"PIP_|SSL_|\w+_proxy$", re.IGNORECASE)  # variables that pip needs to reach its index
SYSTEM = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "etc")


def steps(text: str) -> Iterator[tuple[str, str]]:
    """Instruction and argument, with comments left out and continued lines joined."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        if line.strip():
            name, _, argument = line.strip().partition(" ")
            yield name, argument.strip()


def context(root: Path, ignore: str) -> Iterator[Path]:
    """What Docker would be sent: all that git knows and .dockerignore lets pass."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    rules = [line for line in ignore.splitlines() if line and not line.startswith("#")]
    for name in listed.stdout.splitlines():
        if not _ignored(name, rules) and (root / name).is_file():
            yield Path(name)


def _ignored(name: str, rules: Sequence[str]) -> bool:
    ignored = False
    for rule in rules:
        pattern = rule.removeprefix("!").removeprefix("**/")
        paths = [str(parent) for parent in (Path(name), *Path(name).parents)]
        if any(fnmatch(path, pattern) or fnmatch(Path(path).name, pattern) for path in paths):
            ignored = not rule.startswith("!")
    return ignored


@dataclass
class Stage:
    """A file system in a folder, and what a container would know."""

    root: Path
    environment: dict[str, str] = field(
        default_factory=lambda: {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin"}
    )
    folder: str = "/"
    user: str = "0:0"
    labels: str = ""
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)
    signal: str = ""
    volumes: list[str] = field(default_factory=list)
    installed: list[str] = field(default_factory=list)  # what apt was to bring

    def inside(self, path: str) -> Path:
        return self.root / str(Path(self.folder) / path).lstrip("/")


class Build:
    def __init__(self, source: Path, folder: Path) -> None:
        self._source, self._folder = source, folder
        self._stages: dict[str, Stage] = {}
        self._context = list(context(source, (source / ".dockerignore").read_text()))

    def run(self) -> Stage:
        """The last stage, built."""
        stage = Stage(self._folder)
        for name, argument in steps((self._source / "Dockerfile").read_text()):
            if name == "FROM":
                stage = Stage(self._folder / f"stage{len(self._stages)}")
                stage.root.mkdir(parents=True)
                self._stages[argument.partition(" AS ")[2] or "last"] = stage
            else:
                self._perform(stage, name, argument)
        return stage

    def _perform(self, stage: Stage, name: str, argument: str) -> None:
        match name:
            case "COPY":
                self._copy(stage, argument.split())
            case "RUN":
                _run(stage, argument)
            case "WORKDIR":
                stage.folder = argument
                stage.inside(".").mkdir(parents=True, exist_ok=True)
            case "ENV":
                for variable, value in re.findall(r"(\w+)=(\S+)", argument):
                    stage.environment[variable] = value.replace("$PATH", stage.environment["PATH"])
            case "USER":
                stage.user = argument
            case "LABEL":
                stage.labels = argument
            case "VOLUME":
                stage.volumes.append(argument)
            case "STOPSIGNAL":
                stage.signal = argument
            case "CMD":
                stage.command = json.loads(argument)
            case "HEALTHCHECK":
                stage.health = json.loads(argument.partition("CMD ")[2])
            case "EXPOSE":
                pass
            case _:
                raise AssertionError(f"how is {name} performed?")

    def _copy(self, stage: Stage, words: list[str]) -> None:
        *sources, target = [word for word in words if not word.startswith("--from=")]
        if words[0].startswith("--from="):
            root = self._stages[words[0].removeprefix("--from=")].root
            shutil.copytree(root / sources[0].lstrip("/"), stage.root / target.lstrip("/"), symlinks=True)
            return
        for source in sources:
            found = [path for path in self._context if path == Path(source) or Path(source) in path.parents]
            assert found, f"COPY {source}: nothing of that name is sent to Docker"
            for path in found:
                into = stage.inside(target) / (path if path == Path(source) else path.relative_to(source))
                into.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(self._source / path, into)


def _run(stage: Stage, argument: str) -> None:
    if argument.startswith("apt-get"):
        stage.installed += argument.partition("install ")[2].partition("&&")[0].split()
        return
    opt = Path("/opt")  # where the image has a folder of its own
    everything = [path for path in Path("/").iterdir() if path.name not in OURS | {opt.name}]
    everything += [path for path in opt.iterdir() if path.name != "docledger"] if opt.is_dir() else []
    everything.append(Path(sys.prefix))  # it may be below /tmp
    # The image's python and pip, played by those that run the tests.
    tools = {"PATH": f"{Path(sys.executable).parent}:{stage.environment['PATH']}"}
    settings = {name: value for name, value in os.environ.items() if NETWORK.match(name)}
    command = shut_in(stage, everything, {**settings, **stage.environment, **tools}, writable=True)
    done = subprocess.run(
        [*command, "sh", "-c", argument], capture_output=True, text=True, timeout=INSTALLING, check=False
    )
    assert done.returncode == 0, f"RUN {argument}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"


def shut_in(
    stage: Stage,
    bound: Sequence[Path],
    environment: Mapping[str, str],
    *,
    writable: bool = False,
    data: Path | None = None,
) -> list[str]:
    """A bwrap command line: the stage as the root, folders of this machine in place of the base image."""
    for path in bound:
        inside = stage.root.joinpath(*path.parts[1:])
        if path.is_dir() and not path.is_symlink():
            inside.mkdir(parents=True, exist_ok=True)
        elif path.is_symlink() and not inside.is_symlink():
            inside.symlink_to(path.readlink())
    for name in ("tmp", "proc", "dev"):
        (stage.root / name).mkdir(exist_ok=True)
    binds = [
        word
        for path in bound
        if path.is_dir() and not path.is_symlink()
        for word in ("--ro-bind", path, path)
    ]
    volume = ["--bind", data, "/data"] if data else []
    variables = [word for name, value in environment.items() for word in ("--setenv", name, value)]
    command = [
        *("bwrap", "--die-with-parent", "--clearenv", *variables),
        *("--bind" if writable else "--ro-bind", stage.root, "/"),
        *("--perms", "1777", "--tmpfs", "/tmp", "--proc", "/proc", "--dev", "/dev"),
        *(*binds, *volume, "--chdir", stage.folder),
    ]
    return list(map(str, [*command, *_as(stage.user)]))


def _as(user: str) -> list[str]:
    if user == "0:0":
        return ["--cap-add", "ALL"]
    uid, _, gid = user.partition(":")
    who = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--no-new-privs", "--"]
    return ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", *who]


def of_the_system() -> list[Path]:
    """What a base image has: the system's folders, and Python."""
    python = Path(sys.base_prefix)
    found = [Path("/", name) for name in SYSTEM if Path("/", name).exists()]
    return found if python.parts[1] in SYSTEM else [*found, python]
