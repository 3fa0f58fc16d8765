"""Descriptions in TIFFs that programs read: what in them is of the pixels is brought up to date.

OME-XML: "OME-TIFF specification", Open Microscopy Environment; `{"shape": ...}`: tifffile.
"""

import json
import re
from functools import partial

from keras_sr.images.picture.exif import Change

_SHAPE = re.compile(r'("shape": \[)([\d, ]+)(\])')


def brought_up_to_date(text: str, change: Change) -> str:
    """Return a description that tells the truth of a result."""
    if "<OME" in text[:4096]:
        return _ome(text, change)
    if text.startswith('{"shape": ['):
        return _SHAPE.sub(partial(_shape, change=change), text, count=1)
    return text


def _ome(text: str, change: Change) -> str:
    """Return OME-XML with the size of the result, and of a pixel."""
    height, width = change.result
    sizes = {"X": (width, change.factors[1]), "Y": (height, change.factors[0])}
    turned = change.orientation >= 5
    lengths = dict(re.findall(r'\bPhysicalSize([XY])="([\d.eE+-]+)"', text))
    for axis, (size, factor) in sizes.items():
        text = re.sub(rf'(\bSize{axis}=")\d+(")', rf"\g<1>{size}\g<2>", text)
        length = lengths.get({"X": "Y", "Y": "X"}[axis] if turned else axis)
        if length:
            new = f"{float(length) / factor:.10g}"
            text = re.sub(rf'(\bPhysicalSize{axis}=")[^"]+(")', rf"\g<1>{new}\g<2>", text)
    return text


def _shape(found: re.Match[str], change: Change) -> str:
    """Return a shape whose rows and columns are those of the result."""
    sizes = [int(one) for one in found[2].split(",") if one.strip()]
    for at in range(len(sizes) - 1):
        if tuple(sizes[at : at + 2]) == change.size:
            sizes[at : at + 2] = change.result
            break
    return f"{found[1]}{json.dumps(sizes)[1:-1]}{found[3]}"
