"""Judgement of the Document Server by what it says: is it there and well, do we share a secret."""

from __future__ import annotations

from datetime import datetime

from application.doctor.addresses import is_secure, path, root
from application.doctor.checks import Check, fail, ok, warn
from application.doctor.seen import Heard, Reply, Setup, Silence, Trouble
from application.ports import Code

SKEWED = 60.0  # seconds: the Document Server's tolerance, and ours
EXPIRING = 14  # days
CERTIFICATE = frozenset({Trouble.SELF_SIGNED, Trouble.UNTRUSTED, Trouble.OUT_OF_DATE, Trouble.OTHER_NAME})
UNHEARD = {
    Trouble.REFUSED: "Start the Document Server, or set DOCUMENT_SERVER_INTERNAL_URL to where it listens.",
    Trouble.SILENT: "Look whether it is overloaded, or a firewall swallows all; restart it if it hangs.",
    Trouble.UNKNOWN_HOST: "Set DOCUMENT_SERVER_INTERNAL_URL to a name or address that this machine knows.",
    Trouble.NO_TLS: "It speaks plain HTTP there: write http:// in DOCUMENT_SERVER_INTERNAL_URL.",
    Trouble.BROKEN: "Look into the Document Server's log, and into that of what stands before it.",
}
TRUST = "Write the certificate of whoever signed it, as PEM, into a file and set CA_BUNDLE to that file."
START = "Start the service: docledger serve."
NO_STANDIN = warn(
    "document_server",
    "None is configured, and the built-in stand-in runs only while the service does.",
    START,
)


def is_well(heard: Heard | Silence) -> bool:
    return isinstance(heard, Heard) and heard.status == 200 and heard.text.strip() == "true"


def judge_server(setup: Setup, heard: Heard | Silence, without_path: Heard | Silence | None = None) -> Check:
    """`without_path` is what the root of its host says, where ours has a path."""
    name, url = "document_server", setup.internal_url
    if isinstance(heard, Silence):
        if heard.trouble in CERTIFICATE:
            return fail(name, f"{url}: {heard.words}.", "See the check certificate.")
        return fail(name, f"{url} cannot be reached: {heard.words}.", UNHEARD[heard.trouble])
    if is_well(heard):
        return ok(name, f"{url} answers and says that it is well.")
    if heard.status == 200 and heard.text.strip() == "false":
        return fail(
            name,
            f"{url} answers, and says itself that it is not well: its database, queue or storage fails.",
            "Look into the Document Server's own log (docservice) and restart what it names.",
        )
    return _somebody_else(name, setup, heard, without_path)


def _somebody_else(name: str, setup: Setup, heard: Heard, without_path: Heard | Silence | None) -> Check:
    url = setup.internal_url
    if heard.location:
        there = heard.location.partition("/healthcheck")[0]
        return fail(
            name,
            f"{url} sends us on to {heard.location[:200]}, and we follow nobody.",
            f"Set DOCUMENT_SERVER_INTERNAL_URL to where it sends us, such as {there[:200]}.",
        )
    if without_path is not None and is_well(without_path):
        return fail(
            name,
            f"There is no Document Server under {path(url)}, but there is one at {root(url)}.",
            f"Set DOCUMENT_SERVER_INTERNAL_URL={root(url)}.",
        )
    if heard.status in {502, 503, 504}:
        return fail(
            name,
            f"What stands before the Document Server at {url} answers HTTP {heard.status}: it is not up.",
            "Start the Document Server, or wait until it has started.",
        )
    begins = f", {heard.text.strip()[:60]!r}" if heard.text.strip() else ""
    return fail(
        name,
        f"Something answers at {url}, but no Document Server: HTTP {heard.status}{begins}.",
        "Set DOCUMENT_SERVER_INTERNAL_URL to the Document Server, with the path that it stands under.",
    )


def judge_certificate(setup: Setup, heard: Heard | Silence, now: datetime) -> Check:
    name = "certificate"
    if not is_secure(setup.internal_url):
        return ok(name, "Not needed: we speak plain HTTP with the Document Server.")
    if isinstance(heard, Silence):
        return _untrusted(setup, heard) or warn(
            name, "Not looked at: the Document Server cannot be reached.", "See the check document server."
        )
    if heard.expires is not None and (heard.expires - now).days < EXPIRING:
        return warn(
            name,
            f"The Document Server's certificate is trusted, and ends on {heard.expires:%Y-%m-%d}.",
            "Renew it before that day.",
        )
    until = f" until {heard.expires:%Y-%m-%d}" if heard.expires else ""
    return ok(name, f"The Document Server's certificate is trusted{until}.")


