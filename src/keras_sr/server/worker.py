"""The child that computes: the code of `keras-sr upscale`, one picture after the other."""

import logging
import time
from typing import Any

from keras_sr.images.picture import import_vips
from keras_sr.server import child
from keras_sr.tasks.networks import open_network
from keras_sr.tasks.progress import Progress
from keras_sr.tasks.upscale import upscale_files

_open: dict[tuple, Any] = {}

#: What of a request decides about the network.
_NETWORK = ("network", "network_scale", "detail", "denoise", "threads", "consistent")

#: Networks that are kept ready.
_KEPT = 2


def upscale(request: child.Message, line: child.Line) -> child.Message:
    """Enlarge one file into another, and tell of each tile."""
    network = _network(**{key: request[key] for key in _NETWORK})
    start, tiles = time.perf_counter(), 0

    def show(progress: Progress) -> None:
        nonlocal tiles
        tiles += 1
        line.say({"share": progress.done / progress.total, "tiles": tiles})

    (result,) = upscale_files(
        request["source"],
        request["target"],
        network,
        scale=request["scale"],
        width=request["width"],
        height=request["height"],
        max_memory=request["max_memory"],
        progress=show,
        stop=line.cancelled,
    )
    if result.status == "failed":
        return {"error": result.reason}
    return {
        "size": result.size,
        "seconds": time.perf_counter() - start,
        "lost": list(result.lost),
        "network": result.network,
        "traces": result.traces,
    }


def _network(network: str | None, network_scale: int, **options: Any) -> Any:
    key = (network, network_scale, *options.values())
    if key not in _open:
        while len(_open) >= _KEPT:
            _open.pop(next(iter(_open)))
        _open[key] = open_network(network, network_scale, **options)
    return _open[key]


if __name__ == "__main__":
    # Strangers' files: none of the loaders of libvips that its authors do not trust with them.
    import_vips().block_untrusted_set(True)
    logging.getLogger("keras_sr").addHandler(logging.NullHandler())  # the page says it all
    child.run({"upscale": upscale}, nice=5)
