"""Fixtures for every suite."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings
from playwright.sync_api import Browser

from tests.chromium import chromium, chromium_path

settings.register_profile("suite", deadline=None)  # a busy machine is no finding
settings.load_profile("suite")

pytest_plugins = ["tests.engines.fixtures"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for the whole run; a test opens its own context in it."""
    path = chromium_path()
    if path is None:
        pytest.skip("no chromium here: apt install chromium")
    with chromium(path) as browser:
        yield browser
