"""What has to be on the machine for these tests."""

from __future__ import annotations

import shutil

import pytest


@pytest.fixture(scope="session")
def program() -> str:
    return _found("nginx", "nginx-light")


@pytest.fixture(scope="session")
def balancer() -> str:
    return _found("haproxy", "haproxy")


def _found(name: str, package: str) -> str:
    """On Debian they are in nobody's path but root's."""
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if found is None:
        pytest.skip(f"no {name} here: apt install {package}")
    return found
