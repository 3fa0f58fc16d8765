"""What a figure of speed or memory was taken on."""

import os
import platform
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from keras_sr.inference.engines import ENGINES
from keras_sr.types import Json

#: Packages whose version can move a figure.
_PACKAGES = ("numpy", "pillow", *ENGINES)

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def describe(threads: int | None) -> Json:
    """Return processor, cores, threads and versions, as plain values."""
    versions = {}
    for name in _PACKAGES:
        with suppress(PackageNotFoundError):
            versions[name] = version(name)
    return {
        "platform": platform.platform(),
        "processor": processor(),
        "cores": cores(),
        "threads": threads or cores(),
        "device": "CPU",
        "python": platform.python_version(),
        "versions": versions,
    }


def processor() -> str:
    """Return the processor's name."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def forget_peak() -> None:
    """Begin a new measurement of peak memory, where the system can (Linux)."""
    with suppress(OSError):
        _CLEAR.write_text("5")


def peak_megabytes() -> float | None:
    """Return the most memory this process held since `forget_peak`, in MB; None where it cannot be told."""
    with suppress(OSError, ValueError, IndexError):
        line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    return None
