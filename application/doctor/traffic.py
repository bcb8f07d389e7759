"""Judgement of what really went to and fro: our own addresses, a file, its result, a callback."""

from __future__ import annotations

from application.doctor.addresses import (
    are_private,
    host,
    is_loopback,
    is_secure,
    origin,
    path,
    root,
)
from application.doctor.checks import Check, fail, ok, warn
from application.doctor.seen import (
    Call,
    Converted,
    Heard,
    Refused,
    Reply,
    Result,
    Setup,
    Silence,
    Trouble,
    Visit,
)
from application.ports import Code

DOWNLOAD, TOKEN = -4, -8  # what the converter could not do, or did not accept
PRIVATE = (
    "it may refuse private addresses: start it with ALLOW_PRIVATE_IP_ADDRESS=true (in its local.json:"
    " services.CoAuthoring.request-filtering-agent.allowPrivateIPAddress)"
)


def judge_own_address(
    name: str, setting: str, url: str, heard: Heard | Silence, visit: Visit | None
) -> Check:
    """`visit` is what came in here when we fetched a probe of ours at that address."""
    if visit is not None and isinstance(heard, Heard) and heard.status == 200:
        return ok(name, f"{url} leads to us.")
    if isinstance(heard, Silence):
        return warn(
            name,
            f"From here {setting} ({url}) cannot be reached: {heard.words}.",
            f"If that is no surprise here, all is well; else mend {setting}, or what stands there.",
        )
    if '"code":"not_found"' in heard.text and path(url):
        return fail(
            name,
            f"{url} leads to us, but what stands before us passes on the path {path(url)} as well.",
            f"Have it take {path(url)} away, as nginx does with `proxy_pass http://…:PORT/;`.",
        )
    if '"code":"not_found"' in heard.text:
        return fail(
            name,
            f"{url} leads to a Docledger, but to another one than this.",
            f"Set {setting} to this one's address, or stop the other one.",
        )
    location = f", and sends us on to {heard.location[:120]}" if heard.location else ""
    return fail(
        name,
        f"Something else answers at {url}: HTTP {heard.status}{location}.",
        f"Set {setting} to an address that leads to us, or mend the proxy there.",
    )


def judge_proxy(setup: Setup, visit: Visit | None) -> Check:
    name = "proxy"
    if visit is None:
        return ok(name, "Nothing came in through PUBLIC_URL from here, so that none was seen.")
    if visit.forwarded and not visit.trusted:
        return warn(
            name,
            f"A proxy at {visit.address} says for whom it asks and is not believed: all people count as one.",
            f"Set TRUSTED_PROXIES={visit.address}.",
        )
    if is_secure(setup.public_url) and not visit.forwarded:
        return warn(
            name,
            f"The proxy at {visit.address} does not say for whom it asks: all people count as one.",
            "Have it send X-Forwarded-For (nginx: proxy_set_header X-Forwarded-For"
            " $proxy_add_x_forwarded_for) and set TRUSTED_PROXIES to its address.",
        )
    return ok(name, "A proxy that is believed." if visit.forwarded else "None in between.")


def judge_reach(
    setup: Setup,
    conversion: Converted | Refused | Silence,
    visit: Visit | None,
    addresses: tuple[str, ...] = (),
) -> Check:
    """Whether the server can fetch from us; `addresses` are what STORAGE_URL's name means here."""
    name, url = "reaches_us", setup.storage_url
    if visit is None:
        return _not_fetched(name, setup, conversion, addresses)
    if visit.signed is False:
        return fail(
            name,
            "The Document Server fetched our probe and signed that with another secret than ours.",
            "Give its outbox the secret that its inbox has (secret.outbox in its local.json).",
        )
    match conversion:
        case Converted():
            return ok(name, f"The Document Server fetched a probe of ours at {url} and converted it.")
        case Refused(code, words) if code == DOWNLOAD:
            return fail(
                name,
                f"The Document Server asked for our probe at {url} and did not get it whole: {words}.",
                "Look at the proxy between us for limits on size and time.",
            )
        case Refused(_, words):
            detail = (
                f"The Document Server fetched a probe of ours at {url}, but could not convert it: {words}."
            )
        case Silence(_, words):
            detail = f"The Document Server fetched a probe of ours at {url}, and then nothing came: {words}."
    return warn(name, detail, "Look into the Document Server's log (converter); restart its converter.")


