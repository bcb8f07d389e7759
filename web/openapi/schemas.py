"""What is answered, thing by thing."""

from __future__ import annotations

from application.operating import Status
from domain.events import Closed, Errored
from domain.formats import FORMATS
from domain.keys import KEY
from domain.offers import Settled
from domain.words import Access, CloseReason, Mode, Standing, Trigger
from web.openapi.facts import event_schemas, schema_of
from web.openapi.parts import (
    LINK,
    TEXT,
    TIME,
    TRUTH,
    WHOLE,
    Plain,
    many,
    maybe,
    one_of,
    record,
    ref,
    text,
    whole,
)
from web.sharing import LEVELS

FILE_ID = text("[0-9a-v]{26}")
FILE_KEY = text(KEY.pattern)
SHA256 = text("[0-9a-f]{64}")
STATE = one_of(("open", "editing", "saving", "closed"))
SHARED = one_of(LEVELS)
EDITORS = one_of(sorted({format_.document_type for format_ in FORMATS.values()}))

PERSON = ref("Person")
PEOPLE = many(PERSON)

FILE = record(
    {
        "id": FILE_ID,
        "name": TEXT,
        "size": whole(),
        "version": whole(1) | {"description": "The number of its head"},
        "state": STATE,
        "type": maybe(EDITORS) | {"description": "The editor it opens in; null for none"},
        "access": one_of(Access) | {"description": "What you may do with it"},
        "owner": PERSON,
        "shares": many(ref("Share")),
        "sha256": SHA256,
        "added": TIME,
        "changed": maybe(TIME),
        "key": maybe(FILE_KEY) | {"description": "Of the session that whoever opens it now joins"},
        "users": PEOPLE | {"description": "Who edits it now"},
        "trouble": maybe(TEXT),
    }
)

SHARE = record({"user": text(description="A user's id, or * for everybody"), "name": TEXT, "access": SHARED})

VERSION = record(
    {
        "number": whole(1),
        "sha256": SHA256,
        "size": whole(),
        "trigger": one_of(Trigger),
        "created": TIME,
        "head": TRUTH | {"description": "Whether it became what people open"},
        "users": many(TEXT),
        "author": PERSON,
        "key": maybe(FILE_KEY) | {"description": "Of the session it came from"},
        "filetype": TEXT,
        "restored": maybe(whole(1)) | {"description": "The version that it brought back"},
        "changes": TRUTH | {"description": "Whether the editor can show what was changed in it"},
        "converted_from": maybe(TEXT) | {"description": "The type that its bytes had before"},
        "from_file": maybe(FILE_ID) | {"description": "That it was converted or copied from"},
        "from_version": maybe(whole(1)),
    }
)

DOCUMENT = record(
    {
        "key": FILE_KEY,
        "file_id": FILE_ID,
        "name": TEXT,
        "state": STATE,
        "standing": one_of(Standing),
        "users": PEOPLE,
        "base": whole(1) | {"description": "The version it began with"},
        "opened": TIME,
        "closed": maybe(TIME),
        "closed_reason": maybe(one_of(CloseReason)),
        "saved_version": maybe(whole(1)),
        "saved": maybe(TIME),
        "trouble": maybe(TEXT),
        "outdated": TRUTH | {"description": "The Document Server will not open this key again"},
        "conflict": TRUTH | {"description": "What is typed here is kept beside the head"},
    }
)

CONFIGURATION = record(
    {
        "config": record(
            {
                "document": ref("EditorDocument"),
                "documentType": EDITORS,
                "editorConfig": {"type": "object"},
                "type": one_of(("desktop", "embedded", "mobile")),
            }
        )
        | {"description": "ONLYOFFICE’s editor configuration, for DocsAPI.DocEditor"},
        "token": text(description="Signs it; empty when the Document Server does not sign"),
        "onlyofficeJsUrl": LINK | {"description": "The script that defines DocsAPI"},
    }
)

EDITOR_DOCUMENT = record(
    {
        "fileType": TEXT,
        "key": FILE_KEY,
        "title": TEXT,
        "url": LINK,
        "info": {"type": "object"},
        "permissions": {"type": "object", "additionalProperties": TRUTH},
    }
)

