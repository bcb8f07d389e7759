"""The conversion API: a key and a type name a conversion, which is asked after until it is done."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any
from xml.sax.saxutils import escape

import trio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .addresses import base_url
from .commands import read_command
from .converting import CannotConvert, Conversion, converted
from .openings import KEY_CHARACTERS
from .outbox import FetchFailed
from .server import Standin
from .tokens import TokenExpired, TokenInvalid

UNKNOWN, DOWNLOAD, PARAMETERS, TOKEN = -1, -4, -7, -8
TOLD_ONCE = frozenset({DOWNLOAD})  # after that the same key is tried anew; other failures stay
REMEMBERED = 1000  # conversions
EXTENSION = re.compile(r"[a-zA-Z0-9]*")
_TYPES = """
docx docm dotx dotm doc odt ott fodt rtf txt md html htm mht mhtml epub fb2 hwp hwpx pdf pdfa djvu xps oxps
xlsx xlsm xltx xltm xlsb xls ods ots fods csv tsv pptx pptm ppsx ppsm potx potm ppt odp otp fodp
jpg jpeg png gif bmp svg
"""
OUTPUT_TYPES = frozenset(_TYPES.split())
NUMBERS = {"docx": 65, "txt": 69, "csv": 260}  # of types, in the keys under which conversions are known

Answer = dict[str, Any]


async def converter(request: Request) -> Response:
    """`/converter` speaks JSON and `/ConvertService.ashx` XML, unless the request accepts only the other."""
    standin: Standin = request.app.state.standin
    try:
        answer = await convert(standin, await read_command(request), base_url(request))
    except (TokenInvalid, TokenExpired):
        answer = {"error": TOKEN}
    accepted = request.headers.get("accept", "")
    json = (
        "json" in accepted if ("json" in accepted) != ("xml" in accepted) else "ashx" not in request.url.path
    )
    return JSONResponse(answer) if json else Response(_xml(answer), media_type="text/xml")


async def convert(standin: Standin, params: Mapping[str, Any], base: str) -> Answer:
    key, output = str(params.get("key") or ""), str(params.get("outputtype") or "").lower()
    filetype = str(params.get("filetype") or "").lower()
    if not (KEY_CHARACTERS.fullmatch(key) and EXTENSION.fullmatch(filetype) and output in OUTPUT_TYPES):
        return {"error": PARAMETERS}
    id_ = f"conv_{key}_{NUMBERS.get(output, output)}"
    conversion = standin.conversions.get(id_)
    if conversion is None:
        conversion = Conversion(standin.results.directory(id_), f"output.{output}")
        _remember(standin, id_, conversion)
        standin.start(_work, standin, conversion, str(params.get("url") or ""), filetype, output)
    if str(params.get("async")).lower() != "true":
        await conversion.over.wait()
    if conversion.error in TOLD_ONCE:
        standin.conversions.pop(id_, None)
    return _answer(standin, conversion, str(params.get("title") or ""), base)


async def _work(standin: Standin, conversion: Conversion, url: str, filetype: str, output: str) -> None:
    try:
        await trio.sleep(standin.config.assembly_delay)
        content = await converted(await standin.outbox.fetch(url), filetype, output)
        standin.results.keep(conversion.directory, conversion.name, content, standin.now())
    except FetchFailed:
        conversion.error = DOWNLOAD
    except CannotConvert as refused:
        conversion.error = refused.code
    finally:
        conversion.over.set()


def _remember(standin: Standin, id_: str, conversion: Conversion) -> None:
    standin.conversions[id_] = conversion
    while len(standin.conversions) > REMEMBERED:
        del standin.conversions[next(iter(standin.conversions))]


def _answer(standin: Standin, conversion: Conversion, title: str, base: str) -> Answer:
    if conversion.error:
        return {"error": conversion.error}
    if not conversion.over.is_set():
        return {"percent": 0, "endConvert": False}
    output = PurePosixPath(conversion.name).suffix[1:]
    filename = f"{PurePosixPath(title).stem}.{output}" if title else conversion.name
    url = standin.results.link(base, conversion.directory, conversion.name, standin.now(), filename)
    if url is None:
        return {"error": UNKNOWN}
    return {"fileUrl": url, "fileType": output, "percent": 100, "endConvert": True}


def _xml(answer: Answer) -> str:
    if "error" in answer:
        inside = f"<Error>{answer['error']}</Error>"
    else:
        url, filetype = answer.get("fileUrl"), answer.get("fileType")
        inside = f"<FileUrl>{escape(url)}</FileUrl>" if url else "<FileUrl/>"
        inside += f"<FileType>{filetype}</FileType>" if filetype else "<FileType/>"
        inside += f"<Percent>{answer['percent']}</Percent><EndConvert>{answer['endConvert']}</EndConvert>"
    return f'<?xml version="1.0" encoding="utf-8"?><FileResult>{inside}</FileResult>'
