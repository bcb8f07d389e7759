"""What is open, how the service is, and this description."""

from __future__ import annotations

from web.openapi.files import HIDDEN
from web.openapi.log import KEYED
from web.openapi.parts import (
    ANYBODY,
    TEXT,
    Plain,
    answer,
    body,
    given,
    header,
    many,
    maybe,
    one_of,
    operation,
    record,
    ref,
    text,
    whole,
)
from web.operating import LONGEST

DOCUMENTS = record({"documents": many(ref("Document")), "next": maybe(TEXT)})
UP = record({"status": {"const": "ok"}})
READINESS = record(
    {
        "status": one_of(("ready", "not ready")),
        "checks": {"type": "object", "additionalProperties": TEXT},
    }
)
EXAMINED = record(
    {
        "checks": many(
            record(
                {
                    "name": TEXT,
                    "verdict": one_of(("ok", "warn", "fail")),
                    "detail": TEXT,
                    "remedy": text(description="The one thing to do; empty when all is well"),
                }
            )
        )
    }
)
METRICS = {"content": {kind: {"schema": TEXT} for kind in ("text/plain", "application/openmetrics-text")}}
DRAIN = [
    given("seconds", "query", whole(0, int(LONGEST)) | {"default": 30}, "How long it may take"),
    given("close", "query", one_of(("true", "false")), "Also send people out, and let nobody in"),
]

PATHS: dict[str, Plain] = {
    "/api/documents": {
        "get": operation(
            "listSessions",
            "What is open now, in the order of opening",
            {200: answer("A page of sessions", DOCUMENTS)},
            "bad_request",
            asks=[
                given("limit", "query", whole(1, 1000) | {"default": 100}),
                given("after", "query", TEXT, "The `next` of the page before"),
            ],
        ),
    },
    "/api/documents/{key}": {
        "get": operation(
            "showSession", "A session", {200: answer("As it is now", ref("Document"))}, *HIDDEN, asks=[KEYED]
        ),
    },
    "/api/documents/{key}/drop": {
        "post": operation(
            "sendOut",
            "Save what these people have typed, then show them out; for the file's owner and admins",
            {200: answer("Who was there", record({"users": many(ref("Person"))}))},
            *("bad_request", "too_large", "server_unreachable", *HIDDEN),
            asks=[KEYED],
            sends=body(record({"users": many(TEXT)})),
        ),
    },
    "/api/status": {
        "get": operation(
            "showStatus",
            "How the service is, for admins and auditors",
            {200: answer("What is unsaved, what waits", ref("Status"))},
            "forbidden",
        ),
    },
    "/api/drain": {
        "post": operation(
            "drain",
            "Save every open document now, for `docledger drain`",
            {200: answer("How far it came", ref("Drained"))},
            *("bad_request", "forbidden"),
            asks=DRAIN,
            security=({"operator": []},),
        ),
    },
    "/api/doctor": {
        "get": operation(
            "showDoctor",
            "What the last examination found; for admins",
            {200: answer("Every check", EXAMINED)},
            *HIDDEN,
        ),
        "post": operation(
            "examine",
            "Examine the service, its storage and the ways to and from the Document Server",
            {200: answer("Every check", EXAMINED)},
            "forbidden",
        ),
    },
    "/healthz": {
        "get": operation(
            "checkHealth", "The process answers", {200: answer("It does", UP)}, security=ANYBODY
        ),
    },
    "/readyz": {
        "get": operation(
            "checkReadiness",
            "Whether to send anybody here; a Document Server that is down is no reason not to",
            {200: answer("It is ready", READINESS), 503: answer("It is not", READINESS)},
            security=ANYBODY,
        ),
    },
    "/metrics": {
        "get": operation(
            "readMetrics",
            "What was counted, as Prometheus reads it; for admins, and whoever has the METRICS_TOKEN",
            {200: answer("As OpenMetrics if that is accepted") | METRICS},
            "forbidden",
        ),
    },
    "/openapi.json": {
        "get": operation(
            "describe",
            "This description",
            {
                200: answer(
                    "OpenAPI 3.1", {"type": "object"}, headers={"ETag": header(text('"[0-9a-f]{64}"'))}
                ),
                304: answer("You have it"),
            },
            security=ANYBODY,
        ),
    },
}