PAST = record(
    {"version": whole(1), "key": FILE_KEY, "created": TEXT, "user": PERSON},
    {"serverVersion": TEXT, "changes": many({"type": "object"})},
)
PAST_DOCUMENT = {"key": FILE_KEY, "url": LINK, "fileType": TEXT}
SHOWN_PAST = record(
    {"version": whole(1), **PAST_DOCUMENT},
    {"previous": record(PAST_DOCUMENT), "changesUrl": LINK, "token": TEXT},
)

EVENT = {
    "position": whole(1) | {"description": "Its place in the whole log"},
    "number": whole(1) | {"description": "Its place in its stream"},
    "at": TIME,
    "text": text(description="What happened, in plain words"),
    "stream": text("(document|file|reader)/.+"),
    "file": maybe(TEXT) | {"description": "That it is about; of a reading, what was asked for"},
    "file_name": maybe(TEXT),
    "key": maybe(TEXT) | {"description": "Of the session that it is about; of a reading, what was asked for"},
    "users": PEOPLE,
}
EVENT_LINKS = {
    "content": text(description="The path of the version that it speaks of"),
    "restore": text(description="The path that makes it the head again"),
}

OFFER = record(
    {
        "offer": TEXT,
        "order": WHOLE,
        "status": WHOLE,
        "trigger": one_of(Trigger),
        "filetype": TEXT,
        "users": many(TEXT),
        "at": TIME,
        "lastsave": maybe(TIME),
        "final": TRUTH,
    }
)

SESSION = record(
    {
        "file": FILE_ID,
        "name": TEXT,
        "filetype": TEXT,
        "owner": PERSON,
        "opened": TIME,
        "base": whole(1),
        "head": whole(1),
        "standing": one_of(Standing),
        "closed": maybe(schema_of(Closed)),
        "editing": PEOPLE,
        "sent_out": PEOPLE | {"description": "And not let in since"},
        "let_in": many(record({"user": PERSON, "mode": one_of(Mode), "address": maybe(TEXT)})),
        "known_names": {"type": "object", "additionalProperties": TEXT},
        "last_let_in_to_edit": maybe(TIME),
        "last_joined": maybe(TIME),
        "editing_since": maybe(TIME),
        "last_saved": maybe(TIME),
        "edited_since_final": TRUTH,
        "kept_at_server": TRUTH,
        "finishing": TRUTH,
        "waiting": many(OFFER),
        "settled": many(schema_of(Settled, {"offer": TEXT})),
        "offered": whole(),
        "crown": maybe(record({"lastsave": maybe(TIME), "final": TRUTH, "at": TIME, "order": WHOLE})),
        "last_word": maybe(TIME),
        "versions": many(record({"version": whole(1), "sha256": SHA256})),
        "trouble": maybe(schema_of(Errored)),
    }
)

MOMENT = record(
    {
        "key": FILE_KEY,
        "number": whole() | {"description": "Of the last event that counts"},
        "position": maybe(whole(1)),
        "at": maybe(TIME),
        "open": maybe(STATE),
        "state": maybe(ref("Session")),
        "last": whole() | {"description": "How many events there are by now"},
    }
)

SCHEMAS: dict[str, Plain] = {
    "Problem": record({"message": text(description="For people"), "code": text("[a-z_]+")}),
    "Person": record({"id": TEXT, "name": text(description="Empty when nobody has told us")}),
    "File": FILE,
    "Share": SHARE,
    "Version": VERSION,
    "Document": DOCUMENT,
    "Configuration": CONFIGURATION,
    "EditorDocument": EDITOR_DOCUMENT,
    "PastVersion": PAST,
    "ShownVersion": SHOWN_PAST,
    "Session": SESSION,
    "Moment": MOMENT,
    "Status": schema_of(Status),
    "Drained": record({"saved": whole(), "left": many(FILE_KEY)}),
    "Replied": record({"error": one_of((0, 1))}),
    **event_schemas(EVENT, EVENT_LINKS),
    "Events": record({"events": many(ref("Event")), "next": maybe(TEXT)}),
}
