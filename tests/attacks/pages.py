"""Every page and every answer that an attacked person may see, with a life of a file behind them."""

from __future__ import annotations

from tests.web.service import Service, second, word

HTML = {"Accept": "text/html"}


async def lived(service: Service, file: str, user: str = "ada", title: str = "x") -> str:
    """The key of a session with saves, a failure and bytes in quarantine."""
    key = await service.begin(file)
    await service.offered(6, key, "1", word("Newer words."), lastsave=second(1), users=[user])
    await service.offered(6, key, "2", b"no document at all", lastsave=second(2), users=[user])
    history = {"serverVersion": title, "changes": [{"created": title, "user": {"id": user, "name": title}}]}
    await service.offered(
        6, key, "3", word("Newest words."), lastsave=second(3), users=[user], history=history
    )
    await service.told(7, key, users=[user])
    await service.until_replied(key)
    return key


def pages(file: str, key: str) -> dict[str, str]:
    return {
        "list": "/",
        "file": f"/files/{file}",
        "file, sure": f"/files/{file}?restore=1",
        "session": f"/documents/{key}",
        "session, then": f"/documents/{key}?after=1",
        "audit": "/audit",
        "sign-in": "/sign-in",
        "viewer": f"/api/onlyoffice/viewer/{file}",
        "no file": "/files/nothing",
        "no page": "/nothing",
    }


def answers(file: str, key: str) -> dict[str, str]:
    return {
        "files": "/api/files",
        "file": f"/api/files/{file}",
        "versions": f"/api/files/{file}/versions",
        "history": f"/api/files/{file}/history",
        "history of one": f"/api/files/{file}/history/2",
        "events": f"/api/files/{file}/events",
        "events of the session": f"/api/documents/{key}/events",
        "state": f"/api/documents/{key}/state",
        "documents": "/api/documents",
        "document": f"/api/documents/{key}",
        "audit": "/api/audit",
        "export": "/api/audit/export?format=jsonl",
        "export of the session": f"/api/documents/{key}/events/export?format=csv",
        "status": "/api/status",
        "config": f"/api/onlyoffice/config/{file}",
        "content": f"/api/files/{file}/content",
        "content of one": f"/api/files/{file}/versions/1/content",
        "health": "/healthz",
        "nothing": "/api/nothing",
        "no file": "/api/files/nothing",
        "bad link": f"/api/onlyoffice/file/{file}?token=x",
        "script": "/static/viewer.js",
        "no script": "/static/nothing.js",
    }
