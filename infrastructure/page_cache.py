"""Bytes of files that the system has in memory, read without asking a disk for anything.

Linux says itself when it would have to wait: openat2 with RESOLVE_CACHED (5.12) for the way to the file,
preadv2 with RWF_NOWAIT (4.14) for its bytes. So they can be read on the event loop, however slow the disk
is, in a tenth of the time that the hop to a thread takes.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
from collections.abc import Callable
from pathlib import Path

from infrastructure.reading import Part

OPENAT2 = 437  # on every architecture
RESOLVE_CACHED = 0x20
HERE = -100  # AT_FDCWD
HOW = struct.pack("QQQ", os.O_RDONLY | getattr(os, "O_CLOEXEC", 0), 0, RESOLVE_CACHED)  # struct open_how
NEVER = frozenset({errno.ENOSYS, errno.EPERM, errno.EINVAL})  # an old kernel, or a sandbox


def _openat2() -> ctypes._NamedFuncPointer | None:
    if sys.platform != "linux":
        return None
    call = ctypes.CDLL(None, use_errno=True).syscall
    call.restype = ctypes.c_long
    call.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t)
    return call


class PageCache:
    def __init__(self, read: Callable[..., int] = os.preadv) -> None:
        self._read = read
        self._open = _openat2()

    def part(self, path: Path, start: int, wanted: int) -> Part | None:
        """So many bytes from there, or what is left; None where somebody would have to wait for them, and
        for whatever else is wrong.
        """
        handle = self._opened(path)
        if handle is None:
            return None
        try:
            size = os.fstat(handle).st_size
            data = bytearray(max(0, min(wanted, size - start)))
            if self._read(handle, [data], start, os.RWF_NOWAIT) < len(data):
                return None
            return Part(bytes(data), size)
        except OSError:
            return None
        finally:
            os.close(handle)

    def _opened(self, path: Path) -> int | None:
        if self._open is None:
            return None
        handle: int = self._open(OPENAT2, HERE, os.fsencode(path), HOW, len(HOW))
        if handle >= 0:
            return handle
        if ctypes.get_errno() in NEVER:
            self._open = None
        return None
