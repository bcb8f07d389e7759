"""The docs are true: links lead somewhere, settings and files exist, examples do what they say."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infrastructure.settings import PREFIX, SETTINGS_HELP
from infrastructure.settings_reference import name_of
from infrastructure.tokens import JwtTokens
from tests.web.service import AUTH_SECRET
from web.app import ROUTES

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NAMES = {name_of(row) for row in SETTINGS_HELP}
LINK = re.compile(r"\[[^\]]+\]\(([^)#\s]*)(?:#([^)\s]*))?\)")
PLACE = re.compile(r"\{\w+\}|(?<=/)[A-Z]+(?=/|$)")  # {id} or KEY
PLANNED = {"/openapi.json", "/metrics", "/readyz", "/healthz"}
# Words in capitals that look like settings and are somebody else's.
THEIRS = {
    "ALLOW_PRIVATE_IP_ADDRESS",
    "ALLOW_META_IP_ADDRESS",
    "USE_UNAUTHORIZED_STORAGE",
    "JWT_SECRET",
    "JWT_ENABLED",
    "JWT_HEADER",
    "ERR_NAME_NOT_RESOLVED",
    "CERTIFICATES",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ALLOW_HTTP",
    "AWS_PROFILE",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "AZURE_STORAGE_ACCOUNT_NAME",
    "AZURE_STORAGE_ACCOUNT_KEY",
}


def named(path: Path) -> str:
    return path.name


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def blocks(page: Path, kind: str) -> Iterator[str]:
    yield from re.findall(rf"^```{kind} test\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target, anchor in LINK.findall(page.read_text()):
        if target.startswith(("http:", "https:")):
            continue
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), target
        if anchor:
            assert anchor in anchors(path), f"{target}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_setting_that_is_named_exists(page: Path) -> None:
    text = page.read_text()
    words = set(re.findall(r"`(?:DOCLEDGER_)?([A-Z]{2,}(?:_[A-Z]+)+)(?:=[^`]*)?`", text))
    assert {word for word in words if not word.startswith("TEST_")} <= NAMES | THEIRS
    variables = set(re.findall(rf"{PREFIX}([A-Z_]+[A-Z])", text))
    assert {name for name in variables if not name.startswith("TEST_")} <= NAMES


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_file_of_ours_that_is_named_exists(page: Path) -> None:
    for name in re.findall(r"(?:deploy/[\w.-]+|compose\.yaml|constraints\.txt|Dockerfile)", page.read_text()):
        assert (ROOT / name.rstrip(".")).exists(), name


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_route_that_is_named_exists(page: Path) -> None:
    known = {PLACE.sub("{}", route.path) for route in ROUTES} | PLANNED
    for path in re.findall(r"`(?:GET|POST|PUT|PATCH|DELETE) (/[\w/{}.-]*)`", page.read_text()):
        assert any(route.endswith(PLACE.sub("{}", path)) for route in known), path  # some are shortened


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_the_commands_that_are_marked_run(page: Path, tmp_path: Path) -> None:
    ours = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    examples = list(blocks(page, "console"))
    assert examples or page.name != "install.md"
    for block in examples:
        for command in re.findall(r"^\$ (.+)$", block, re.MULTILINE):
            done = subprocess.run(
                ["sh", "-c", command],
                check=False,
                cwd=tmp_path,
                env={**ours, "PATH": path},
                capture_output=True,
                text=True,
                timeout=60,
            )
            assert done.returncode == 0, f"{command}\n{done.stderr}"
            assert done.stdout, command


def test_the_sign_in_in_python_is_one_that_we_believe() -> None:
    (example,) = blocks(ROOT / "docs" / "embedding.md", "python")
    scope: dict[str, object] = {}
    exec(compile(example, "embedding.md", "exec"), scope)
    sign_in = scope["sign_in"]
    assert callable(sign_in)
    claims = JwtTokens("x", None, AUTH_SECRET).read_user(sign_in("ada", "Ada Lovelace", AUTH_SECRET))
    assert (claims.sub, claims.name) == ("ada", "Ada Lovelace")


def test_the_sign_in_in_javascript_is_one_that_we_believe() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node here: apt install nodejs")
    (example,) = blocks(ROOT / "docs" / "embedding.md", "javascript")
    script = f"{example}\nconsole.log(signIn('ada', 'Zoë', process.argv[1]))"
    done = subprocess.run(
        [node, "-e", script, AUTH_SECRET], capture_output=True, text=True, timeout=30, check=True
    )
    claims = JwtTokens("x", None, AUTH_SECRET).read_user(done.stdout.strip())
    assert (claims.sub, claims.name) == ("ada", "Zoë")