def _not_fetched(
    name: str, setup: Setup, conversion: Converted | Refused | Silence, addresses: tuple[str, ...]
) -> Check:
    url = setup.storage_url
    match conversion:
        case Converted():
            return fail(
                name,
                f"The Document Server has fetched something at {url}, but not from us.",
                "Set STORAGE_URL to an address that leads to us, or mend the proxy there.",
            )
        case Refused(code, words) if code == TOKEN:
            return warn(name, f"Not known: {words}.", "See the check secret.")
        case Refused(code, words) if code != DOWNLOAD:
            return warn(name, f"Not known: {words}.", "Look into the Document Server's log (converter).")
        case Silence(Trouble.BROKEN, words):
            return fail(name, f"The converter does not answer: {words}.", "Look into the server's log.")
    detail = f"The Document Server could not fetch a probe of ours at {url}: nothing came in here."
    return fail(name, detail, _how_to_be_reached(setup, addresses))


def _how_to_be_reached(setup: Setup, addresses: tuple[str, ...]) -> str:
    url = setup.storage_url
    if is_loopback(url) and not is_loopback(setup.internal_url):
        return f"Set STORAGE_URL to an address of this machine that {host(setup.internal_url)} reaches."
    test = f"On the Document Server's machine (in its container) run: curl {url}/healthz."
    if addresses and are_private(addresses):
        return f"{test} If that answers, {PRIVATE}; if not, mend STORAGE_URL or the network between."
    return f"{test} If that does not answer, mend STORAGE_URL, its DNS or the firewall between."


def judge_results(setup: Setup, conversion: Converted, result: Result) -> Check:
    name, said = "results", root(conversion.url)
    known = origin(said) in {
        origin(url) for url in (setup.internal_url, setup.server_url, *setup.result_origins)
    }
    if result.intact:
        rewritten = "" if origin(said) == origin(setup.internal_url) else f" (it says {said})"
        return ok(name, f"What the Document Server makes is fetched from {setup.internal_url}{rewritten}.")
    if not result.trouble:
        return fail(
            name,
            "The result came, and is not what we sent: somebody else answers in the server's place.",
            "Look at what stands before the Document Server at DOCUMENT_SERVER_INTERNAL_URL.",
        )
    if not known:
        return fail(
            name,
            f"Results are offered at {said}, and are not at {setup.internal_url}: {result.trouble}.",
            f"If {said} is where they are, set RESULT_ORIGINS={said}; if it is the server's other name, let"
            " DOCUMENT_SERVER_INTERNAL_URL lead there.",
        )
    if origin(said) in {origin(url) for url in setup.result_origins}:
        return fail(
            name,
            f"{said}, which RESULT_ORIGINS lists, gives no results: {result.trouble}.",
            "Make it reachable from here, or take it out of RESULT_ORIGINS.",
        )
    return fail(
        name,
        f"Results cannot be fetched from {setup.internal_url}: {result.trouble}.",
        "Let DOCUMENT_SERVER_INTERNAL_URL lead to where the Document Server serves /cache/files too.",
    )


def judge_callbacks(setup: Setup, said: Reply | Silence, call: Call | None) -> Check:
    """`said` answers `info`, for which the server called us; or should have."""
    name, url = "callbacks", setup.storage_url
    if call is not None and call.refused:
        return _not_believed(name, call)
    if call is not None:
        return ok(name, f"The Document Server called us back at {url}, and what it signed is genuine.")
    match said:
        case Reply(Code.UNKNOWN_KEY):
            return warn(
                name,
                "Not tried: the Document Server knows no key of ours to call back about.",
                "Open any document and run the checks again while it is open.",
            )
        case Reply(Code.NO_CALLBACK):
            return fail(
                name,
                f"The Document Server will not call {host(url)}: its ipfilter forbids it.",
                f"Allow {host(url)} in services.CoAuthoring.ipfilter of its local.json.",
            )
        case Reply(Code.OK):
            return fail(
                name,
                f"The Document Server says that it has called us at {url}, and nothing has arrived.",
                "Let POST requests to STORAGE_URL through, with their Authorization header and their body.",
            )
        case Reply(error):
            return warn(name, f"Not known: `info` is answered with error {error}.", "See the check secret.")
        case Silence(_, words):
            return fail(
                name,
                f"The Document Server was to call us at {url}, and neither called nor answered: {words}.",
                f"On the Document Server's machine (in its container) run: curl -X POST {url}/healthz.",
            )


def _not_believed(name: str, call: Call) -> Check:
    if call.refused == "the signature is wrong":
        return fail(
            name,
            "Callbacks arrive, but are signed with another secret than ours: none would be believed.",
            "Give the server's outbox the secret that its inbox has (secret.outbox in its local.json).",
        )
    return fail(
        name,
        f"Callbacks arrive, but none would be believed: {call.refused}.",
        "Turn on the Document Server's outbox token (token.enable.request.outbox in its local.json), and let"
        " proxies pass the Authorization header.",
    )
