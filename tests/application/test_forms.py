"""Submitted forms: kept with what was filled in, each of them, and never over the form."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from application.callbacks import Fate
from application.ports import DownloadFailed
from application.repeating import repeat
from application.retention import Retention
from domain import events
from domain.retention import NONE, Policy
from domain.words import Trigger
from tests.application.conftest import ADA, Stage, callback, now, saving

FORM = "http://ds/cache/files/data/k_{n}/output.pdf/output.pdf?md5=x&expires=99999999999"
DATA = "http://ds/cache/files/data/k_{n}/formsdata.json/formsdata.json?md5=y&expires=99999999999"


async def opened(stage: Stage) -> tuple[str, str]:
    row = await stage.file("form.pdf")
    key = (await stage.door.open(row.id, ADA, "::1")).key
    await stage.callbacks.receive(callback(key, 1, users=["ada"]))
    return row.id, key


async def submit(stage: Stage, key: str, n: int, by: str = "ada") -> Fate:
    stage.server.results.setdefault(FORM.format(n=n), b"the form, filled in")
    return await stage.callbacks.receive(
        saving(
            key,
            FORM.format(n=n),
            filetype="pdf",
            forcesavetype=3,
            users=[by],
            formsdataurl=DATA.format(n=n),
        )
    )


async def kept(stage: Stage, file: str) -> list[bytes | None]:
    rows = [row for row in await stage.journal.versions(file) if row.trigger is Trigger.FORM]
    assert not any(row.head for row in rows)
    return [stage.blobs.stored[row.forms_sha256] if row.forms_sha256 else None for row in rows]


async def test_each_submission_is_kept_with_its_own_data(stage: Stage, autojump_clock: MockClock) -> None:
    file, key = await opened(stage)
    for n, who in enumerate(("ada", "bob")):
        stage.server.results[DATA.format(n=n)] = f'[{{"value":"{who}"}}]'.encode()
        assert await submit(stage, key, n, who) is Fate.DONE
    assert await kept(stage, file) == [b'[{"value":"ada"}]', b'[{"value":"bob"}]']
    row = await stage.journal.file(file)
    assert row
    assert row.file.head == 1
    offered = next(fact for _, _, fact in stage.journal.log if isinstance(fact, events.SaveOffered))
    assert offered.forms_data_url == DATA.format(n=0)
    assert repeat(stage.journal.kept).difference is None


async def test_the_data_are_asked_for_again_before_the_form_is_kept_without_them(
    stage: Stage, autojump_clock: MockClock
) -> None:
    file, key = await opened(stage)
    turns = iter([DownloadFailed("cut"), DownloadFailed("cut"), b"[]"])

    async def in_turn() -> object:
        return next(turns)

    stage.server.results[DATA.format(n=1)] = in_turn
    assert await submit(stage, key, 1) is Fate.DONE
    assert await kept(stage, file) == [b"[]"]
    assert [url for url, _ in stage.server.fetches].count(FORM.format(n=1)) == 1


async def test_a_form_whose_data_never_come_is_kept_all_the_same(
    stage: Stage, autojump_clock: MockClock
) -> None:
    file, key = await opened(stage)

    async def never() -> object:
        await trio.sleep_forever()

    stage.server.results[DATA.format(n=1)] = never
    began = trio.current_time()
    assert await submit(stage, key, 1) is Fate.DONE
    assert trio.current_time() - began == pytest.approx(stage.world.patience.forms_data)
    assert await submit(stage, key, 2) is Fate.DONE  # nothing is behind this url
    assert await kept(stage, file) == [None], "the same bytes without data are the same submission"


async def test_the_retention_thins_saves_and_keeps_forms_and_their_data(
    stage: Stage, autojump_clock: MockClock
) -> None:
    file, key = await opened(stage)
    stage.blobs.clock = trio.current_time
    stage.server.results[DATA.format(n=1)] = b"[]"
    await submit(stage, key, 1)
    for n, (content, status) in enumerate(((b"[]", 6), (b"other", 6), (b"final", 2)), start=2):
        stage.server.results[FORM.format(n=n)] = content
        await stage.callbacks.receive(saving(key, FORM.format(n=n), status, filetype="pdf"))
        await trio.sleep(60)
    thinning = Retention(stage.journal, stage.blobs, stage.sidecars, Policy((), NONE), now)
    assert await thinning.thin() == 2
    await trio.sleep(3 * 24 * 3600)
    assert await thinning.discard() == 1, "the bytes of one automatic save are a form's data too"
    assert await kept(stage, file) == [b"[]"]
