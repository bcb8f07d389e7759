"""Submitted forms as their owner meets them: a list, each form as it was filled in, and its data."""

from __future__ import annotations

from infrastructure.blanks import blank
from tests.web.life import Running
from tests.web.service import Service

FORM = blank("pdf") or b""
DATA = b'[{"key":"Name","type":"text","value":"</script><script>alert(1)</script>"}]'


async def sent_in(service: Service, data: bytes | None = DATA) -> str:
    """A form that Bob has sent in: its id."""
    file = await service.add("Form.pdf", FORM)
    await service.share(file, bob="view", carol="edit")
    opened = (await service.open(file))["config"]
    key, ada = opened["document"]["key"], opened["editorConfig"]["user"]["id"]
    await service.told(1, key, users=[ada])
    forms = "/cache/files/data/k_9/formsdata.json/formsdata.json"
    url = service.server.result(forms, data) if data is not None else service.server.fresh(forms)
    answer = await service.offered(
        6,
        key,
        "9",
        FORM + b"% filled in\n",
        filetype="pdf",
        forcesavetype=3,
        users=[ada],
        formsdataurl=url,
    )
    assert answer == (200, 0)
    return file


async def test_a_submission_is_listed_and_its_form_and_data_can_be_downloaded(service: Service) -> None:
    file = await sent_in(service)
    (submission,) = (await service.get(f"/api/files/{file}/submissions")).json()["submissions"]
    assert (submission["number"], submission["data"], submission["filetype"]) == (2, True, "pdf")
    assert [who["name"] for who in submission["by"]] == ["Ada"]
    assert submission["size"] == len(FORM) + 12
    form = await service.get(f"/api/files/{file}/submissions/2/content")
    assert form.content == FORM + b"% filled in\n"
    data = await service.get(f"/api/files/{file}/submissions/2/data")
    assert data.content == DATA
    assert data.headers["Content-Type"] == "application/json"
    assert data.headers["X-Content-Type-Options"] == "nosniff"
    assert data.headers["Content-Disposition"].startswith("attachment;")
    assert await service.content(file) == FORM, "the form stays empty"


async def test_what_was_sent_in_is_for_those_who_may_edit_the_form(service: Service) -> None:
    file = await sent_in(service)
    places = (
        f"/api/files/{file}/submissions",
        f"/api/files/{file}/submissions/2/content",
        f"/api/files/{file}/submissions/2/data",
        f"/api/files/{file}/versions/2/content",
        f"/api/files/{file}/history/2",
    )
    for place in places:
        assert (await service.get(place, by="carol")).status_code == 200, place
        assert (await service.get(place, by="bob")).status_code == 403, place
        assert (await service.get(place, by="dave")).status_code == 403, place
    assert (await service.get(f"/api/files/{file}/versions/1/content", by="bob")).status_code == 200


async def test_the_files_page_lists_submissions_for_those_who_may_see_them(service: Service) -> None:
    file = await sent_in(service)
    page = (await service.get(f"/files/{file}")).text
    assert f"/api/files/{file}/submissions/2/data" in page
    assert "Submissions" in page
    assert "/submissions/" not in (await service.get(f"/files/{file}", by="bob")).text
    assert "/submissions/" not in (await service.get(f"/files/{await service.add()}")).text


async def test_a_version_that_is_no_submission_has_no_data(service: Service) -> None:
    file = await service.add("Form.pdf", FORM)
    for place in ("1/content", "1/data", "7/data", "x/data"):
        assert (await service.get(f"/api/files/{file}/submissions/{place}")).status_code == 404, place
    assert (await service.get(f"/api/files/{file}/submissions")).json() == {"submissions": []}


async def test_a_form_without_its_data_says_so(running: Running) -> None:
    service = await running(patience={"forms_data": 0.1})
    file = await sent_in(service, data=None)
    (submission,) = (await service.get(f"/api/files/{file}/submissions")).json()["submissions"]
    assert submission["data"] is False
    refused = await service.get(f"/api/files/{file}/submissions/2/data")
    assert refused.status_code == 404
    assert "did not come" in refused.json()["message"]
