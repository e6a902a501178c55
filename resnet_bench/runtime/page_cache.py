"""How much of some files lies in the page cache, and throwing them out of it.

`posix_fadvise` is a request that a file system may ignore (tmpfs keeps everything), and pages that are not yet
written stay; so a caller that evicts checks `resident_share` afterwards. No TensorFlow.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
from collections.abc import Sequence
from pathlib import Path

SAMPLED_FILES = 512
COLD_SHARE, WARM_SHARE = 0.02, 0.98
_MAP_FAILED = ctypes.c_void_p(-1).value


def evict(files: Sequence[str]) -> None:
    """Ask the system to drop the files from its page cache, what is dirty written first. Blocks on the disk.

    Files that cannot be opened are left out; a system without `posix_fadvise` does nothing.
    """
    if not hasattr(os, "posix_fadvise"):
        return
    for path in files:
        with contextlib.suppress(OSError):
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
                os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(handle)


def resident_share(files: Sequence[str]) -> float | None:
    """The share of the files' pages that lies in memory; None where the system does not tell.

    Of more than 512 files an even sample is read. Linux tells the truth only to those who own a file or may
    write it (mincore(2) since 5.2): any other file makes the answer None.
    """
    chosen = [files[index * len(files) // SAMPLED_FILES] for index in range(SAMPLED_FILES)]
    pages = resident = 0
    for path in chosen if len(files) > SAMPLED_FILES else files:
        found = _resident_pages(path)
        if found is None:
            return None
        resident, pages = resident + found[0], pages + found[1]
    return resident / pages if pages else None


def _resident_pages(path: str) -> tuple[int, int] | None:
    """(pages in memory, pages) of one file; None where that is unknown."""
    try:
        owned = Path(path).stat().st_uid == os.geteuid() or os.access(path, os.W_OK)
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        size = os.fstat(handle).st_size
        if not size:
            return 0, 0
        return _mapped(handle, size) if owned else None
    finally:
        os.close(handle)


def _mapped(handle: int, size: int) -> tuple[int, int] | None:
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "mincore"):
        return None
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]
    address = libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, handle, 0)
    if address in (None, _MAP_FAILED):
        return None
    try:
        pages = -(-size // mmap.PAGESIZE)
        seen = ctypes.create_string_buffer(pages)
        if libc.mincore(address, size, seen) != 0:
            return None
        return sum(byte & 1 for byte in seen.raw), pages
    finally:
        libc.munmap(address, size)
