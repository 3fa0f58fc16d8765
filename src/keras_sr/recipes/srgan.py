"""SRGAN on MSE, VGG22 and VGG54: the content loss and 1e-3 of the adversarial loss (equation 3)."""

from dataclasses import replace

from keras_sr.recipes.srresnet import srresnet_mse
from keras_sr.training.recipe import Recipe


def srgan_mse() -> Recipe:
    """SRGAN-MSE (Ledig et al. 2017, arXiv 1609.04802, sections 2.2 and 3.2).

    Starts from srresnet_mse "to avoid undesired local optima"; 1e5 updates at 1e-4, then 1e5 at 1e-5.

    Run: keras-sr train srgan_mse --data photos/
    """
    return replace(
        srresnet_mse(),
        name="srgan_mse",
        expect="the paper's table 1: 30.64 / 26.92 dB on Set5 / Set14",
        adversarial=1e-3,
        start_from="srresnet_mse",
        steps=200_000,
        schedule="step",
    )


def srgan_vgg22() -> Recipe:
    """SRGAN-VGG22: content on VGG19's block2_conv2 instead of pixels.

    Run: keras-sr train srgan_vgg22 --data photos/
    """
    return replace(
        srgan_mse(),
        name="srgan_vgg22",
        expect="the paper's table 1: 29.84 / 26.44 dB on Set5 / Set14",
        mse=0.0,
        content=1.0,
        content_layers=("block2_conv2",),
    )


def srgan_vgg54() -> Recipe:
    """SRGAN-VGG54, the paper's SRGAN: content on VGG19's block5_conv4.

    Run: keras-sr train srgan_vgg54 --data photos/
    """
    return replace(
        srgan_vgg22(),
        name="srgan_vgg54",
        expect="the paper: 29.40 / 26.02 / 25.16 dB on Set5 / Set14 / BSD100",
        content_layers=("block5_conv4",),
    )
