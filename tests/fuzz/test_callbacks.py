"""Whoever is not the Document Server may send what they like: it is refused, and nothing comes of it."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.amount import anything, odd_text, thorough
from tests.web.fake_server import STRANGER, signed
from tests.web.life import living
from tests.web.service import CALLBACK, Service

OURS = "the key of the open session"  # until there is one

fields = st.fixed_dictionaries(
    {},
    optional={
        "key": st.just(OURS) | anything,
        "status": st.integers(0, 8) | anything,
        "url": odd_text
        | st.sampled_from(["http://169.254.169.254/", "http://[::1]/x", "file:///etc/passwd"]),
        "users": anything,
        "history": anything,
        "token": odd_text,
        "payload": anything,
    },
)
forgeries = st.one_of(
    st.binary(max_size=200),
    anything.map(lambda value: json.dumps(value).encode()),
    fields.map(lambda claims: json.dumps(claims).encode()),
    fields.map(lambda claims: json.dumps({**claims, "token": signed(claims, STRANGER)}).encode()),
)
headers = st.one_of(
    st.just(""),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40),
    fields.map(lambda claims: f"Bearer {signed({'payload': claims}, STRANGER)}"),
)
ANSWERS = {"always": (200, {"error": 0}), "durable": (403, {"error": 1})}


@pytest.mark.parametrize("policy", ANSWERS)
@thorough(10, share=0.05)
@given(letters=st.lists(st.tuples(forgeries, headers), min_size=1, max_size=20))
async def test_a_forger_is_answered_and_nothing_comes_of_it(
    policy: str, letters: list[tuple[bytes, str]]
) -> None:
    with TemporaryDirectory() as folder:
        async with living(Path(folder), {}, callback_reply=policy) as service:
            file = await service.add()
            key = await service.key(file)
            before = await _all_that_is_known(service, file, key)
            for body, authorization in letters:
                aimed = body.replace(OURS.encode(), key.encode())
                answer = await service.http.post(
                    service.url + CALLBACK,
                    content=aimed,
                    headers={"Authorization": authorization} if authorization else {},
                )
                assert (answer.status_code, answer.json()) == ANSWERS[policy]
            assert await _all_that_is_known(service, file, key) == before
            assert not service.server.fetches


async def _all_that_is_known(service: Service, file: str, key: str) -> Any:
    return await service.events(key), await service.document(key), await service.versions(file)
