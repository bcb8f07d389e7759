"""Free text after the scrubbing: still of use, and of nobody."""

from __future__ import annotations

import pytest

from application.scrubbing import Scrubber

SCRUBBER = Scrubber(["Ada Lovelace", "Ada", "Jo", "plan.docx", "Straße"])


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        ("the Document Server answered HTTP 503", "the Document Server answered HTTP 503"),
        ("[Errno 28] No space left on device", "[Errno 28] No space left on device"),
        ("7 of 10.5 KB arrived, as text/plain", "7 of 10.5 KB arrived, as text/plain"),
        ("it is application/vnd.ms-excel, no docx", "it is application/vnd.ms-excel, no docx"),
        ("ADA LOVELACE met ada", "[…] met […]"),
        ("Jo is not a job", "[…] is not a job"),
        ("in der STRASSE", "[…]"),
        ("at https://a.example:8443/x?y=z, again", "at […], again"),
        ("no answer from 10.0.0.7:8080 or [2001:db8::1]:80", "no answer from […] or […]"),
        ("office.internal and localhost:9000", "[…] and […]"),
        ("certificate is not valid for 'docs.example.com'", "certificate is not valid for '[…]'"),
        ("No such file: '/srv/some body/x y.docx'", "No such file: […]"),
        (r"C:\Users\grace is gone", "[…] is gone"),
        ("mail grace@example.org", "mail […]"),
        ("", ""),
    ],
)
def test_what_is_left_of_a_text(text: str, scrubbed: str) -> None:
    assert SCRUBBER.scrub(text) == scrubbed


def test_a_text_that_cannot_be_scrubbed_word_by_word_goes_as_a_whole() -> None:
    assert Scrubber(["[…]b"]).scrub("http://x/y b http://x/yb".replace(" b ", " ")) in {"[…] […]", "[…]"}
    assert Scrubber(["abc", "a[…]c"]).scrub("aabcc") == "[…]"
