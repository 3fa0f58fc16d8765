"""How much memory there is to work in."""

import os
from pathlib import Path

#: Taken where a system does not say what is free.
_UNKNOWN = 4 << 30

#: A quarter of what is free, within these bounds: less makes tiles mostly margin, more makes nothing faster.
_LEAST, _MOST = 512 << 20, 4 << 30


def _free_memory() -> int:
    """Return how many bytes programs can still take without anything being swapped out."""
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) << 10
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return _UNKNOWN


def working_memory() -> int:
    """Return how many bytes enlarging may take when nobody says how many."""
    return min(max(_free_memory() // 4, _LEAST), _MOST)
