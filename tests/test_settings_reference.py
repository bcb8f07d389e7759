"""The settings as people read them: the page, the README's table, and the command."""

from __future__ import annotations

import re
from pathlib import Path

from infrastructure.settings import SETTINGS_HELP
from infrastructure.settings_reference import name_of, reference
from tests.service import Service

ROOT = Path(__file__).parent.parent
ROW = re.compile(r"^\| `([A-Z_]+)` \| (.*) \| (.*) \|$", re.MULTILINE)
SECRET = "a secret of at least thirty-two bytes"


def test_the_page_is_what_the_code_says() -> None:
    """If not: docledger settings --markdown > docs/settings.md"""
    assert (ROOT / "docs" / "settings.md").read_text() == reference()


def test_the_page_has_every_setting_once() -> None:
    names = re.findall(r"^\| `([A-Z_]+)`", reference(), re.MULTILINE)
    assert names == [name_of(row) for row in SETTINGS_HELP]


def test_the_readme_tells_of_the_most_important_ones_in_the_same_words() -> None:
    known = {(name_of(row), row.default, row.help) for row in SETTINGS_HELP}
    told = set(ROW.findall((ROOT / "README.md").read_text().partition("## Settings")[2]))
    assert told <= known
    assert {"HOST", "AUTH_SECRET", "DOCUMENT_SERVER_SECRET", "STORAGE_URL"} <= {name for name, *_ in told}


def test_bounds_units_and_choices_are_told() -> None:
    page = reference()
    assert "| `PORT` | 8080 | 1 to 65535 |" in page
    assert "| `AUTOSAVE_SECONDS` | 30 | more than 0, up to 86400 seconds |" in page
    assert "| `LOG_LEVEL` | info | debug, info, warning, error |" in page
    assert "| `DOCUMENT_SERVER_JWT` | on | on, off |" in page


def test_the_command_says_what_is_in_force_and_where_it_comes_from(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        f"DOCLEDGER_SECRET={SECRET}\nDOCLEDGER_PORT=1\nDOCLEDGER_GRACE_SECONDS=5\n"
    )
    service = Service(
        tmp_path, AUTH_SECRET=SECRET, KEEP_AUTOSAVES="hourly for 7 days, then daily", CA_BUNDLE=""
    )
    done = service.command("settings")
    service.close()
    told = dict(re.findall(r"^  DOCLEDGER_(\w+) +(.+)$", done.stdout, re.MULTILINE))
    port = service.url.rpartition(":")[2]
    assert told["PORT"] == f"{port}  (environment)"  # it wins over the file
    assert told["GRACE_SECONDS"] == "5  (.env)"
    assert told["KEEP_AUTOSAVES"] == "hourly for 7 days, then daily  (environment)"
    assert told["PUBLIC_URL"] == f"http://127.0.0.1:{port}"
    assert (told["CA_BUNDLE"], told["LOG_LEVEL"], told["DOCUMENT_SERVER_JWT"]) == ("–", "info", "on")
    assert (told["AUTH_SECRET"], told["SECRET"]) == ("(set)  (environment)", "(set)  (.env)")
    assert SECRET not in done.stdout + done.stderr
    assert len(told) == len(SETTINGS_HELP)


def test_the_command_names_mistakes_instead(tmp_path: Path) -> None:
    service = Service(tmp_path, AUTOSAVE_SECONDS="soon")
    done = service.command("settings")
    service.close()
    assert done.returncode == 1
    assert "DOCLEDGER_AUTOSAVE_SECONDS" in done.stderr