def _untrusted(setup: Setup, silence: Silence) -> Check | None:
    remedies = {
        Trouble.SELF_SIGNED: TRUST,
        Trouble.UNTRUSTED: "CA_BUNDLE does not hold the authority that signed it: add it to that file."
        if setup.ca_bundle
        else TRUST,
        Trouble.OUT_OF_DATE: "Renew the Document Server's certificate, or set this machine's clock.",
        Trouble.OTHER_NAME: "Use the name that stands in the certificate in DOCUMENT_SERVER_INTERNAL_URL.",
        Trouble.NO_TLS: UNHEARD[Trouble.NO_TLS],
    }
    if silence.trouble not in remedies:
        return None
    return fail("certificate", f"{silence.words}.", remedies[silence.trouble])


def judge_secret(setup: Setup, said: Reply | Silence) -> Check:
    name = "secret"
    if setup.signed and not setup.has_secret:
        return fail(
            name,
            "There is no secret to sign with: no document opens.",
            "Set DOCUMENT_SERVER_SECRET to the Document Server's JWT_SECRET.",
        )
    if isinstance(said, Silence):
        return fail(name, f"Its command service: {said.words}.", "Look into the Document Server's log.")
    match said.error:
        case Code.OK:
            return ok(name, "The Document Server accepts what we sign.")
        case Code.EXPIRED_TOKEN:
            return fail(
                name,
                "The secret is right, but all we sign counts as expired there: the clocks are minutes apart.",
                "Set the clocks of both machines by NTP.",
            )
        case Code.BAD_TOKEN if not setup.signed:
            return fail(
                name,
                "The Document Server wants signed commands, and DOCUMENT_SERVER_JWT is off.",
                "Remove DOCUMENT_SERVER_JWT and set DOCUMENT_SERVER_SECRET to the server's JWT_SECRET.",
            )
        case Code.BAD_TOKEN:
            return fail(
                name,
                "The Document Server does not accept what we sign: it has another secret.",
                "Set DOCUMENT_SERVER_SECRET to the Document Server's JWT_SECRET, and restart.",
            )
    return fail(name, f"Its command service answers error {said.error}.", "Look into the server's log.")


def judge_strangers(setup: Setup, said: Reply | Silence) -> Check:
    """Of a command that was signed with a secret made up on the spot."""
    name = "refuses_strangers"
    if isinstance(said, Silence):
        return warn(name, f"Not known: {said.words}.", "See the check secret.")
    if said.error == Code.BAD_TOKEN:
        return ok(name, "The Document Server refuses commands that somebody else has signed.")
    if not setup.signed:
        return warn(
            name,
            "JWT is off: whoever reaches the Document Server can command it and read what is open.",
            "Turn JWT on (JWT_ENABLED=true, JWT_SECRET) and set DOCUMENT_SERVER_SECRET.",
        )
    return fail(
        name,
        "The Document Server takes commands whoever signs them: JWT is off there.",
        "Start it with JWT_ENABLED=true and our DOCUMENT_SERVER_SECRET as its JWT_SECRET.",
    )


def judge_clocks(heard: Heard | Silence, called: float | None) -> Check:
    """Two witnesses: the server's Date, which a proxy may have written, and when a callback was signed."""
    date = heard.ahead if isinstance(heard, Heard) else None
    seen = [ahead for ahead in (date, called) if ahead is not None]
    if not seen:
        return warn("clocks", "The Document Server does not say what time it is.", "Mend what fails above.")
    worst = max(seen, key=abs)
    side = "ahead of" if worst > 0 else "behind"
    if abs(worst) > SKEWED:
        return warn(
            "clocks",
            f"The Document Server's clock is {abs(worst):.0f} s {side} ours: tokens may seem expired.",
            "Set the clocks of both machines by NTP.",
        )
    return ok("clocks", f"Within {max(1, round(abs(worst)))} s of each other.")


def judge_script(setup: Setup, heard: Heard | Silence) -> Check:
    """Only a hint: browsers are elsewhere."""
    name, url = "editor_script", setup.server_url
    if isinstance(heard, Heard) and heard.status == 200 and "DocsAPI" in heard.text:
        return ok(name, f"Browsers find the editor's script at {url}, if they reach what we reach.")
    what = heard.words if isinstance(heard, Silence) else f"HTTP {heard.status}, and not the editor's script"
    return warn(
        name,
        f"From here {url} gives no api.js: {what}. Browsers may see more than we do.",
        f"Open {url}/web-apps/apps/api/documents/api.js in a browser; if it fails, mend DOCUMENT_SERVER_URL.",
    )
