"""SRResNet on MSE, VGG22 and VGG54: the generator trained without a discriminator."""

from dataclasses import replace

from keras_sr.training.recipe import Recipe


def srresnet_mse() -> Recipe:
    """SRResNet-MSE (Ledig et al. 2017, arXiv 1609.04802, sections 2.1.1 and 3.2).

    x4, batches of 16 crops of 96x96 HR, MSE on [-1, 1], Adam at 1e-4 for 1e6 updates. The paper keeps no
    average of the weights; ours (decay 0.999) changes what is evaluated, never what is learned.

    Run: keras-sr train srresnet_mse --data photos/
    """
    return Recipe(
        name="srresnet_mse",
        expect="the paper: 32.05 / 28.49 / 27.58 dB on Set5 / Set14 / BSD100 (Y, 4 pixels shaved)",
        mse=1.0,
        steps=1_000_000,
        learning_rate=1e-4,
    )


def srresnet_vgg22() -> Recipe:
    """SRResNet-VGG22: the content loss on VGG19's block2_conv2 alone (section 2.2.1, equation 5).

    "phi 2,2" is the second convolution (after activation) before the second max-pooling. It starts from
    srresnet_mse, which spares it a long search for the right colours.

    Run: keras-sr train srresnet_vgg22 --data photos/
    """
    return replace(
        srresnet_mse(),
        name="srresnet_vgg22",
        expect="the paper's table 1: 30.51 / 27.19 dB on Set5 / Set14",
        mse=0.0,
        content=1.0,
        content_layers=("block2_conv2",),
        start_from="srresnet_mse",
        steps=200_000,
        schedule="step",
    )


def srresnet_vgg54() -> Recipe:
    """SRResNet-VGG54: the content loss on block5_conv4, the fourth convolution before the fifth max-pooling.

    The paper names this loss (section 2.2.1) and gives no figures for it without a discriminator; the first
    Keras implementation's notebook of this name trained on block2_conv2 by mistake.

    Run: keras-sr train srresnet_vgg54 --data photos/
    """
    return replace(
        srresnet_vgg22(),
        name="srresnet_vgg54",
        expect="no published figures",
        content_layers=("block5_conv4",),
    )
