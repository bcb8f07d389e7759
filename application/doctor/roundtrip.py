"""There and back: the Document Server fetches a probe of ours, we fetch its result, and it calls us back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import trio

from application.doctor import traffic
from application.doctor.checks import not_tried
from application.doctor.landing import Landing, Probe
from application.doctor.seen import Converted, Refused, Reply, Result, Setup, Silence, Trouble
from application.ports import (
    Answer,
    Code,
    ConversionFailed,
    DocumentServer,
    DownloadFailed,
    ServerUnreachable,
    TooLarge,
)

# A server knows the key of a conversion as it knows those of documents: conv_, our key, and the number of
# the type (FileConverter's AVS_OFFICESTUDIO_FILE_DOCUMENT_TXT).
CONVERTED_KEY = "conv_{}_69"


class Glass(Protocol):
    """As much of an examination's instruments as this needs."""

    @property
    def setup(self) -> Setup: ...

    @property
    def server(self) -> DocumentServer: ...

    async def fetched(self, url: str) -> bytes: ...

    async def addresses(self, url: str) -> tuple[str, ...]: ...

    async def open_keys(self) -> Sequence[str]: ...


class Roundtrip:
    def __init__(self, look: Glass, landing: Landing, note: Callable[..., None], seconds: float) -> None:
        """`seconds` are for the conversion."""
        self._look = look
        self._setup = look.setup
        self._landing = landing
        self._note = note
        self._seconds = seconds

    async def run(self) -> float | None:
        """By how many seconds the server's clock was ahead when it signed a callback."""
        async with self._landing.opened() as probe:
            conversion = await self._convert(probe)
            await self._landing.gather(probe)
            addresses = () if probe.visit else await self._look.addresses(self._setup.storage_url)
            self._note(traffic.judge_reach(self._setup, conversion, probe.visit, addresses))
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._result, conversion, probe)
                nursery.start_soon(self._callback, probe)
            return probe.call.ahead if probe.call else None

    async def _convert(self, probe: Probe) -> Converted | Refused | Silence:
        url, key = self._setup.storage_url + probe.path, f"doctor-{probe.nonce}"
        try:
            with trio.fail_after(self._seconds):
                return Converted(
                    await self._look.server.convert(url, filetype="docx", outputtype="txt", key=key)
                )
        except ConversionFailed as failed:
            return Refused(failed.code, str(failed))
        except ServerUnreachable as unreachable:
            return Silence(Trouble.BROKEN, str(unreachable))
        except trio.TooSlowError:
            return Silence(Trouble.SILENT, f"no result within {self._seconds:g} s")

    async def _result(self, conversion: Converted | Refused | Silence, probe: Probe) -> None:
        if not isinstance(conversion, Converted):
            self._note(not_tried("results", "there is no result to fetch."))
            return
        try:
            content = await self._look.fetched(conversion.url)
            result = Result(intact=probe.nonce in content.decode("utf-8", "replace"))
        except (DownloadFailed, TooLarge) as failure:
            result = Result(trouble=str(failure))
        self._note(traffic.judge_results(self._setup, conversion, result))

    async def _callback(self, probe: Probe) -> None:
        """About the conversion, or else any document that is open: its own callback url is left alone."""
        answer = await self._info(CONVERTED_KEY.format(f"doctor-{probe.nonce}"), probe)
        if answer == Reply(Code.UNKNOWN_KEY):
            for key in (await self._look.open_keys())[:1]:
                answer = await self._info(key, probe)
        await self._landing.gather(probe)
        self._note(traffic.judge_callbacks(self._setup, answer, probe.call))

    async def _info(self, key: str, probe: Probe) -> Reply | Silence:
        callback = self._setup.storage_url + probe.path
        return await said(self._look.server.command("info", key, callback=callback))


async def said(asking: Awaitable[Answer]) -> Reply | Silence:
    """A command's answer, or why there is none."""
    try:
        answer = await asking
    except ServerUnreachable as unreachable:
        return Silence(Trouble.BROKEN, str(unreachable))
    return Reply(answer.error, str(answer.body.get("version", "")))
