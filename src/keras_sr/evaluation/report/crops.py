"""Where pictures differ most, and that place cut out of each."""

import base64
import io
from itertools import combinations

import numpy as np
from PIL import Image

#: Side of a crop in HR pixels, at most.
SIDE = 144


def data_uri(pixels: np.ndarray) -> str:
    """Return a uint8 picture (H, W, 3) as a lossless PNG that stands in the page itself."""
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(data.getvalue()).decode()


def difference_map(pictures: list[np.ndarray]) -> np.ndarray:
    """Return the largest difference of any two pictures at each pixel, mean over channels, float32 (H, W)."""
    floats = [picture.astype(np.float32) for picture in pictures]
    return np.max([np.abs(a - b).mean(axis=2) for a, b in combinations(floats, 2)], axis=0)


def place(difference: np.ndarray, border: int, multiple: int) -> tuple[int, int, int]:
    """Return (top, left, side) of the square with the largest mean difference.

    The square starts at a multiple of the scale, so that LR can be cut at the same place; the border
    that the protocol shaves is left out where the picture is large enough.
    """
    height, width = difference.shape
    side = min(SIDE, height, width) // multiple * multiple
    # Sums of all squares at once, from the integral picture.
    total = np.zeros((height + 1, width + 1))
    np.cumsum(np.cumsum(difference, axis=0, dtype=np.float64), axis=1, out=total[1:, 1:])
    sums = total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]
    sums = sums[::multiple, ::multiple]
    edge = -(-border // multiple)
    inner = sums[edge : sums.shape[0] - edge, edge : sums.shape[1] - edge]
    if not inner.size:
        inner, edge = sums, 0
    row, column = np.unravel_index(np.argmax(inner), inner.shape)
    return (int(row) + edge) * multiple, (int(column) + edge) * multiple, side
