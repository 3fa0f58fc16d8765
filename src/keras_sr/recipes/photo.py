"""Photographs that people have: networks that clean what they enlarge."""

from dataclasses import replace

from keras_sr.training.recipe import Recipe


def photo_psnr() -> Recipe:
    """Photo x4, first half: L1 on crops that have been through the web (`data.presets.Web`).

    A chain of 64 features and three blocks: 475 kMAC an LR pixel, a fifth of SRResNet's.

    Run: keras-sr train photo_psnr --data photos/
    """
    return Recipe(
        name="photo_psnr",
        expect="clean edges on JPEGs, soft textures; photo starts from it",
        generator="chain",
        features=64,
        blocks=3,
        l1=1.0,
        luma=1.0,
        crop=128,
        degradation="web",
        optimizer="muon",
        steps=30_000,
        learning_rate=0.05,
        weight_decay=0.02,
        schedule="cosine",
        warmup_steps=200,
        beta_2=0.99,
        steps_per_epoch=500,
    )


def photo() -> Recipe:
    """Photo x4: from photo_psnr, with the paper's discriminator and VGG19's features before activation.

    Losses after Real-ESRGAN (Wang et al. 2021, arXiv 2107.10833, section 4.1): L1, layers of VGG19 before
    their ReLU, a discriminator; the weights follow the size of their gradients at SR (docs/lab-log.md). The
    discriminator is SRGAN's without batch norm: for batches of eight crops it is fair within hundreds of
    steps, where Real-ESRGAN's (`--set discriminator=unet --set discriminator_normalization=spectral`) told
    HR from SR no better than chance after two hundred. `consistency` holds the colours.

    Run: keras-sr train photo --data photos/
    """
    return replace(
        photo_psnr(),
        name="photo",
        expect="LPIPS on damaged LR far below srgan_vgg54's; see the model card",
        l1=0.7,
        luma=0.0,
        consistency=10.0,
        content=1e-3,
        content_layers=("block1_conv2", "block2_conv2", "block3_conv4"),
        content_weights=(0.2, 0.4, 1.0),
        content_distance="l1",
        content_before_activation=True,
        adversarial=0.008,
        discriminator="srgan",
        discriminator_features=32,
        discriminator_normalization="none",
        discriminator_optimizer="muon",
        discriminator_learning_rate=0.01,
        learning_rate=0.015,
        warmup_steps=100,
        crop=96,
        batch_size=8,
        steps=20_000,
        steps_per_epoch=200,
        start_from="photo_psnr",
    )
