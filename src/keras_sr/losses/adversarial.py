"""Adversarial losses, each a pair: what the generator minimises and what the discriminator minimises.

All take logits of shape (N, 1): `real` of HR images, `fake` of SR images. The generator's term is given both,
because the relativistic loss needs both; gradients must not reach the discriminator through it
(`training.srgan` sees to that).
"""

from collections.abc import Callable

from keras import ops

from keras_sr.types import Tensor


def cross_entropy(logits: Tensor, target: float) -> Tensor:
    """Mean binary cross-entropy of logits against one target in [0, 1]; exact for large logits."""
    logits = ops.cast(logits, "float32")
    return ops.mean(ops.softplus(logits) - target * logits)


def bce_generator(real: Tensor, fake: Tensor) -> Tensor:
    """-log D(G(lr)), the non-saturating loss (Ledig et al. 2017, arXiv 1609.04802, equation 6)."""
    return cross_entropy(fake, 1.0)


def bce_discriminator(real: Tensor, fake: Tensor, smoothing: float = 0.0) -> Tensor:
    """-log D(hr) - log(1 - D(G(lr))) (equation 2).

    Args:
        real: Logits of HR images.
        fake: Logits of SR images.
        smoothing: The target of HR images is 1 - smoothing (one-sided label smoothing, Salimans et al.
            2016, arXiv 1606.03498, section 3.4).
    """
    return cross_entropy(real, 1.0 - smoothing) + cross_entropy(fake, 0.0)


def relativistic_generator(real: Tensor, fake: Tensor) -> Tensor:
    """Relativistic average GAN, generator (Jolicoeur-Martineau 2018, arXiv 1807.00734; ESRGAN eq. 2)."""
    real, fake = ops.cast(real, "float32"), ops.cast(fake, "float32")
    return cross_entropy(real - ops.mean(fake), 0.0) + cross_entropy(fake - ops.mean(real), 1.0)


def relativistic_discriminator(real: Tensor, fake: Tensor, smoothing: float = 0.0) -> Tensor:
    """Relativistic average GAN, discriminator (arXiv 1807.00734; ESRGAN, arXiv 1809.00219, eq. 1)."""
    real, fake = ops.cast(real, "float32"), ops.cast(fake, "float32")
    return cross_entropy(real - ops.mean(fake), 1.0 - smoothing) + cross_entropy(fake - ops.mean(real), 0.0)


def hinge_generator(real: Tensor, fake: Tensor) -> Tensor:
    """-D(G(lr)) (Lim and Ye 2017, arXiv 1705.02894)."""
    return -ops.mean(ops.cast(fake, "float32"))


def hinge_discriminator(real: Tensor, fake: Tensor, smoothing: float = 0.0) -> Tensor:
    """max(0, 1 - D(hr)) + max(0, 1 + D(G(lr))); `smoothing` lowers the margin of HR images."""
    real, fake = ops.cast(real, "float32"), ops.cast(fake, "float32")
    return ops.mean(ops.relu(1.0 - smoothing - real)) + ops.mean(ops.relu(1.0 + fake))


#: name: (generator's term(real, fake), discriminator's term(real, fake, smoothing))
ADVERSARIAL: dict[str, tuple[Callable, Callable]] = {
    "bce": (bce_generator, bce_discriminator),
    "relativistic": (relativistic_generator, relativistic_discriminator),
    "hinge": (hinge_generator, hinge_discriminator),
}


def approximate_r1(judge: Callable, images: Tensor, logits: Tensor, noise: Tensor) -> Tensor:
    """Gradient penalty on real images without second derivatives.

    R1 (Mescheder et al. 2018, arXiv 1801.04406, eq. 9) is the mean squared norm of the discriminator's
    gradient at real images. For small Gaussian noise, (D(x + noise) - D(x))^2 / sigma^2 has that mean
    (Lin et al. 2025, arXiv 2501.08316, section 3.3, use the same difference), and it needs no gradient of
    a gradient, so it runs alike on every backend.

    Args:
        judge: The discriminator: images to logits.
        images: Real images (N, H, W, 3) in [0, 1].
        logits: The discriminator's logits of `images`.
        noise: Gaussian noise of the images' shape, standard deviation `R1_SIGMA`.
    """
    shifted = ops.cast(judge(images + noise), "float32")
    return ops.mean(ops.square((shifted - ops.cast(logits, "float32")) / R1_SIGMA))


#: Standard deviation of the noise, in units of [0, 1]: a quarter of a grey level of 8 bits.
R1_SIGMA = 1e-3
