"""Rows of the read models, as the application knows them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from application.journal import DocumentRow, FileRow, VersionRow
from domain.file import File, Share
from domain.words import Access, Standing, Trigger


def to_file(row: Any) -> FileRow:
    file = File(
        name=row["name"],
        owner=row["owner"],
        owner_name=row["owner_name"],
        head=row["head"],
        last=row["last"],
        sha256=row["sha256"],
        size=row["size"],
        changed_at=_time(row["changed_at"]),
        shares=_shares(row["shares"]),
        removed=bool(row["removed"]),
    )
    return FileRow(row["id"], row["version"], datetime.fromisoformat(row["added_at"]), file, row["live"])


def to_document(row: Any) -> DocumentRow:
    return DocumentRow(
        key=row["key"],
        version=row["version"],
        file=row["file_id"],
        state=row["state"],
        standing=Standing(row["standing"]),
        base=row["base"],
        head=row["head"],
        opened_at=datetime.fromisoformat(row["opened_at"]),
        closed_at=_time(row["closed_at"]),
        closed_reason=row["closed_reason"],
        users=json.loads(row["users"]),
        saved_version=row["saved_version"],
        saved_at=_time(row["saved_at"]),
        trouble=row["trouble"],
    )


def to_version(row: Any) -> VersionRow:
    return VersionRow(
        number=row["number"],
        sha256=row["sha256"],
        size=row["size"],
        trigger=Trigger(row["trigger"]),
        created=datetime.fromisoformat(row["created"]),
        head=bool(row["head"]),
        users=json.loads(row["users"]),
        key=row["key"],
        filetype=row["filetype"],
        restored=row["restored"],
        changes_sha256=row["changes_sha256"],
        forms_sha256=row["forms_sha256"],
        converted_from=row["converted_from"],
        from_file=row["from_file"],
        from_version=row["from_version"],
    )


def _shares(text: str) -> Mapping[str, Share]:
    if text == "{}":
        return {}
    return {user: Share(name, Access(access)) for user, (name, access) in json.loads(text).items()}


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
