"""Is the harness right? Bicubic must give what it gives in every paper, before any network is measured."""

from collections.abc import Sequence

import numpy as np

from keras_sr.errors import DataError, PictureError
from keras_sr.evaluation.protocol import Protocol
from keras_sr.evaluation.results import Failure
from keras_sr.evaluation.score import load
from keras_sr.evaluation.sets.known import TOLERANCE, KnownSet
from keras_sr.images.pair import Pair
from keras_sr.images.plain import read_plain
from keras_sr.images.resize import imresize

#: How LR pictures are made where they are not made by MATLAB's bicubic kernel: a name and arguments.
_OTHER_KERNELS = {
    "bicubic without antialiasing (as OpenCV and torch.nn.functional do)": ("bicubic", False),
    "bilinear with antialiasing": ("bilinear", True),
    "bilinear without antialiasing (as OpenCV does)": ("bilinear", False),
    "Lanczos": ("lanczos3", True),
}


def expected(known: KnownSet, scale: int, protocol: Protocol) -> tuple[float, ...]:
    """Return the values of PSNR that bicubic may have on a set under a protocol; () when none is known."""
    anchor = known.anchors.get(scale)
    if anchor is None or protocol.shave not in (None, scale):
        return ()
    place = 2 if protocol.channel == "rgb" else int(protocol.round_y)
    cut = anchor.mod12[place : place + 1] if anchor.mod12 else ()
    if protocol.channel == "rgb":
        return (anchor.rgb, *cut)
    return (anchor.matlab if protocol.round_y else anchor.paper, anchor.literature, *cut)


def check(
    known: KnownSet, scale: int, protocol: Protocol, psnr: float, pairs: list[Pair]
) -> tuple[float, bool] | None:
    """Return the anchor nearest to what bicubic gave and whether it was met; None when none is known."""
    values = expected(known, scale, protocol)
    if not values:
        return None
    nearest = min(values, key=lambda value: abs(value - psnr))
    return nearest, len(pairs) == known.pictures and abs(nearest - psnr) <= TOLERANCE


def likely_reason(known: KnownSet, scale: int, pairs: list[Pair]) -> str:
    """Return what most likely makes bicubic miss its value on a set, in words that say what to do."""
    if len(pairs) != known.pictures:
        return f"{known.name} has {known.pictures} pictures, here are {len(pairs)}: get the whole set"
    if any(pair.lr is None for pair in pairs):
        return (
            "LR was made here, exactly, so these HR pictures are other ones: another copy or crop of the set"
        )
    lossy = [
        pair.lr.name for pair in pairs if pair.lr and pair.lr.suffix.lower() in (".jpg", ".jpeg", ".webp")
    ]
    if lossy:
        return f"LR is stored with loss ({lossy[0]}): get the LR pictures as PNG"
    exact = [_matches(pair, scale) for pair in pairs]
    if all(exact):
        return "LR fits to HR exactly, so these are other pictures: another copy or crop of the set"
    odd = pairs[exact.index(False)]
    kernel = _nearest_kernel(odd, scale)
    made = f"it is nearest to {kernel}" if kernel else "it is none that is known here"
    return (
        f"{exact.count(False)} of {len(pairs)} LR pictures were not made from their HR by MATLAB's bicubic "
        f"kernel ({odd.name}: {made}): get MATLAB's LR pictures, or leave them away and they are made here"
    )


def _matches(pair: Pair, scale: int) -> bool:
    """Tell whether an LR picture is MATLAB's, to one grey level."""
    lr, hr = load(pair, scale)
    return int(np.abs(imresize(hr, 1 / scale).astype(int) - lr).max()) <= 1


def _nearest_kernel(pair: Pair, scale: int) -> str:
    """Return the kernel that comes nearest to an LR picture; "" when all are far, above 3 grey levels."""
    lr, hr = load(pair, scale)
    away = {
        name: float(
            np.abs(imresize(hr, 1 / scale, kernel=kernel, antialias=antialias).astype(int) - lr).mean()
        )
        for name, (kernel, antialias) in _OTHER_KERNELS.items()
    }
    best = min(away, key=lambda name: away[name])
    return best if away[best] <= 3 else ""


def look(pairs: list[Pair], scale: int) -> tuple[list[str], str]:
    """Return what a table has to say about a set's pictures, and where its LR pictures are from.

    Returns:
        Notes (HR that was cropped, grey pictures), and `"given"`, `"made"` or `"mixed"`.
    """
    notes: list[str] = []
    for pair in pairs:
        try:
            picture, cropped = read_plain(pair.hr), load(pair, scale)[1]
        except PictureError:
            continue  # it becomes a failure with its reason when it is measured
        hr = picture.pixels
        notes += [f"{pair.name}: {what} not measured" for what in picture.lost]
        if hr.shape[:2] != cropped.shape[:2]:
            sizes = [f"{a.shape[1]}x{a.shape[0]}" for a in (hr, cropped)]
            notes.append(f"{pair.name}: HR cropped from {sizes[0]} to {sizes[1]}, a multiple of {scale}")
        if (hr[..., :1] == hr).all():
            notes.append(f"{pair.name}: a grey picture, measured as R = G = B")
    made = sum(pair.lr is None for pair in pairs)
    lr = "given" if not made else "made" if made == len(pairs) else "mixed"
    if made:
        notes.append(f"LR of {made} pictures made here by MATLAB's bicubic kernel")
    return notes, lr


def refuse(known: KnownSet, scale: int, wanted: float, psnr: float, pairs: list[Pair]) -> DataError:
    """Return the error for a set on which bicubic is not where it has to be."""
    return DataError(
        f"bicubic gives {psnr:.3f} dB on {known.name} at x{scale}, expected {wanted:.2f}: "
        f"{likely_reason(known, scale, pairs)}. `anchor=False` measures all the same"
    )


def incomplete(known: KnownSet, failures: Sequence[Failure]) -> DataError:
    """Return the error for a known set with pictures that cannot be measured."""
    first = failures[0]
    return DataError(
        f"{first.picture} of {known.name} cannot be measured ({first.reason}; {len(failures)} such): "
        f"the rest is not {known.name}. `anchor=False` measures it all the same"
    )
