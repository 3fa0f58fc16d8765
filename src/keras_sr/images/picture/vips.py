"""What reading and writing share of libvips: its import, its complaints, the paths it takes."""

import re
from pathlib import Path
from typing import Any


def import_vips() -> Any:
    """Import pyvips with its cache off: it would give yesterday's pixels for a file that has changed."""
    import pyvips

    pyvips.cache_set_max(0)
    return pyvips


def vips_said(error: Exception) -> str:
    """Return what libvips complained about, as one line."""
    lines = [
        line.strip() for line in str(getattr(error, "detail", error) or error).splitlines() if line.strip()
    ]
    # The last line is of this error; earlier ones may be left over from other files.
    text = lines[-1] if lines else "unknown error"
    return re.sub(r"\s+", " ", text)[:160]


def speakable(path: str | Path) -> bool:
    """Tell whether a path is UTF-8: pyvips cannot take, nor give in a message, the names that are not."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True
