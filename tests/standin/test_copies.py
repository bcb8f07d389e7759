"""What leaves the editor beside its saves: copies, submitted forms, and results of another type."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from trio.testing import MockClock

from infrastructure.standin import copies
from infrastructure.standin.config import StandinConfig
from infrastructure.standin.converter import convert
from infrastructure.standin.converting import CannotConvert, converted
from infrastructure.standin.docx import read_docx
from infrastructure.standin.openings import read_opening
from tests.contract.word import letter, words
from tests.standin.stage import Stage

FIELDS = [{"key": "Name", "type": "text", "value": "Ada"}]


def opening(filetype: str, **permissions: bool) -> Any:
    config = {
        "document": {"key": "k", "url": "http://us/f", "fileType": filetype, "permissions": permissions},
        "editorConfig": {"callbackUrl": "http://us/callback", "mode": "edit", "user": {"id": "ada"}},
    }
    return read_opening(config, None, "guest")


@pytest.mark.parametrize(
    ("filetype", "permissions", "filling"),
    [
        ("pdf", {"edit": True, "fillForms": True}, True),
        ("docx", {"edit": False, "fillForms": True}, True),
        ("docx", {"edit": True, "fillForms": True}, False),  # who edits a form does not send it in
        ("pdf", {"edit": True}, False),
    ],
)
def test_who_may_fill_a_form_in_may_send_it(
    filetype: str, permissions: dict[str, bool], filling: bool
) -> None:
    assert opening(filetype, **permissions).filling is filling


async def test_a_copy_has_what_the_page_shows_and_costs_no_callback(
    stage: Stage, autojump_clock: MockClock
) -> None:
    room, ada = await stage.enter()
    told = stage.listen(ada)
    stage.standin.edit(room, ada, "good morning", None)
    await copies.save_as(stage.standin, room, ada)
    (copy,) = [message["data"] for message in told() if message["type"] == "copy"]
    assert copy["fileType"] == "txt"
    assert stage.offered(copy) == b"good morning"
    assert stage.integrator.statuses == [1]


async def test_a_submitted_form_is_offered_with_its_data_and_is_no_save(
    stage: Stage, autojump_clock: MockClock
) -> None:
    room, ada = await stage.enter()
    ada.opening = opening("pdf", fillForms=True)
    copies.submit(stage.standin, room, ada, FIELDS)
    await stage.standin.idle.wait()
    (_, status, body) = stage.integrator.seen[-1]
    assert (status, body["forcesavetype"], body["users"]) == (6, 3, ["ada"])
    assert json.loads(stage.offered({"url": body["formsdataurl"]})) == FIELDS
    assert stage.offered(body) == b"night"
    assert (await stage.command("forcesave"))["error"] == 4


async def test_who_may_not_fill_it_in_cannot_send_it(stage: Stage, autojump_clock: MockClock) -> None:
    room, ada = await stage.enter()
    copies.submit(stage.standin, room, ada, FIELDS)
    await stage.standin.idle.wait()
    assert 6 not in stage.integrator.statuses


async def test_a_server_that_does_not_keep_the_type_gives_docx_for_a_text(
    stage: Stage, autojump_clock: MockClock
) -> None:
    stage.standin.config = StandinConfig(assembly_delay=0, as_origin=False)
    await stage.edit("good morning")
    await stage.leave()
    (_, status, body) = stage.integrator.seen[-1]
    assert (status, body["filetype"]) == (2, "docx")
    assert "/output.docx?" in body["url"]
    assert words(stage.offered(body)) == "good morning"


async def test_texts_and_documents_become_each_other() -> None:
    document = await converted(b"Dear reader,\r\ngood night.", "md", "docx")
    assert read_docx(document) == "Dear reader,\ngood night."
    assert await converted(document, "docx", "txt") == b"Dear reader,\ngood night."
    assert await converted(letter(), "docx", "docx") == letter()
    assert document == await converted(b"Dear reader,\r\ngood night.", "txt", "docx")


@pytest.mark.parametrize(
    ("content", "filetype", "outputtype", "code"),
    [
        (letter(), "docx", "pdf", -3),
        (b"no zip", "docx", "txt", -3),
        (letter(), "doc", "docx", -3),
        (b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le"), "docx", "docx", -5),
    ],
)
async def test_what_it_cannot_do_truthfully_it_does_not_do(
    content: bytes, filetype: str, outputtype: str, code: int
) -> None:
    with pytest.raises(CannotConvert) as refused:
        await converted(content, filetype, outputtype)
    assert refused.value.code == code


async def test_a_download_that_failed_is_tried_anew_under_the_same_key(
    stage: Stage, autojump_clock: MockClock
) -> None:
    asked = {"key": "c", "filetype": "txt", "outputtype": "docx", "url": "http://us/f", "async": False}
    stage.integrator.document = lambda: httpx.Response(404)
    assert await convert(stage.standin, asked, "http://standin") == {"error": -4}
    stage.integrator.document = lambda: httpx.Response(200, content=b"night")
    answer = await convert(stage.standin, asked, "http://standin")
    assert answer["endConvert"]
    assert words(stage.offered({"url": answer["fileUrl"]})) == "night"
