"""The child that computes: the code of `keras-sr upscale`, one picture after the other."""

import time
from pathlib import Path
from typing import Any

from keras_sr.images.picture import MAX_PIXELS, import_vips
from keras_sr.images.storage import Storage
from keras_sr.inference.memory import working_memory
from keras_sr.inference.projection import ConsistentEngine
from keras_sr.server import child
from keras_sr.tasks.batch.plan import Job
from keras_sr.tasks.batch.run import Settings, run_all
from keras_sr.tasks.batch.size import Size
from keras_sr.tasks.networks import open_network

_open: dict[tuple, Any] = {}

#: Networks that are kept ready.
_KEPT = 2


def upscale(request: child.Message, line: child.Line) -> child.Message:
    """Enlarge one file into another, and tell of each tile."""
    source, target = Path(request["source"]), Path(request["target"])
    network = _network(request["network"], request["detail"], request["threads"], request["consistent"])
    memory = request["max_memory"] << 20 if request["max_memory"] else working_memory()
    size = Size(request["scale"], request["width"], request["height"])
    settings = Settings(size, memory // 2, max_pixels=MAX_PIXELS, storage=Storage(memory // 4, target.parent))
    start, tiles = time.perf_counter(), 0

    def show(number: int, share: float) -> None:
        nonlocal tiles
        tiles += 1
        line.say({"share": share, "tiles": tiles})
        line.check()

    (result,) = run_all([Job(source, target)], network, settings, show)
    if result.status == "failed":
        return {"error": result.reason}
    return {"size": result.size, "seconds": time.perf_counter() - start, "lost": list(result.lost)}


def _network(network: str, detail: float | None, threads: int | None, consistent: bool) -> Any:
    key = (network, detail, threads, consistent)
    if key not in _open:
        while len(_open) >= _KEPT:
            _open.pop(next(iter(_open)))
        engine = open_network(network, None, detail=detail, threads=threads)
        _open[key] = ConsistentEngine(engine) if consistent else engine
    return _open[key]


if __name__ == "__main__":
    # Strangers' files: none of the loaders of libvips that its authors do not trust with them.
    import_vips().block_untrusted_set(True)
    child.run({"upscale": upscale}, nice=5)
