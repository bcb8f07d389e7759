"""Settings of any text are read, or every mistake is told; never anything else, and never a secret."""

from __future__ import annotations

import os
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.settings import SETTINGS_HELP, SettingsError, read_settings
from tests.fuzz.amount import odd_text, thorough

likely = st.sampled_from(
    [
        *("0", "1", "-1", "8080", "65536", "1e99", "nan", "inf", "on", "off", "true", "always", "all", "*"),
        *(
            "0.0.0.0",
            "::",
            "[::1]",
            "localhost",
            "10.0.0.0/8",
            "10.0.0.0/99",
            "a,b,,c",
            "http://",
            "http://h:0",
        ),
        *(
            "http://[",
            "https://h/p?q",
            "https://u:p@h",
            "http://h:99999",
            "file:///",
            "sqlite:///",
            "memory://",
        ),
        *("10000/15 minutes", "1/0 seconds", "999999999999/year", "all for 1 day, then none", "x" * 5000),
        *("0123456789abcdef-0123456789abcdef", "/", "~", "~nobody/x", "/dev/null", "theme-dark", "pt-BR"),
    ]
)
# What an environment can hold: neither a NUL nor half a surrogate pair of its own.
written = (odd_text | likely).map(lambda text: text.replace("\0", "").encode("utf-8", "replace").decode())
given_settings = st.dictionaries(
    st.sampled_from([row.variable for row in SETTINGS_HELP]), written, min_size=1, max_size=8
)
SECRET = "a secret that no message may show, 32 bytes"


@thorough(300)
@given(given_settings, st.booleans())
def test_any_settings_are_read_or_refused_in_words(variables: dict[str, str], secret: bool) -> None:
    if secret:
        variables |= {"DOCLEDGER_AUTH_SECRET": SECRET, "DOCLEDGER_WEBHOOK_SECRET": SECRET}
    with ExitStack() as stack:
        environment = stack.enter_context(pytest.MonkeyPatch.context())
        for name in [name for name in os.environ if name.upper().startswith("DOCLEDGER_")]:
            environment.delenv(name)
        for name, value in variables.items():
            environment.setenv(name, value)
        try:
            told = repr(read_settings(None))
        except SettingsError as refused:
            told = str(refused)
    assert SECRET not in told
