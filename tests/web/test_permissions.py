"""What a share allows in the editor, in ONLYOFFICE's words, and how the editor is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.web.life import Running
from tests.web.service import PUBLIC_URL, Service

FILES = Path(__file__).parent.parent / "files"
PDF = (FILES / "letter.pdf").read_bytes()
ALWAYS = {"copy", "download", "print"}
ONLY_OWN = {"deleteCommentAuthorOnly", "editCommentAuthorOnly"}
EDIT = {"comment", "edit", "fillForms", "modifyFilter", "review"} | ALWAYS
REVIEW = {"comment", "fillForms", "review"} | ALWAYS | ONLY_OWN
COMMENT = {"comment"} | ALWAYS | ONLY_OWN
FILL = {"fillForms"} | ALWAYS | ONLY_OWN
VIEW = ALWAYS | ONLY_OWN


async def opened(service: Service, file: str, by: str = "bob", **query: str) -> tuple[str, set[str]]:
    """The mode, and what is permitted."""
    config: dict[str, Any] = (await service.open(file, by, **query))["config"]
    permissions = config["document"]["permissions"]
    assert set(permissions) == EDIT | ONLY_OWN
    return config["editorConfig"]["mode"], {name for name, allowed in permissions.items() if allowed}


@pytest.mark.parametrize(
    ("access", "permitted"),
    [("edit", EDIT), ("review", REVIEW), ("comment", COMMENT), ("fill", VIEW), ("view", VIEW)],
)
async def test_a_share_opens_a_document_for_what_it_allows(
    service: Service, access: str, permitted: set[str]
) -> None:
    file = await service.add()
    await service.share(file, bob=access)
    assert await opened(service, file) == ("view" if permitted is VIEW else "edit", permitted)


@pytest.mark.parametrize(
    ("access", "permitted"), [("edit", EDIT), ("review", COMMENT), ("comment", COMMENT), ("fill", FILL)]
)
async def test_a_form_can_be_filled_in_and_not_reviewed(
    service: Service, access: str, permitted: set[str]
) -> None:
    file = await service.add("Form.pdf", PDF)
    await service.share(file, bob=access)
    assert await opened(service, file) == ("edit", permitted)


async def test_a_type_without_comments_is_only_shown_to_who_may_comment(service: Service) -> None:
    file = await service.add("list.csv", b"a,b\n")
    await service.share(file, bob="comment", carol="edit")
    assert await opened(service, file) == ("view", VIEW)
    assert await opened(service, file, "carol") == ("edit", EDIT)


@pytest.mark.parametrize(
    ("wanted", "permitted"), [("edit", REVIEW), ("review", REVIEW), ("comment", COMMENT), ("view", VIEW)]
)
async def test_one_may_ask_for_less_and_never_for_more(
    service: Service, wanted: str, permitted: set[str]
) -> None:
    file = await service.add()
    await service.share(file, bob="review")
    assert (await opened(service, file, mode=wanted))[1] == permitted


async def test_of_a_personal_share_and_everybodys_the_higher_counts(service: Service) -> None:
    file = await service.add()
    await service.share(file, bob="comment", carol="review", **{"*": "comment"})
    assert (await opened(service, file, "carol"))[1] == REVIEW
    await service.share(file, **{"*": "edit"})
    assert (await opened(service, file, "bob"))[1] == EDIT
    assert (await service.get(f"/api/files/{file}", by="bob")).json()["access"] == "edit"


async def test_who_may_comment_joins_the_session_and_causes_saves(service: Service) -> None:
    file = await service.add()
    await service.share(file, bob="comment")
    key = await service.begin(file, "bob")
    assert (await service.document(key))["state"] == "editing"
    assert await service.story(key) == ["Opened", "Joined"]
    (admitted,) = [event for event in await service.events(key) if event["type"] == "Admitted"]
    assert admitted["text"].startswith("Bob was let in to comment")
    assert await service.offered(6, key, "first", b"commented") == (200, 0)


@pytest.mark.parametrize("access", ["review", "comment", "fill"])
@pytest.mark.parametrize(
    ("method", "path", "more"),
    [
        ("PATCH", "", {"json": {"name": "mine.docx"}}),
        ("PATCH", "", {"json": {"shares": {"carol": "edit"}}}),
        ("DELETE", "", {}),
        ("PUT", "/content", {"content": b"x"}),
        ("POST", "/versions/1/restore", {}),
    ],
)
async def test_only_editors_change_the_file_itself(
    service: Service, access: str, method: str, path: str, more: dict[str, object]
) -> None:
    file = await service.add()
    await service.share(file, bob=access)
    assert (await service.get(f"/api/files/{file}/content", by="bob")).status_code == 200
    refused = await service.ask(method, f"/api/files/{file}{path}", by="bob", **more)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


# -- how the editor is asked for -------------------------------------------------------------------------


async def test_an_embedded_editor_only_shows_and_leads_to_the_whole_one(service: Service) -> None:
    file = await service.add()
    config = (await service.open(file, type="embedded"))["config"]
    viewer = f"{PUBLIC_URL}/api/onlyoffice/viewer/{file}"
    assert config["editorConfig"]["embedded"] == {
        "embedUrl": f"{viewer}?type=embedded",
        "fullscreenUrl": f"{viewer}?type=embedded",
        "saveUrl": f"{PUBLIC_URL}/api/files/{file}/content",
        "shareUrl": viewer,
        "toolbarDocked": "top",
    }
    assert (config["type"], config["editorConfig"]["mode"]) == ("embedded", "view")
    assert config["editorConfig"]["customization"] == {"forcesave": True}
    assert config["document"]["permissions"]["edit"] is False


async def test_a_mobile_editor_is_the_same_but_for_its_type(service: Service) -> None:
    file = await service.add()
    desktop = (await service.open(file, type="desktop"))["config"]
    mobile = (await service.open(file, type="mobile"))["config"]
    for config in (desktop, mobile):
        config["document"].pop("url")  # has a token of its own
    assert mobile == {**desktop, "type": "mobile"}
    assert mobile["editorConfig"]["customization"]["goback"]["url"] == f"{PUBLIC_URL}/"


async def test_the_theme_is_the_settings_unless_another_is_asked_for(running: Running) -> None:
    plain = await running()
    config = (await plain.open(await plain.add()))["config"]
    assert "uiTheme" not in config["editorConfig"]["customization"]
    service = await running(editor_theme="theme-system")
    file = await service.add()
    for query, theme in (({}, "theme-system"), ({"theme": "theme-dark"}, "theme-dark")):
        config = (await service.open(file, **query))["config"]
        assert config["editorConfig"]["customization"]["uiTheme"] == theme


async def test_a_region_is_passed_on(service: Service) -> None:
    config = (await service.open(await service.add(), lang="en", region="de-CH"))["config"]
    assert (config["editorConfig"]["lang"], config["editorConfig"]["region"]) == ("en", "de-CH")


@pytest.mark.parametrize(
    "query", [{"mode": "none"}, {"theme": "../x"}, {"theme": ""}, {"region": "<b>"}, {"mode": "EDIT"}]
)
async def test_nonsense_in_the_query_is_a_bad_request(service: Service, query: dict[str, str]) -> None:
    refused = await service.get(f"/api/onlyoffice/config/{await service.add()}", params=query)
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_request")


async def test_in_the_demo_the_way_back_keeps_playing_the_same_user(running: Running) -> None:
    service = await running(auth_secret=None)
    listed = (await service.get("/api/files?as=Bob", by=None)).json()["files"]
    query = {"as": "Bob", "type": "desktop"}
    config = (await service.open(listed[0]["id"], by=None, **query))["config"]
    assert config["editorConfig"]["customization"]["goback"]["url"] == f"{PUBLIC_URL}/?as=Bob"
