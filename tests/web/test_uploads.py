"""Bytes that people send: multipart forms and whole contents, streamed and never half stored."""

from __future__ import annotations

import pytest
import trio

from tests.web.life import Running
from tests.web.service import PUBLIC_URL, Service, sign_in, word

BYTES = word("The first words.")
FORM = {"Content-Type": "multipart/form-data; boundary=XX"}


def part(name: str, content: bytes, filename: str | None = None) -> bytes:
    file = "" if filename is None else f'; filename="{filename}"'
    head = f'--XX\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
    return head.encode() + content + b"\r\n"


END = b"--XX--\r\n"


async def files(service: Service) -> list[str]:
    return [file["name"] for file in (await service.get("/api/files")).json()["files"]]


def drafts(service: Service) -> list[str]:
    """What lies in the blob store, finished or not."""
    root = service.settings.blobs_path
    return [str(path) for path in root.rglob("*") if path.is_file()] if root.exists() else []


async def test_an_upload_becomes_a_file_with_one_version(service: Service) -> None:
    added = await service.post("/api/files", files={"file": ("Plan.docx", BYTES)})
    file = added.json()
    assert added.status_code == 201
    assert added.headers["Location"] == f"{PUBLIC_URL}/api/files/{file['id']}"
    assert {name: file[name] for name in ("name", "size", "version", "state")} == {
        "name": "Plan.docx",
        "size": len(BYTES),
        "version": 1,
        "state": "closed",
    }
    assert await service.triggers(file["id"]) == ["upload"]
    assert await service.content(file["id"]) == BYTES


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("Отчёт за июль.docx", "Отчёт за июль.docx"),
        ("計画 📄.docx", "計画 📄.docx"),
        ("C:/Users/ada/Plan.docx", "Plan.docx"),
        ("../../etc/Plan.docx", "Plan.docx"),
        ("  Plan.docx ", "Plan.docx"),
    ],
)
async def test_a_name_is_kept_without_its_folders(service: Service, sent: str, kept: str) -> None:
    file = await service.add(sent, BYTES)
    assert (await service.get(f"/api/files/{file}")).json()["name"] == kept


@pytest.mark.parametrize("name", ["..", "a/", "x" * 300 + ".docx"])
async def test_a_name_that_cannot_be_is_refused(service: Service, name: str) -> None:
    refused = await service.post("/api/files", files={"file": (name, BYTES)})
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_name")
    assert await files(service) == []


async def test_other_fields_of_the_form_are_passed_over(service: Service) -> None:
    body = part("note", b"hello") + part("other", b"y", "y.txt") + part("file", BYTES, "Plan.docx") + END
    added = await service.post("/api/files", content=body, headers=FORM)
    assert added.status_code == 201
    assert await service.content(added.json()["id"]) == BYTES


async def test_of_two_files_in_one_form_the_first_is_taken(service: Service) -> None:
    body = part("file", BYTES, "Plan.docx") + part("file", word("Another."), "Other.docx") + END
    assert (await service.post("/api/files", content=body, headers=FORM)).status_code == 201
    assert await files(service) == ["Plan.docx"]


async def test_a_long_epilogue_does_not_hurt(service: Service) -> None:
    body = part("file", BYTES, "Plan.docx") + END + b"x" * 3_000_000
    assert (await service.post("/api/files", content=body, headers=FORM)).status_code == 201
    assert await service.get("/healthz")


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (part("other", BYTES, "Plan.docx") + END, FORM),
        (part("file", BYTES) + END, FORM),
        (part("file", BYTES, "") + END, FORM),
        (END, FORM),
        (b"", FORM),
        (b"no form at all", FORM),
        (BYTES, {"Content-Type": "application/octet-stream"}),
        (BYTES, {"Content-Type": "multipart/form-data"}),
        (BYTES, {"Content-Type": "multipart/form-data; boundary=" + "x" * 300}),
        (b"{}", {"Content-Type": "application/json"}),
    ],
    ids=[
        "other-field",
        "no-file",
        "no-name",
        "nothing-in-it",
        "empty",
        "no-form",
        "bytes",
        "no-boundary",
        "long-boundary",
        "json",
    ],
)
async def test_a_form_without_the_file_is_a_bad_request(
    service: Service, body: bytes, headers: dict[str, str]
) -> None:
    refused = await service.post("/api/files", content=body, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_request")
    assert await files(service) == []


async def test_a_form_that_ends_in_the_middle_adds_nothing(service: Service) -> None:
    whole = part("file", b"x" * 300_000, "Plan.docx") + END
    refused = await service.post("/api/files", content=whole[:200_000], headers=FORM)
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_request")
    assert await files(service) == []
    assert drafts(service) == []


async def test_a_connection_that_breaks_in_the_middle_adds_nothing(service: Service) -> None:
    host, _, port = service.url.removeprefix("http://").partition(":")
    head = (
        f"POST /api/files HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {sign_in('ada')}\r\n"
        f"Content-Type: {FORM['Content-Type']}\r\nContent-Length: 900000\r\n\r\n"
    )
    stream = await trio.open_tcp_stream(host, int(port))
    await stream.send_all(head.encode() + part("file", b"x" * 400_000, "Plan.docx")[:-2])
    await service.until(lambda: drafts(service))
    await trio.aclose_forcefully(stream)
    await service.until(lambda: not drafts(service))
    assert await files(service) == []


@pytest.mark.parametrize("size", [1_001, 5_000_000])
async def test_an_upload_that_is_too_large_is_refused_and_nothing_is_stored(
    running: Running, size: int
) -> None:
    service = await running(max_file_bytes=1_000)
    refused = await service.post("/api/files", files={"file": ("Plan.txt", b"x" * size)})
    assert (refused.status_code, refused.json()["code"]) == (413, "too_large")
    assert await files(service) == []
    assert drafts(service) == []


async def test_an_upload_of_just_the_limit_is_taken(running: Running) -> None:
    service = await running(max_file_bytes=1_000)
    file = await service.add("Plan.txt", b"x" * 1_000)
    put = await service.ask("PUT", f"/api/files/{file}/content", content=b"y" * 1_001)
    assert (put.status_code, put.json()["code"]) == (413, "too_large")
    assert await service.content(file) == b"x" * 1_000


async def test_many_uploads_at_once_become_as_many_files(service: Service) -> None:
    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(service.add, f"{number}.docx", word(f"Number {number}."))
    assert sorted(await files(service)) == sorted(f"{number}.docx" for number in range(20))
