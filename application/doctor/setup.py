"""Judgement of the settings by themselves: what is likely to be a mistake although each is allowed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from application.doctor.addresses import host, is_loopback, is_secure, path
from application.doctor.checks import Check, Verdict, fail, ok, warn
from application.doctor.seen import Setup


class Suspicion(NamedTuple):
    verdict: Verdict
    detail: str
    remedy: str


def judge_settings(setup: Setup) -> Check:
    found = sorted(_suspicions(setup), key=lambda each: each.verdict is not Verdict.FAIL)
    if not found:
        return ok("settings", "Every setting can be used, and they go together.")
    details, remedies = (" ".join(part) for part in list(zip(*found, strict=True))[1:])
    return Check("settings", found[0].verdict, details, remedies)


def _suspicions(setup: Setup) -> Iterator[Suspicion]:
    yield from _who_gets_in(setup)
    yield from _who_reaches_whom(setup)


def _who_gets_in(setup: Setup) -> Iterator[Suspicion]:
    local = is_loopback(setup.public_url)
    if setup.demo and not local:
        yield Suspicion(
            Verdict.FAIL,
            f"This is the demo, and whoever reaches {setup.public_url} is signed in as its local user.",
            "Set AUTH_SECRET: openssl rand -hex 32.",
        )
    elif not local and not is_secure(setup.public_url):
        yield Suspicion(
            Verdict.WARN,
            f"People reach us at {setup.public_url}: sign-ins and documents cross the network in the clear.",
            "Put a proxy with TLS before us and set PUBLIC_URL to its https address.",
        )
    if setup.believes_everybody:
        yield Suspicion(
            Verdict.WARN,
            "TRUSTED_PROXIES holds the whole internet: anybody can claim any address.",
            "List only the addresses of your own proxies in TRUSTED_PROXIES.",
        )


def _who_reaches_whom(setup: Setup) -> Iterator[Suspicion]:
    if setup.internal_url and is_loopback(setup.storage_url) and not is_loopback(setup.internal_url):
        bind = " and HOST to 0.0.0.0" if setup.loopback else ""
        yield Suspicion(
            Verdict.WARN,
            f"STORAGE_URL is {setup.storage_url}, which on {host(setup.internal_url)}, where the Document"
            " Server is, means that machine itself.",
            f"Set STORAGE_URL to an address of this machine{bind}.",
        )
    if is_loopback(setup.server_url) and not is_loopback(setup.public_url):
        yield Suspicion(
            Verdict.WARN,
            f"DOCUMENT_SERVER_URL is {setup.server_url}: in a browser that means the reader's own machine.",
            "Set DOCUMENT_SERVER_URL to an address that browsers reach; ours goes into"
            " DOCUMENT_SERVER_INTERNAL_URL.",
        )
    if path(setup.public_url):
        yield Suspicion(
            Verdict.WARN,
            f"PUBLIC_URL has the path {path(setup.public_url)}, but our pages stand at the root of a host.",
            "Give Docledger a host name of its own, without a path.",
        )


def judge_saving(setup: Setup) -> Check:
    if setup.durable:
        return ok("callback_reply", "durable: the Document Server keeps what we could not store.")
    detail = "always: a save that we cannot store within the budget is gone at the Document Server as well."
    if setup.demo:
        return ok("callback_reply", f"{detail} For the demo that will do.")
    return warn("callback_reply", detail, "Set CALLBACK_REPLY=durable.")


def judge_secrets(setup: Setup) -> Check:
    weak = [f"{each.name} {each.weakness}" for each in setup.secrets if each.weakness]
    twice = [f"{each.name} is the same as {each.same_as}" for each in setup.secrets if each.same_as]
    if twice:
        return fail(
            "secrets",
            f"{'; '.join(twice)}: who holds one can forge what the other signs.",
            "Give each its own: openssl rand -hex 32.",
        )
    if weak:
        judged = warn if setup.demo else fail
        return judged("secrets", f"{'; '.join(weak)}.", "Make a new one: openssl rand -hex 32.")
    if setup.readable:
        return warn(
            "secrets",
            f"Every user of this machine can read {', '.join(setup.readable)}.",
            f"chmod 600 {' '.join(setup.readable)}",
        )
    return ok("secrets", "Strong, and each is its own.")


def judge_mixed_content(setup: Setup) -> Check:
    ours, theirs = is_secure(setup.public_url), is_secure(setup.server_url)
    if ours and not theirs:
        return fail(
            "mixed_content",
            f"Our pages are https and the editor is {setup.server_url}: browsers refuse to load it.",
            "Serve the Document Server over https too and set DOCUMENT_SERVER_URL to that address.",
        )
    if theirs and not ours:
        return warn(
            "mixed_content",
            f"The editor is https and our pages are {setup.public_url}: a secure editor in an insecure page.",
            "Serve Docledger over https too and set PUBLIC_URL to that address.",
        )
    return ok("mixed_content", f"Pages and editor are both {'https' if ours else 'http'}.")
