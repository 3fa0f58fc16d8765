"""How good a picture is: each metric is a function on pictures and a class that averages over pictures.

Everything is numpy in float64 (LPIPS: convolutions in float32), so a figure does not depend on the
backend or the device that made the picture. Tensors of any framework are taken.
"""

from keras_sr.metrics.base import PerPictureMean
from keras_sr.metrics.consistency import LRConsistency, lr_consistency
from keras_sr.metrics.dists import DISTS, dists
from keras_sr.metrics.drift import ColorDrift, color_drift
from keras_sr.metrics.lpips import LPIPS, lpips
from keras_sr.metrics.ms_ssim import MSSSIM, ms_ssim
from keras_sr.metrics.niqe import NIQE, niqe
from keras_sr.metrics.psnr import PSNR, psnr
from keras_sr.metrics.sharpness import Sharpness, sharpness
from keras_sr.metrics.ssim import SSIM, ssim

#: Every metric, in the order of tables. Another one is a file with its class, and a line here.
METRICS: list[type[PerPictureMean]] = [
    PSNR,
    SSIM,
    MSSSIM,
    LPIPS,
    DISTS,
    NIQE,
    LRConsistency,
    ColorDrift,
    Sharpness,
]

__all__ = [
    "DISTS",
    "LPIPS",
    "METRICS",
    "MSSSIM",
    "NIQE",
    "PSNR",
    "SSIM",
    "ColorDrift",
    "LRConsistency",
    "Sharpness",
    "color_drift",
    "dists",
    "lpips",
    "lr_consistency",
    "ms_ssim",
    "niqe",
    "psnr",
    "sharpness",
    "ssim",
]
