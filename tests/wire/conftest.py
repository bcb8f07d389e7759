"""Every test of the wire is one of both kinds of connection."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
import trio

from tests.wire.served import Serve
from tests.wire.served import serve as serve_
from web.connections import Connection
from web.server import CONNECTIONS


@pytest.fixture(params=CONNECTIONS)
def kind(request: Any) -> type[Connection]:
    return CONNECTIONS[request.param]


@pytest.fixture
async def serve(kind: type[Connection]) -> AsyncIterator[Serve]:
    async with trio.open_nursery() as nursery:
        yield partial(serve_, kind, nursery)
        nursery.cancel_scope.cancel()
