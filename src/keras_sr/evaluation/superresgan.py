"""`BSD100_Evaluator` and `BSD100_evaluate`, by the names and arguments of SuperResGAN-keras.

The notebooks of JGuillaumin/SuperResGAN-keras, which this project grew from, run with these. They
speak that project's ranges: LR in [0, 1], the network's output in [-1, 1]. The figures are those of
`evaluation.score`, so they compare with papers, which those of the original do not:

    original                                            here
    PSNR of RGB, R and B swapped against training       PSNR of Y (BT.601)
    5 pixels shaved off each side                       as many as the scale, unless `margin` is given
    LR by bilinear shrinking without antialiasing       LR files of the folder, or MATLAB's bicubic
    SR not rounded                                      SR rounded to 8 bits
    100 dB for equal pictures                           infinity
    only `*_HR.png`                                     every layout of `find_pairs`
    the folder `filepath` is deleted and made anew      nothing is deleted; `epoch_1-2` where `epoch_1` exists
    `filepath=None` crashes                             `filepath=None` saves no pictures
"""

import math
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_sr.errors import DataError, unknown
from keras_sr.evaluation.keras_upscaler import network_of, network_upscaler
from keras_sr.evaluation.protocol import Protocol
from keras_sr.evaluation.score import Judged, Scores, Upscaler, score
from keras_sr.evaluation.sets.layouts import find_pairs
from keras_sr.evaluation.sheets import keep, save_sheet, unused
from keras_sr.types import Json

_COLOR_MODES = ("rgb", "bgr")


class BSD100_Evaluator(keras.callbacks.Callback):
    """Measures the model on a folder at the end of each epoch; the arguments are those of `BSD100_evaluate`.

    Keras' logs get `BSD100_mse` and `BSD100_psnr`. `evaluation.callback.BenchmarkCallback` does more.

    Attributes:
        logs: `{"mse": [...], "psnr": [...]}`, one value an epoch.

    Raises:
        DataError: The folder or an argument cannot be used.
    """

    def __init__(
        self,
        directory: str | Path,
        filepath: str | Path | None = None,
        downscale_factor: int = 4,
        color_mode: str = "rgb",
        verbose: int = 1,
        data_format: str = "channels_last",
        margin: int | None = None,
        *,
        hr_range: tuple[float, float] = (-1.0, 1.0),
    ) -> None:
        super().__init__()
        _check_color_mode(color_mode)
        found = len(find_pairs(directory, downscale_factor))
        _say(f"Found {found} images ...", verbose)
        self.options: Json = {
            "directory": directory,
            "filepath": filepath,
            "downscale_factor": downscale_factor,
            "color_mode": color_mode,
            "verbose": verbose,
            "data_format": data_format,
            "margin": margin,
            "hr_range": hr_range,
        }
        self.logs: dict[str, list[float]] = {"mse": [], "psnr": []}

    def on_epoch_end(self, epoch: int, logs: Json | None = None) -> None:
        """Measure, and remember the two means."""
        model: Any = self.model
        mse, psnr = BSD100_evaluate(model, epoch + 1, **self.options)
        self.logs["mse"].append(mse)
        self.logs["psnr"].append(psnr)
        if logs is not None and not math.isnan(psnr):
            logs.update(BSD100_mse=mse, BSD100_psnr=psnr)


def BSD100_evaluate(
    model: keras.Model,
    step: int,
    directory: str | Path,
    filepath: str | Path | None = None,
    verbose: int = 1,
    color_mode: str = "rgb",
    downscale_factor: int = 4,
    margin: int | None = None,
    data_format: str = "channels_last",
    *,
    hr_range: tuple[float, float] = (-1.0, 1.0),
) -> tuple[float, float]:
    """Measure a model on a folder of pictures.

    Args:
        model: LR (N, h, w, 3) in [0, 1] to SR in `hr_range`; or a model in training that has a `generator`.
        step: Number in the name of the folder of pictures, and in the line that is written.
        directory: BSD100, or any folder that `find_pairs` takes.
        filepath: Where `epoch_<step>/<name>.png` with LR | bicubic | SR | HR are saved; None saves none.
        verbose: 1 writes a line to stdout, 0 nothing.
        color_mode: Order of the channels that the model was trained on, `"rgb"` or `"bgr"`.
        downscale_factor: The model's scale.
        margin: Pixels shaved off each side; None means as many as the scale, as papers do.
        data_format: The model's data format.
        hr_range: What black and white are in the model's output. The networks of keras-sr have (0, 1).

    Returns:
        Mean over the pictures of the squared error of Y in grey levels, and of PSNR in dB; NaN when no
        picture could be measured.

    Raises:
        DataError: The folder or an argument cannot be used.
    """
    _check_color_mode(color_mode)
    pairs = find_pairs(directory, downscale_factor)
    protocol = Protocol("paper" if margin is None else f"margin {margin}", shave=margin)
    folder = None if filepath is None else unused(Path(filepath) / f"epoch_{step}")

    def save(judged: Judged) -> None:
        if folder is not None:
            keep(save_sheet, folder, judged, downscale_factor, protocol, step)

    upscale = _upscaler_of(model, color_mode, data_format, hr_range)
    scores = score(upscale, pairs, downscale_factor, protocol, save)
    mse = _mean_squared_error(scores)
    seconds = sum(image.seconds for image in scores.images)
    _say(f"BSD100 - epoch {step}: MSE = {mse:.3f} | PSNR / SSIM = {scores} in {seconds:.0f} s", verbose)
    return mse, scores.psnr


def _upscaler_of(
    model: keras.Model, color_mode: str, data_format: str, hr_range: tuple[float, float]
) -> Upscaler:
    """Return a model of these ranges and orders as an upscaler from uint8 RGB to [0, 1] RGB."""
    enlarge = network_upscaler(network_of(model), data_format=data_format)
    order = slice(None, None, -1 if color_mode == "bgr" else 1)
    black, white = hr_range

    def upscale(lr: np.ndarray) -> np.ndarray:
        sr = enlarge(np.ascontiguousarray(lr[..., order]))[..., order]
        return (sr - np.float32(black)) / np.float32(white - black)

    return upscale


def _mean_squared_error(scores: Scores) -> float:
    """Return the mean over pictures of the error that each PSNR stands for, in grey levels squared."""
    errors = [255.0**2 / 10 ** (image.psnr / 10) for image in scores.images]
    return math.fsum(errors) / len(errors) if errors else math.nan


def _check_color_mode(color_mode: str) -> None:
    """Refuse an unknown order of channels."""
    if color_mode not in _COLOR_MODES:
        raise DataError(unknown("color_mode", color_mode, _COLOR_MODES))


def _say(line: str, verbose: int) -> None:
    """Write a line to stdout, where the original writes it."""
    if verbose:
        sys.stdout.write(line + "\n")
