"""How close a picture is to the truth: each metric is a function on two pictures and an averaging class."""

from keras_sr.metrics.psnr import PSNR, psnr
from keras_sr.metrics.ssim import SSIM, ssim

__all__ = ["PSNR", "SSIM", "psnr", "ssim"]
