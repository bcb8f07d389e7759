"""The stand-in Document Server as a process: `python -m infrastructure.standin`."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

import trio

from .config import StandinConfig
from .lifetime import heed_signals, outlive, remove_state, write_state
from .running import serve


def main() -> None:
    options = _parser().parse_args()
    logging.basicConfig(level=logging.WARNING, format="stand-in: %(message)s")
    trio.run(_run, _config(options), options.state_file)


async def _run(config: StandinConfig, state_file: Path | None) -> None:
    async with trio.open_nursery() as company:
        async with trio.open_nursery() as nursery:
            running = await nursery.start(serve, config)
            await company.start(heed_signals, running)
            if config.parent is not None:
                company.start_soon(outlive, running, config.parent, config.linger)
            if state_file:
                write_state(state_file, running)
            sys.stderr.write(f"Stand-in Document Server on {running.url}\n")
        if state_file:
            remove_state(state_file)
        company.cancel_scope.cancel()


def _config(options: argparse.Namespace) -> StandinConfig:
    chosen = {name: value for name, value in vars(options).items() if name != "state_file"}
    if secret := os.environ.get("STANDIN_SECRET"):
        chosen["secret"] = secret
    return StandinConfig(**chosen)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infrastructure.standin",
        description="A small Document Server for demonstration and tests. The secret is STANDIN_SECRET, "
        "or a fresh one, to be read from the state file.",
    )
    default = StandinConfig()
    parser.add_argument("--host", default=default.host)
    parser.add_argument("--port", type=int, default=default.port, help="0 takes a free one")
    parser.add_argument("--save-delay", type=float, default=default.save_delay, metavar="SECONDS")
    parser.add_argument("--auto-assembly", type=float, metavar="SECONDS", help="forcesave on a timer")
    parser.add_argument("--outdated-window", type=float, default=default.outdated_window, metavar="SECONDS")
    parser.add_argument("--url-lifetime", type=float, default=default.url_lifetime, metavar="SECONDS")
    parser.add_argument("--no-jwt", dest="jwt", action="store_false", help="neither sign nor check")
    parser.add_argument(
        "--office-xml", dest="as_origin", action="store_false", help="give docx for txt, as old servers do"
    )
    parser.add_argument("--state-file", type=Path, metavar="PATH", help="gets url, secret and pid as JSON")
    parser.add_argument("--folder", type=Path, metavar="PATH", help="for what survives the process")
    parser.add_argument("--control", action="store_true", help="faults on demand, at /standin/control")
    parser.add_argument(
        "--parent", type=int, metavar="PID", help="end when that process has, and all is quiet"
    )
    parser.add_argument("--linger", type=float, default=default.linger, metavar="SECONDS")
    return parser


if __name__ == "__main__":
    main()
