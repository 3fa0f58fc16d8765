"""NIQE: how far a picture's statistics are from those of photographs that nobody spoiled.

Mittal, Soundararajan, Bovik: Making a "completely blind" image quality analyzer. IEEE Signal
Processing Letters 20(3), 2013, eq. 10. It needs no truth, so it cannot tell right detail from
invented detail; a sharp lie scores well.
"""

from pathlib import Path
from typing import Any

import numpy as np

from keras_sr.errors import PictureError
from keras_sr.metrics.base import Column, PerPictureMean
from keras_sr.metrics.niqe_model import NiqeModel, load_model
from keras_sr.metrics.nss import BLOCK, FEATURES, block_features, luma_of
from keras_sr.metrics.weights import find_weights


def niqe(
    image: Any,
    *,
    crop_border: int = 0,
    channel: str = "y",
    model: NiqeModel | str | Path | None = None,
) -> float:
    """Return the distance of a picture from undistorted photographs: lower is better, about 2 to 20.

    In blocks of 96x96 at two scales. MATLAB's own function `niqe` (R2017b and later) is another
    implementation with a model of its own; its values do not compare.

    Args:
        image: Picture (H, W, 1 or 3), uint8 or float in [0, 1].
        crop_border: Pixels shaved from each of the four sides.
        channel: `"y"`: Y of BT.601 in whole grey levels, as the super-resolution literature does; `"grey"`:
            MATLAB's `rgb2gray`, as the authors' code does with colour pictures.
        model: What to compare with: from `niqe_model.fit_niqe`, or the path of a file; None takes the
            published model.

    Raises:
        PictureError: It is no picture, or has less than two blocks of 96x96 that are not flat after shaving.
        WeightsError: The model is not there, or damaged.
    """
    if model is None:
        model = find_weights("niqe")
    if not isinstance(model, NiqeModel):
        model = load_model(model)
    features, _ = block_features(luma_of(image, crop_border, channel))
    whole = features[np.isfinite(features).all(axis=1)]
    if len(whole) < 2:
        raise PictureError(
            f"NIQE needs two blocks of {BLOCK}x{BLOCK} pixels that are not flat, the picture has {len(whole)}"
        )
    # Each feature over all blocks that have it, the covariance over whole ones: MATLAB's nanmean, nancov.
    mean, covariance = np.nanmean(features, axis=0), np.cov(whole, rowvar=False)
    apart = mean - model.mean
    pooled = (covariance + model.covariance) / 2
    inverse = np.linalg.pinv(pooled, rcond=FEATURES * np.finfo(np.float64).eps, hermitian=True)
    return float(np.sqrt(apart @ inverse @ apart))


class NIQE(PerPictureMean):
    """The mean over pictures of `niqe`, whose options it takes: update(image)."""

    unit = ""
    higher_is_better = False
    lowest = 0.0
    highest = float("inf")
    source = "Mittal, Soundararajan, Bovik, IEEE SPL 20(3), 2013; the authors' model; on Y, rounded"
    against = ""
    columns = (Column("niqe", "NIQE", weights="niqe"),)
    measure = staticmethod(niqe)
