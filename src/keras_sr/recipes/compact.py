"""The small networks, for processors: `compact`, and `lite` with four times its cost."""

from dataclasses import replace

from keras_sr.training.recipe import Recipe


def compact() -> Recipe:
    """Compact x4: 52 kMAC an LR pixel, L1 of RGB and of brightness, Muon from 0.05 to 0 along a cosine.

    Not a network of the paper: a few minutes of training on a processor give more than bicubic by two
    decibels. Crops of 128 because that many more pixels cost such a small network little. After 1,000 steps
    Muon is a decibel ahead of Adam at 1e-3. Three parts of brightness make a small network spend what it has
    on what is seen as sharp (docs/lab-log.md). Weight decay because Muon's kernels grow in a long run.

    Run: keras-sr train compact --data photos/
    """
    return Recipe(
        name="compact",
        expect="at x4 31.07 / 27.12 dB on Set5 / BSD100 (Y, 4 pixels shaved)",
        generator="compact",
        features=24,
        blocks=8,
        l1=1.0,
        luma=3.0,
        crop=128,
        optimizer="muon",
        steps=30_000,
        learning_rate=0.05,
        weight_decay=0.02,
        schedule="cosine",
        warmup_steps=200,
        beta_2=0.99,
        steps_per_epoch=1000,
    )


def lite() -> Recipe:
    """Lite x4: a chain of 32 channels, 200 kMAC an LR pixel, a tenth of SRResNet's.

    Deep and narrow: twenty convolutions with a skip around every four learn more than half as many that are
    wider, at the same cost and as fast. Five blocks with a leaky ReLU are ahead of four with SiLU after as
    many seconds of training, a tenth of what the run gets (docs/lab-log.md).

    Run: keras-sr train lite --data photos/
    """
    return replace(
        compact(),
        name="lite",
        expect="at x4 31.39 / 27.24 dB on Set5 / BSD100 (Y, 4 pixels shaved)",
        generator="chain",
        features=32,
        blocks=5,
        activation="leakyrelu",
        crop=160,
        batch_size=12,
        steps=40_000,
    )
