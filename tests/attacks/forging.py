"""Tokens as an attacker makes them, byte by byte."""

from __future__ import annotations

import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

STRANGER = "a secret that the attacker has made up"


def b64(data: bytes | Mapping[str, Any]) -> str:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def head(header: Any, claims: Any) -> str:
    return f"{b64(header)}.{b64(claims)}"


def hs(header: Any, claims: Any, key: str | bytes = STRANGER, digest: str = "sha256") -> str:
    signed = head(header, claims)
    raw = key if isinstance(key, bytes) else key.encode()
    return f"{signed}.{b64(hmac.digest(raw, signed.encode(), digest))}"


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def rs(header: Any, claims: Any) -> str:
    signed = head(header, claims)
    return f"{signed}.{b64(rsa_key().sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def stamped(claims: Mapping[str, Any], seconds: int = 300) -> dict[str, Any]:
    now = int(time.time())
    return {"iat": now, "exp": now + seconds, **claims}


def tricks(claims: Mapping[str, Any], secret: str) -> dict[str, str]:
    """Tokens that hold good claims, and none of which is signed as it must be."""
    good = hs({"alg": "HS256", "typ": "JWT"}, claims, secret)
    part = good.split(".")
    duplicated = b64(b'{"alg":"none","alg":"HS256"}')
    return {
        "alg none": head({"alg": "none"}, claims) + ".",
        "alg None": head({"alg": "None"}, claims) + ".",
        "alg nOnE": head({"alg": "nOnE"}, claims) + "." + part[2],
        "alg empty": head({"alg": ""}, claims) + ".",
        "no alg": head({"typ": "JWT"}, claims) + "." + part[2],
        "alg null": head({"alg": None}, claims) + "." + part[2],
        "alg list": head({"alg": ["HS256"]}, claims) + "." + part[2],
        "alg lower case": hs({"alg": "hs256"}, claims, secret),
        "HS384 by our secret": hs({"alg": "HS384"}, claims, secret, "sha384"),
        "HS512 by our secret": hs({"alg": "HS512"}, claims, secret, "sha512"),
        "RS256 by the attacker": rs({"alg": "RS256"}, claims),
        "RS256 that is an HMAC": hs({"alg": "RS256"}, claims, secret),
        "ES256 that is an HMAC": hs({"alg": "ES256"}, claims, secret),
        "PS256 by the attacker": rs({"alg": "PS256"}, claims),
        "HS256 that is RSA": rs({"alg": "HS256"}, claims),
        "kid to a known file": hs({"alg": "HS256", "kid": "../../../../dev/null"}, claims, b""),
        "kid as SQL": hs({"alg": "HS256", "kid": "x' UNION SELECT 'y"}, claims, b"y"),
        "kid as a command": hs({"alg": "HS256", "kid": "key; sleep 9"}, claims),
        "jwk of one's own": hs({"alg": "HS256", "jwk": {"kty": "oct", "k": b64(b"k")}}, claims, b"k"),
        "jku of one's own": hs({"alg": "HS256", "jku": "http://evil.test/keys"}, claims),
        "x5u of one's own": hs({"alg": "HS256", "x5u": "http://evil.test/x"}, claims),
        "unknown crit": hs({"alg": "HS256", "crit": ["exp"], "exp": 1}, claims, secret),
        "b64 false": hs({"alg": "HS256", "b64": False, "crit": ["b64"]}, claims, secret),
        "no signature": f"{part[0]}.{part[1]}.",
        "two parts": f"{part[0]}.{part[1]}",
        "four parts": f"{good}.{part[2]}",
        "JWE-looking": ".".join(
            [b64({"alg": "dir", "enc": "A256GCM"}), "", b64(b"iv"), part[1], b64(b"tag")]
        ),
        "signature of other claims": f"{part[0]}.{b64({**claims, 'x': 1})}.{part[2]}",
        "signature cut": good[:-4],
        "signature longer": good + "AAAA",
        "empty secret": hs({"alg": "HS256"}, claims, b""),
        "zeros for a secret": hs({"alg": "HS256"}, claims, bytes(32)),
        "a stranger's secret": hs({"alg": "HS256"}, claims),
        "the secret backwards": hs({"alg": "HS256"}, claims, secret[::-1]),
        "header twice": f"{duplicated}.{part[1]}.{part[2]}",
        "header no JSON": f"{b64(b'{')}.{part[1]}.{part[2]}",
        "header very deep": f"{b64(b'[' * 2_000)}.{part[1]}.{part[2]}",
        "header a list": f"{b64(b'[]')}.{part[1]}.{part[2]}",
        "claims a list": hs({"alg": "HS256"}, [claims], secret),
        "claims a text": hs({"alg": "HS256"}, b'"x"', secret),
        "claims no JSON": hs({"alg": "HS256"}, b"{", secret),
        "claims very deep": hs({"alg": "HS256"}, b"[" * 20_000, secret),
        "blanks inside": good.replace(".", ". ", 1),
        "huge and unsigned": f"{part[0]}.{'A' * 14_000}.{part[2]}",
        "only dots": "..",
        "no token": "x",
    }
