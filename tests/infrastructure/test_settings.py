"""Settings: what is believed, what is refused, and that a start lists every mistake in one go."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import certifi
import pytest
from pydantic import ValidationError

from domain.retention import ALL, DAILY, HOURLY, NONE, WEEKLY, Policy, Stage
from infrastructure.kept import own_secret
from infrastructure.settings import SETTINGS_HELP, Settings, SettingsError, read_settings
from infrastructure.settings_reference import in_force

STRONG = "0123456789abcdef-0123456789abcdef"


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.upper().startswith("DOCLEDGER_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def read(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(f"DOCLEDGER_{name}", value)
    return read_settings()


def refusal(monkeypatch: pytest.MonkeyPatch, **variables: str) -> str:
    with pytest.raises(SettingsError) as refused:
        read(monkeypatch, **variables)
    return str(refused.value)


def test_without_any_variable_it_is_the_demo_on_the_stand_in(tmp_path: Path) -> None:
    settings = read_settings()
    assert settings.demo
    assert settings.uses_standin
    assert settings.public_url == settings.storage_url == "http://127.0.0.1:8080"
    assert settings.document_server_internal_url is None
    assert settings.data_dir == tmp_path / "data"
    assert settings.blobs_path == tmp_path / "data" / "blobs"
    assert settings.database_path == tmp_path / "data" / "docledger.db"
    assert settings.max_file_bytes == 104857600
    assert settings.keep_autosaves.keeps_all


def test_urls_derive_from_one_another(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(
        monkeypatch,
        PUBLIC_URL="https://files.example.com/",
        DOCUMENT_SERVER_URL="https://office.example.com/ds/",
    )
    assert settings.storage_url == settings.public_url == "https://files.example.com"
    assert settings.document_server_internal_url == "https://office.example.com/ds"
    assert settings.demo
    assert not settings.uses_standin


@pytest.mark.parametrize(
    ("host", "url"),
    [("::1", "http://[::1]:99"), ("localhost", "http://localhost:99"), ("127.0.0.2", "http://127.0.0.2:99")],
)
def test_the_public_url_follows_host_and_port(monkeypatch: pytest.MonkeyPatch, host: str, url: str) -> None:
    assert read(monkeypatch, HOST=host, PORT="99").public_url == url


def test_listening_everywhere_is_reached_by_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch, HOST="0.0.0.0", AUTH_SECRET=STRONG)
    assert settings.public_url == "http://127.0.0.1:8080"
    assert not settings.demo


def test_lists_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(
        monkeypatch,
        RESULT_ORIGINS="https://a.example, http://b.example:81/ ,",
        TRUSTED_PROXIES="10.0.0.7,fd00::/8",
    )
    assert settings.result_origins == ("https://a.example", "http://b.example:81")
    assert settings.trusted_proxies == (ip_network("10.0.0.7/32"), ip_network("fd00::/8"))


def test_the_environment_wins_over_the_file_and_empty_means_unset(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text(
        "DOCLEDGER_PORT=1111\nDOCLEDGER_GRACE_SECONDS=3\nOTHER=1\nDOCLEDGER_AUTH_SECRET=\n"
    )
    settings = read(monkeypatch, PORT="2222", LOG_LEVEL="", EDITOR_LANG="pt-BR")
    assert (settings.port, settings.grace_seconds, settings.log_level) == (2222, 3, "info")
    assert settings.auth_secret is None


def test_settings_cannot_be_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch)
    with pytest.raises(ValidationError):
        settings.port = 1


def test_every_mistake_is_reported_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DOCLEDGER_PROT=1\n")
    text = refusal(
        monkeypatch,
        PORT="eighty",
        HOST="0.0.0.0",
        DOCUMENT_SERVER_JWT="off",
        SECRET="short",
        CALLBACK_REPLY="sometimes",
        DATABASE_URL="mysql://u:pw@db/docledger",
        RATE_LIMIT_URL="memcached://:pw@cache",
        TRUSTED_PROXIES="everybody",
        COLOUR="red",
    )
    lines = {line.partition(":")[0].strip(): line for line in text.splitlines()[1:]}
    assert sorted(lines) == [
        "DOCLEDGER_AUTH_SECRET",
        "DOCLEDGER_CALLBACK_REPLY",
        "DOCLEDGER_COLOUR",
        "DOCLEDGER_DATABASE_URL",
        "DOCLEDGER_DOCUMENT_SERVER_JWT",
        "DOCLEDGER_PORT",
        "DOCLEDGER_PROT",
        "DOCLEDGER_RATE_LIMIT_URL",
        "DOCLEDGER_SECRET",
        "DOCLEDGER_TRUSTED_PROXIES",
    ]
    assert "'eighty' is not a whole number" in lines["DOCLEDGER_PORT"]
    assert "did you mean DOCLEDGER_PORT?" in lines["DOCLEDGER_PROT"]
    assert "remove it" in lines["DOCLEDGER_COLOUR"]
    assert "or postgresql://user@host" in lines["DOCLEDGER_DATABASE_URL"]
    assert "always' or 'durable'" in lines["DOCLEDGER_CALLBACK_REPLY"]
    assert "pw" not in text


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("PORT", "0", "at least 1"),
        ("PORT", "65536", "at most 65535"),
        ("AUTOSAVE_SECONDS", "0", "more than 0"),
        ("GRACE_SECONDS", "soon", "not a number"),
        ("CALLBACK_BUDGET_SECONDS", "600", "at most 540"),
        ("DOCUMENT_SERVER_JWT", "perhaps", "on or off"),
        ("PUBLIC_URL", "ftp://x", "must look like"),
        ("PUBLIC_URL", "http://[::1", "not a url"),
        ("PUBLIC_URL", "http://user:hidden@x", "user name"),
        ("STORAGE_URL", "http://x/?a=1", "query"),
        ("STORAGE_URL", "http://x/#a", "fragment"),
        ("DOCUMENT_SERVER_URL", "http://a b/", "blanks"),
        ("DOCUMENT_SERVER_URL", "http://x:99999", "not a url"),
        ("DOCUMENT_SERVER_INTERNAL_URL", "http://ds", "needs DOCUMENT_SERVER_URL"),
        ("RESULT_ORIGINS", "https://a.example/path", "without a path"),
        ("DATABASE_URL", "sqlite:///:memory:", "must look like"),
        ("BLOB_URL", "s3://", "must look like s3://"),
        ("BLOB_URL", "ftp://bucket", "must begin with"),
        ("BLOB_URL", "s3://key:hidden@bucket", "credentials go elsewhere"),
        ("RATE_LIMIT_URL", "memcached://x", "must begin with"),
        ("RATE_LIMIT_URL", "redis://", "must be memory://"),
        ("RATE_LIMIT", "plenty", "10000/15 minutes"),
        ("EDITOR_LANG", "english", "like 'en'"),
        ("LOG_LEVEL", "loud", "'info'"),
        ("CA_BUNDLE", "/nowhere.pem", "not a PEM file"),
        ("CA_BUNDLE", "/dev/null", "not a PEM file"),
        ("MAX_FILE_BYTES", "100MB", "not a whole number"),
        ("KEEP_AUTOSAVES", "30", "then daily"),
        ("KEEP_AUTOSAVES", "hourly for 7 days", "then daily"),
        ("KEEP_AUTOSAVES", "daily for 7 days, then hourly", "then daily"),
        ("KEEP_AUTOSAVES", "all for 7 days, hourly for 7 days, then none", "higher than the one before"),
        ("KEEP_AUTOSAVES", "all for 7 days, , then none", "then daily"),
        ("AUTH_SECRET", "my_jwt_secret", "shorter than 32 bytes"),
        ("AUTH_SECRET", "ChangeMe-ChangeMe-ChangeMe-ChangeMe-", "easy to guess"),
        ("AUTH_SECRET", "ab" * 32, "easy to guess"),
        ("AUTH_SECRET", "a-string-secret-at-least-256-bits-long", "well known"),
    ],
)
def test_a_refusal_says_what_is_wrong_and_keeps_secrets(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, why: str
) -> None:
    text = refusal(monkeypatch, **{name: value})
    assert text.count("\n") == 1, "one mistake, one line"
    assert f"DOCLEDGER_{name}: " in text
    assert why in text
    assert "hidden" not in text
    assert "SECRET" not in name or value not in text


def test_a_file_in_place_of_the_data_folder_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "data").write_text("")
    assert "DOCLEDGER_DATA_DIR: is a file" in refusal(monkeypatch)


def test_the_usual_authorities_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch, CA_BUNDLE=certifi.where()).ca_bundle == Path(certifi.where())


def test_a_dotenv_in_another_encoding_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes("DOCLEDGER_EDITOR_LANG=ü".encode("utf-16"))
    assert ".env: is not UTF-8" in refusal(monkeypatch)


def test_weak_secrets_pass_in_the_demo_only(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch, DOCUMENT_SERVER_SECRET="secret", SECRET="changeme").demo
    text = refusal(monkeypatch, AUTH_SECRET=STRONG)
    assert "DOCLEDGER_DOCUMENT_SERVER_SECRET: " in text
    assert "DOCLEDGER_SECRET: " in text


def test_unsigned_traffic_is_for_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not read(monkeypatch, DOCUMENT_SERVER_JWT="off").document_server_jwt


def test_a_missing_document_server_secret_is_no_reason_not_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch, AUTH_SECRET=STRONG, DOCUMENT_SERVER_URL="http://ds")
    assert settings.document_server_secret is None


def test_the_test_suites_own_variables_are_no_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch, TEST_DOCUMENT_SERVER_URL="http://ds").uses_standin


def test_no_repr_shows_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    assert STRONG not in repr(
        read(monkeypatch, AUTH_SECRET=STRONG, SECRET=STRONG, DOCUMENT_SERVER_SECRET=STRONG)
    )


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("all", Policy()),
        ("Daily", Policy((), DAILY)),
        ("all for 1 day, then none", Policy((Stage(timedelta(days=1), ALL),), NONE)),
        (
            "all for 1 day, hourly for 7 days , daily for 30 days,then weekly",
            Policy(
                (
                    Stage(timedelta(days=1), ALL),
                    Stage(timedelta(days=7), HOURLY),
                    Stage(timedelta(days=30), DAILY),
                ),
                WEEKLY,
            ),
        ),
    ],
)
def test_what_to_keep_is_said_in_words(monkeypatch: pytest.MonkeyPatch, text: str, policy: Policy) -> None:
    assert read(monkeypatch, KEEP_AUTOSAVES=text).keep_autosaves == policy


def test_there_is_help_for_every_setting() -> None:
    assert {row.variable for row in SETTINGS_HELP} == {
        f"DOCLEDGER_{name.upper()}" for name in Settings.model_fields
    }
    assert all(row.help and "\n" not in row.help for row in SETTINGS_HELP)
    defaults = {row.variable: row.default for row in SETTINGS_HELP}
    assert defaults["DOCLEDGER_PUBLIC_URL"] == "http://HOST:PORT"
    assert defaults["DOCLEDGER_AUTOSAVE_SECONDS"] == "30"


def test_our_secret_is_made_once_and_kept_private(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = read(monkeypatch)
    with ThreadPoolExecutor(8) as crowd:
        made = set(crowd.map(lambda _: own_secret(settings), range(8)))
    path = tmp_path / "data" / "secret"
    assert made == {path.read_text().strip()}
    assert len(made.pop()) == 64
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_given_secret_is_used_and_nothing_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert own_secret(read(monkeypatch, SECRET=STRONG)) == STRONG
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("content", ["", "short", "ü" * 40])
def test_a_spoilt_secret_file_is_reported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "secret").write_text(content)
    with pytest.raises(SettingsError, match="cannot be used"):
        own_secret(read(monkeypatch))


@pytest.mark.parametrize("secret", ["whsec_c2hvcnQ=", "whsec_no Base64 at all, though it is long enough"])
def test_a_webhook_secret_of_the_specification_is_base64_and_long_enough(
    monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    assert "Base64 of 24 bytes" in refusal(monkeypatch, WEBHOOK_SECRET=secret)


@pytest.mark.parametrize("secret", [STRONG, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
def test_a_webhook_secret_is_any_that_is_strong(monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    settings = read(
        monkeypatch, WEBHOOK_SECRET=secret, WEBHOOK_URLS="https://a.test/hook, http://10.0.0.1:9/x"
    )
    assert settings.webhook_secret
    assert settings.webhook_secret.get_secret_value() == secret
    assert settings.webhook_urls == ("https://a.test/hook", "http://10.0.0.1:9/x")


def test_passwords_of_stores_are_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCLEDGER_DATABASE_URL", "postgresql://docledger:hidden-word@db/docledger")
    monkeypatch.setenv("DOCLEDGER_RATE_LIMIT_URL", "redis://:other-word@cache:6379/0")
    settings = read_settings(None)
    assert settings.uses_postgres
    assert settings.secrets["database_url"] == "hidden-word"
    assert settings.secrets["rate_limit_url"] == "other-word"
    shown = {row.variable: row.value for row in in_force(settings, None)}
    assert shown["DOCLEDGER_DATABASE_URL"] == "postgresql://docledger:…@db/docledger"
    assert shown["DOCLEDGER_RATE_LIMIT_URL"] == "redis://:…@cache:6379/0"
