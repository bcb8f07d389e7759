"""What systemd hears of our life, where it has started us as a service of Type=notify."""

from __future__ import annotations

import logging
import os
import socket

logger = logging.getLogger(__name__)

READY, STOPPING = "READY=1", "STOPPING=1"


def notify(state: str) -> None:
    """Nobody listens: nothing happens. We do not depend on who watches us."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.sendto(state.encode(), f"\0{address[1:]}" if address.startswith("@") else address)
    except OSError as trouble:
        logger.warning("systemd cannot be told %s: %s", state, trouble)
