"""The Document Server's converter: asked again and again until it is done, and never for ever."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx
import trio

from application.outside_json import value_of
from application.ports import ConversionFailed, ServerUnreachable
from infrastructure.posting import SignedPost, reason

PATH = "/converter"
LEGACY_PATH = "/ConvertService.ashx"
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0  # seconds between two questions
UNKNOWN = -1
AT_ONCE = 4


class Converter:
    """Asks with `async: true`, one short question after the other.

    A waiting answer (`async: false`) may take the server half an hour, and what stands between hangs
    up on a silent connection long before; a question for a key that is known only asks how far it is.
    """

    def __init__(self, post: SignedPost, *, question_seconds: float, seconds: float) -> None:
        self._post = post
        self._question_seconds = question_seconds
        self._seconds = seconds
        self._slots = trio.CapacityLimiter(AT_ONCE)

    async def convert(self, wanted: Mapping[str, Any]) -> str:
        """The url of the result. Raises ConversionFailed, ServerUnreachable."""
        try:
            with trio.fail_after(self._seconds):
                async with self._slots:
                    return await self._done({"async": True, **wanted})
        except trio.TooSlowError as error:
            raise ServerUnreachable(f"no conversion within {self._seconds:g} s") from error

    async def _done(self, wanted: Mapping[str, Any]) -> str:
        pause = FIRST_PAUSE
        while True:
            if url := await self._asked(wanted):
                return url
            await trio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _asked(self, wanted: Mapping[str, Any]) -> str | None:
        """The result's url if there is one by now."""
        try:
            with trio.fail_after(self._question_seconds):
                return _result(await self._post(f"?shardkey={quote(wanted['key'], safe='')}", wanted))
        except trio.TooSlowError as error:
            raise ServerUnreachable(
                f"no answer of the converter within {self._question_seconds:g} s"
            ) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ServerUnreachable(f"no answer of the converter: {reason(error)}") from error


def _result(body: bytes) -> str | None:
    """Raises ConversionFailed, ServerUnreachable."""
    try:
        answer = value_of(body)
    except ValueError as error:
        raise ServerUnreachable("the converter's answer is not JSON; is this a Document Server?") from error
    match answer:
        case {"error": int(code)} if not isinstance(code, bool):
            raise ConversionFailed(code if code < 0 else UNKNOWN)  # it says 0 of a table with too many cells
        case {"endConvert": True, "fileUrl": str(url)} if url:
            return url
        case {"endConvert": True}:
            raise ConversionFailed(UNKNOWN)
        case {"endConvert": False}:
            return None
    raise ServerUnreachable("the converter's answer says nothing; is this a Document Server?")
