"""The pages of files, sessions and the whole log, as any browser gets them."""

from __future__ import annotations

import re

import httpx
import pytest

from application.audit import TYPES
from tests.web.life import Running
from tests.web.service import Service, second, word
from web.pages import TEMPLATES
from web.picture.life import SHAPES
from web.picture.shapes import NAMES
from web.timeline import GROUPS, KINDS

HTML = {"Accept": "text/html"}
HOSTILE = "<script>alert(1).docx"


async def page(service: Service, path: str, by: str = "ada", status: int = 200) -> httpx.Response:
    answer = await service.get(path, by=by, headers=HTML)
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"].startswith("text/html")
    return answer


async def edited(service: Service, by: str = "ada") -> tuple[str, str]:
    """A file of two versions, and the key of the session that saved the second."""
    file = await service.add(content=word("The first words."), by=by)
    key = await service.begin(file, by)
    await service.offered(6, key, "a", word("Typed."), forcesavetype=1, lastsave=second(1))
    return file, key


def lines(page: httpx.Response) -> list[str]:
    """What the timeline says, tags away."""
    found = re.findall(r'<div class="what">\s*<p>(.*?)</p>', page.text, re.DOTALL)
    return [re.sub(r"<.*?>", "", line).strip() for line in found]


async def test_a_files_page_has_its_picture_its_versions_and_its_timeline(service: Service) -> None:
    file, key = await edited(service)
    shown = await page(service, f"/files/{file}")
    assert shown.text.count('role="img"') == 2, "one for wide pages, one for narrow ones"
    assert f'href="/documents/{key}"' in shown.text
    assert f"/api/files/{file}/versions/1/content" in shown.text
    told = lines(shown)
    assert "Ada read" in told[0], "the newest first"
    assert any(line.startswith("Saved as version 2 (the save button)") for line in told)
    assert "Version 2 was stored (the save button), 4.1 KB." not in told
    assert "unsafe-inline" not in shown.headers["Content-Security-Policy"]
    assert " style=" not in shown.text


async def test_a_hostile_name_is_only_text(service: Service) -> None:
    file, key = await edited(service)
    await service.ask("PATCH", f"/api/files/{file}", json={"name": HOSTILE})
    for path in (f"/files/{file}", f"/documents/{key}"):
        shown = await page(service, path)
        assert "&lt;script&gt;alert(1)" in shown.text
        assert "<script>alert" not in shown.text


async def test_names_cannot_turn_the_sentence_they_stand_in(service: Service) -> None:
    file = await service.add("evil דוד (סופי) 7.docx")
    await service.share(file, **{"\u202eevil": "view"})
    shown = await page(service, f"/files/{file}")
    assert any("evil" in line and "view" in line for line in lines(shown))
    assert not any("\u202e" in line for line in lines(shown))
    said = next(line for line in lines(shown) if "added" in line)
    assert "\u2068דוד (סופי)\u2069 7.docx" in said


async def test_the_timeline_is_filtered_by_a_plain_form(service: Service) -> None:
    file, _ = await edited(service)
    shown = await page(service, f"/files/{file}?type=Joined,Left&user=&from=&to=")
    assert lines(shown) == ["Ada joined."]
    nothing = await page(service, f"/files/{file}?user=nobody")
    assert lines(nothing) == []
    assert "Nothing like that has happened." in nothing.text
    wrong = await page(service, f"/files/{file}?from=yesterday", status=400)
    assert "from is a time" in wrong.text


async def test_the_timeline_goes_on_page_by_page_and_back(service: Service) -> None:
    file, _ = await edited(service)
    whole = lines(await page(service, f"/files/{file}?type=Added,Opened,Joined,Forcesaved"))
    first = await page(service, f"/files/{file}?type=Added,Opened,Joined,Forcesaved&limit=2")
    older = re.search(r'href="([^"]*before=[^"]*)" rel="next"', first.text)
    assert older
    second_page = await page(service, older[1].replace("&amp;", "&"))
    newer = re.search(r'href="([^"]*after=[^"]*)" rel="prev"', second_page.text)
    assert newer
    back = await page(service, newer[1].replace("&amp;", "&"))
    assert lines(first) + lines(second_page) == whole
    assert lines(back) == lines(first)


