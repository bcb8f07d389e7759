"""What we sign and believe is what PyJWT would; it is only written and read with less ado."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.own_json import text_of
from application.tokens import BadToken
from infrastructure.signatures import Secrets

KEY, OTHER = "k" * 40, "o" * 40
USUAL = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
OPTIONS: Any = {"verify_exp": False, "verify_iat": False, "verify_nbf": False, "verify_aud": False}
OPTIONS |= {"verify_iss": False, "verify_sub": False, "verify_jti": False}

texts = st.text(st.characters(exclude_categories=()), max_size=8)  # half surrogate pairs too
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
claims = st.dictionaries(texts, values, max_size=5).filter(lambda said: isinstance(said.get("iss", ""), str))


def by_pyjwt(token: str, key: str = KEY) -> Any:
    try:
        return jwt.decode(token, key, algorithms=["HS256"], options=OPTIONS)
    except (jwt.PyJWTError, ValueError):
        return None


def by_us(token: str, *secrets: str) -> Any:
    try:
        return Secrets(*(secrets or (KEY,))).verified(token)
    except BadToken:
        return None


def signed(payload: bytes, header: str = USUAL) -> str:
    message = f"{header}.{urlsafe_b64encode(payload).rstrip(b'=').decode()}".encode()
    signature = jwt.get_algorithm_by_name("HS256").sign(message, KEY.encode())
    return f"{message.decode()}.{urlsafe_b64encode(signature).rstrip(b'=').decode()}"


@given(claims)
def test_what_we_sign_pyjwt_reads(said: dict[str, Any]) -> None:
    token = Secrets(KEY).sign(said)
    assert token.startswith(f"{USUAL}.")
    assert by_pyjwt(token) == json.loads(json.dumps(said))
    assert by_us(token) == json.loads(json.dumps(said))


@given(claims)
def test_what_pyjwt_signs_we_read(said: dict[str, Any]) -> None:
    assert by_us(jwt.encode(said, KEY, "HS256")) == json.loads(json.dumps(said))


@given(st.binary(max_size=20) | values.map(lambda value: json.dumps(value).encode()))
def test_what_is_signed_without_being_claims_is_judged_alike(payload: bytes) -> None:
    assert by_us(signed(payload)) == by_pyjwt(signed(payload))


@given(claims, st.integers(0), st.sampled_from("ABCabc019-_.=+/ \0é"))
def test_no_token_is_believed_that_pyjwt_does_not_believe(said: dict[str, Any], at: int, letter: str) -> None:
    token = Secrets(KEY).sign(said)
    at %= len(token)
    changed = token[:at] + letter + token[at + 1 :]
    assert by_us(changed) == by_pyjwt(changed)
    assert by_us(token + letter) == by_pyjwt(token + letter)


@pytest.mark.parametrize(
    "header", [{"alg": "none"}, {"alg": "HS512"}, {"typ": "JWT"}, {"alg": "HS256", "crit": ["x"]}, []]
)
def test_another_header_is_for_pyjwt_to_judge(header: Any) -> None:
    token = signed(b'{"a":1}', urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode())
    assert by_us(token) is by_pyjwt(token) is None


def test_a_harmless_header_of_another_spelling_is_believed() -> None:
    header = urlsafe_b64encode(b'{"typ": "JWT", "alg": "HS256"}').rstrip(b"=").decode()
    assert by_us(signed(b'{"a":1}', header)) == {"a": 1}


def test_a_rotation_counts_from_the_next_token_on() -> None:
    old, both, new = Secrets(KEY), Secrets(OTHER, KEY), Secrets(OTHER)
    assert both.verified(old.sign({"a": 1})) == {"a": 1}
    assert new.verified(both.sign({"a": 1})) == {"a": 1}
    both.turn_from(0)
    assert old.verified(both.sign({"a": 2})) == {"a": 2}
    with pytest.raises(BadToken):
        new.verified(both.sign({"a": 2}))


def test_json_of_ours_is_compact_and_takes_what_the_standard_library_takes() -> None:
    assert text_of({"name": "Ä", "list": (1, 2)}) == '{"name":"Ä","list":[1,2]}'.encode()
    odd = {"half": "\ud800", "big": 2**70, 3: "three"}
    assert json.loads(text_of(odd)) == {"half": "\ud800", "big": 2**70, "3": "three"}
    with pytest.raises(TypeError):
        text_of({"no": object()})
