"""Another type made of a file by the Document Server: fetched back, and looked at before it counts."""

from __future__ import annotations

import logging
from dataclasses import replace

import trio

from application.ports import (
    Blob,
    ConversionFailed,
    DownloadFailed,
    ServerUnreachable,
    StorageFailed,
    TooLarge,
)
from application.world import World
from domain.commands import CommitOffer
from domain.events import SaveOffered
from domain.words import Trigger

logger = logging.getLogger(__name__)

KEPT_AS_THEY_ARE = frozenset({Trigger.FORM, Trigger.FAILED})


class BadResult(Exception):
    """What the Document Server sent is not of the type that it was to be of; the text says what it is."""


TROUBLES = (ConversionFailed, ServerUnreachable, DownloadFailed, TooLarge, StorageFailed, BadResult)


async def converted(
    world: World, url: str, sha256: str, *, filetype: str, outputtype: str, title: str = ""
) -> Blob:
    """What becomes of the bytes behind `url`, whose digest is known. Raises any of TROUBLES."""
    key = f"{sha256[:40]}-{int(world.now().timestamp() * 1000)}"  # a failure is remembered with its key
    result = await world.server.convert(
        url, filetype=filetype, outputtype=outputtype, key=key, title=title or f"document.{filetype}"
    )
    return await fetched(world, result, outputtype)


async def fetched(world: World, url: str, filetype: str) -> Blob:
    """Raises DownloadFailed, TooLarge, StorageFailed, BadResult."""
    blob = await world.server.fetch(url)
    verdict = await world.inspector.inspect(blob.sha256, filetype)
    if not verdict.accepted:
        raise BadResult(verdict.reason)
    return blob


async def in_its_own_type(
    world: World, stored: CommitOffer, offer: SaveOffered, url: str, filetype: str
) -> CommitOffer:
    """An offer of another type than the file's converted, or else the reason why it is not.

    The offered bytes are stored in either case. A server gives Office Open XML for any file unless its
    `assemblyFormatAsOrigin` is on.
    """
    if filetype in ("", offer.filetype) or offer.trigger in KEPT_AS_THEY_ARE:
        return stored
    seconds = min(world.patience.converting, world.patience.budget / 2)  # so that it is stored, then answered
    try:
        with trio.fail_after(seconds):
            blob = await converted(world, url, stored.sha256, filetype=offer.filetype, outputtype=filetype)
    except (trio.TooSlowError, *TROUBLES) as trouble:
        why = str(trouble) or f"it took more than {seconds:g} s"
        logger.error("a save came as %s and cannot be made %s: %s", offer.filetype, filetype, why)
        detail = f"It came as {offer.filetype} and could not be made {filetype} again: {why}."
        return replace(stored, detail=f"{detail} It is kept as a version beside the current one.")
    return replace(
        stored,
        at=world.now(),
        sha256=blob.sha256,
        size=blob.size,
        original_sha256=stored.sha256,
        original_size=stored.size,
    )