async def test_a_version_is_restored_after_a_question(service: Service) -> None:
    file, key = await edited(service)
    await service.offered(2, key, "b", word("Typed to the end."), lastsave=second(2))
    asked = await page(service, f"/files/{file}?restore=1")
    assert "Make version 1 the current one again?" in asked.text
    action = re.search(r'method="post" action="([^"]+)"', asked.text)
    assert action
    done = await service.post(action[1], follow_redirects=False)
    assert (done.status_code, done.headers["Location"]) == (303, f"/files/{file}#versions")
    assert (await service.triggers(file))[-1] == "restore"
    none = await page(service, f"/files/{file}?restore=99")
    assert "the current one again?" not in none.text


async def test_who_may_only_view_is_offered_no_restoring(service: Service) -> None:
    file, _ = await edited(service)
    await service.share(file, bob="view")
    shown = await page(service, f"/files/{file}?restore=1", by="bob")
    assert "Download version 1" in shown.text
    assert "estore version 1" not in shown.text
    assert "127.0.0.1" not in shown.text, "where people were is for the owner"
    assert "127.0.0.1" in (await page(service, f"/files/{file}")).text


async def test_an_auditor_reads_of_a_file_and_gets_none_of_its_bytes(service: Service) -> None:
    file, key = await edited(service)
    for path in (f"/files/{file}", f"/documents/{key}", "/audit"):
        shown = await page(service, path, by="auditor:ann")
        assert "Saved as version 2" in shown.text
        assert "/versions/2/content" not in shown.text


@pytest.mark.parametrize("by", ["bob", "eve"])
async def test_who_may_not_see_a_file_gets_a_page_that_says_so(service: Service, by: str) -> None:
    file, key = await edited(service)
    for path in (f"/files/{file}", f"/documents/{key}", "/audit"):
        refused = await page(service, path, by=by, status=403)
        assert "Back to the files" in refused.text


async def test_a_sessions_page_shows_what_was_true_after_any_event(service: Service) -> None:
    _, key = await edited(service)
    facts = [fact["type"] for fact in await service.events(key)]
    joined, saved = facts.index("Joined") + 1, facts.index("Forcesaved") + 1
    then = await page(service, f"/documents/{key}?after={joined}")
    assert f"After event {joined} of " in then.text
    assert re.search(r"<dt>There</dt><dd><bdi>Ada</bdi>", then.text)
    assert re.search(r"<dt>Saved</dt><dd>nothing yet", then.text)
    assert re.search(rf'data-number="{joined}" aria-current="step"', then.text)
    later = await page(service, f"/documents/{key}?after={saved}")
    assert re.search(r"<dt>Saved</dt><dd>v2", later.text)
    await page(service, f"/documents/{key}?after={len(facts) + 99}", status=404)
    assert "there is nothing" in (await page(service, f"/documents/{key}?after=0")).text


def test_every_kind_of_event_can_be_asked_for_and_has_its_sign() -> None:
    assert sorted(kind for kinds in GROUPS.values() for kind in kinds) == sorted(TYPES)
    drawn = TEMPLATES.get_template("shapes.html").render()
    shapes = {*KINDS.values(), *SHAPES.values(), *NAMES, "replied"}
    assert [shape for shape in sorted(shapes) if f'id="s-{shape}"' not in drawn] == []
    signed = {*KINDS, "Forcesaved", "Saved", "VersionAdded", "Errored", "Resumed", "Admitted", "Replied"}
    assert signed == {*TYPES}


async def test_looking_at_a_page_is_one_reading_on_record(service: Service) -> None:
    file, _ = await edited(service)
    await page(service, f"/files/{file}")
    await page(service, f"/files/{file}")
    told = (await service.get(f"/api/files/{file}/events?type=Consulted")).json()["events"]
    assert len(told) == 2, "the page, looked at twice, and the question of this test"


async def test_the_demo_keeps_playing_whom_it_plays_on_all_pages(running: Running) -> None:
    service = await running(auth_secret=None)
    file = (await service.get("/api/files?as=Ada", by=None)).json()["files"][0]["id"]
    shown = await page(service, f"/files/{file}?as=Ada", by="")
    assert 'name="as" value="Ada"' in shown.text
    links = re.findall(r'href="(/(?:files|documents|api)/[^"]*)"', shown.text)
    assert links
    assert all("as=Ada" in link for link in links)
