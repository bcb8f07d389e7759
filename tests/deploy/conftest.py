"""What has to be on the machine for these tests."""

from __future__ import annotations

import shutil

import pytest


@pytest.fixture(scope="session")
def program() -> str:
    """nginx, which on Debian is in nobody's path but root's."""
    found = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if found is None:
        pytest.skip("no nginx here: apt install nginx-light")
    return found
