"""A service that keeps only so many automatic saves, from its start on."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from tests.web.life import Running
from tests.web.service import BLINK, PATIENCE, second, word

pytestmark = pytest.mark.in_both


async def test_at_its_start_a_service_thins_out_what_it_is_told_not_to_keep(
    running: Running, tmp_path: Path
) -> None:
    before = await running(data_dir=tmp_path / "kept")
    file = await before.add()
    key = await before.begin(file)
    for number in range(1, 4):
        text = word(f"Saved {number} times.")
        await before.offered(6, key, f"{number}", text, forcesavetype=0, lastsave=second(number))
    await before.offered(2, key, "final", word("Saved in the end."), lastsave=second(9))
    await before.until_closed(key)
    assert await before.triggers(file) == ["upload", "command", "command", "command", "final"]
    await running.end(before)
    after = await running(data_dir=tmp_path / "kept", keep_autosaves="none")
    for _ in range(PATIENCE):
        if len(await after.versions(file)) == 2:
            break
        await trio.sleep(BLINK)
    assert await after.triggers(file) == ["upload", "final"]
    gone = await after.get(f"/api/files/{file}/versions/2/content")
    assert gone.status_code == 404
    assert len((await after.get(f"/api/files/{file}/history")).json()["history"]) == 2
