"""What an editor is given: ONLYOFFICE's configuration, whose fields its "Config" reference explains."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Self

from starlette.requests import Request

from application.opening import Opening
from application.people import Person
from domain.words import Mode
from web.context import Context, Site
from web.errors import BadRequest
from web.kinds import OF_EDITOR
from web.links import link
from web.pages import query_of

EMBEDDED = "embedded"
MODES = frozenset(Mode)
TYPES = frozenset({"desktop", "mobile", EMBEDDED})
LANGUAGE = re.compile(r"[a-zA-Z]{2,3}(-[a-zA-Z]{2,4})?")
THEME = re.compile(r"(theme|default)-[a-z-]{1,40}")
MOBILE = re.compile(r"\b(Mobi|Android|iPhone|iPad)")


@dataclass(frozen=True, slots=True)
class Wishes:
    """How the asker wants the editor."""

    mode: Mode
    type: str
    lang: str | None
    region: str | None
    theme: str | None
    played: str  # the query that keeps playing one of the demo's users

    @classmethod
    def of(cls, request: Request) -> Self:
        """Raises BadRequest."""
        type_ = _type(request)
        return cls(
            mode=Mode.VIEW if type_ == EMBEDDED else _mode(request),  # it can do nothing else
            type=type_,
            lang=_like(request, "lang", LANGUAGE, "a language such as en or pt-BR"),
            region=_like(request, "region", LANGUAGE, "a region such as en-GB"),
            theme=_like(request, "theme", THEME, "a theme such as theme-dark or theme-system"),
            played=query_of(request),
        )


def editor_config(context: Context, opening: Opening, person: Person, wishes: Wishes) -> dict[str, Any]:
    file, site = opening.row.file, context.site
    editor = {
        "callbackUrl": f"{site.storage_url}/api/onlyoffice/callback",
        "createUrl": _create_url(site, opening.format.document_type, wishes.played),
        "customization": _customization(site, wishes),
        "lang": wishes.lang or site.editor_lang,
        "mode": "edit" if opening.mode.joins else "view",
        "user": {"id": person.id, "name": person.name},
    }
    if wishes.region:
        editor["region"] = wishes.region
    if wishes.type == EMBEDDED:
        editor["embedded"] = _embedded(site, opening.row.id, wishes)
    return {
        "document": {
            "fileType": opening.format.extension,
            "key": opening.key,
            "title": file.name,
            "url": link(context, opening.row.id, opening.version, key=opening.key),
            "info": {"owner": file.owner_name, "uploaded": opening.row.added_at.date().isoformat()},
            "permissions": permissions(opening.mode),
        },
        "documentType": opening.format.document_type,
        "editorConfig": editor,
        "type": wishes.type,
    }


def permissions(mode: Mode) -> dict[str, bool]:
    """Of `comment` and `fillForms` without `edit` and `review`, ONLYOFFICE heeds only one: never both."""
    edits, reviews = mode is Mode.EDIT, mode in {Mode.EDIT, Mode.REVIEW}
    return {
        "comment": reviews or mode is Mode.COMMENT,
        "copy": True,  # whoever may read may take it away: the files API gives the bytes
        "deleteCommentAuthorOnly": not edits,
        "download": True,
        "edit": edits,
        "editCommentAuthorOnly": not edits,
        "fillForms": reviews or mode is Mode.FILL,
        "modifyFilter": edits,  # else a filter, which is saved with a table, is the looker's own
        "print": True,
        "review": reviews,
    }


def _customization(site: Site, wishes: Wishes) -> dict[str, Any]:
    custom: dict[str, Any] = {"forcesave": True}
    if wishes.type != EMBEDDED:
        custom["goback"] = {"blank": False, "url": f"{site.public_url}/{wishes.played}"}
    if theme := wishes.theme or site.editor_theme:
        custom["uiTheme"] = theme
    return custom


def _create_url(site: Site, document_type: str, played: str) -> str:
    joint = "&" if played else "?"
    return f"{site.public_url}/new{played}{joint}type={OF_EDITOR.get(document_type, 'docx')}"


def _embedded(site: Site, file_id: str, wishes: Wishes) -> dict[str, str]:
    """Its toolbar's buttons; all lead to what the person who looks may open anyway."""
    viewer, joint = f"{site.public_url}/api/onlyoffice/viewer/{file_id}", "&" if wishes.played else "?"
    return {
        "embedUrl": f"{viewer}{wishes.played}{joint}type={EMBEDDED}",
        "fullscreenUrl": f"{viewer}{wishes.played}{joint}type={EMBEDDED}",
        "saveUrl": f"{site.public_url}/api/files/{file_id}/content{wishes.played}",
        "shareUrl": f"{viewer}{wishes.played}",
        "toolbarDocked": "top",
    }


def _mode(request: Request) -> Mode:
    wanted = request.query_params.get("mode", Mode.EDIT)
    if wanted not in MODES:
        raise BadRequest("mode is edit, or less: review, comment, fill or view.")
    return Mode(wanted)


def _type(request: Request) -> str:
    wanted = request.query_params.get("type")
    if wanted is None:
        return "mobile" if MOBILE.search(request.headers.get("user-agent", "")) else "desktop"
    if wanted not in TYPES:
        raise BadRequest("type is one of desktop, mobile, embedded.")
    return wanted


def _like(request: Request, name: str, pattern: re.Pattern[str], example: str) -> str | None:
    asked = request.query_params.get(name)
    if asked is not None and not pattern.fullmatch(asked):
        raise BadRequest(f"{name} is {example}.")
    return asked
