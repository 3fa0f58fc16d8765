"""Which processes are the workers of a batch on Ray: for tests that kill them, and the benchmark."""

import os
from contextlib import suppress
from pathlib import Path


def workers():
    """Return the processes of actors that enlarge, of the Ray that this process has begun and of no other."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if entry.read_bytes().startswith(b"ray::MapWorker") and is_ours(int(entry.parent.name)):
                found.append(int(entry.parent.name))
    return found


def is_ours(process):
    """Return whether a process descends from this one."""
    while process > 1 and process != os.getpid():
        process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    return process == os.getpid()
