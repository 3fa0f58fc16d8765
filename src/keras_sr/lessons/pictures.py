"""Pictures for the lessons: the reader's own folder, or the photographs that come with scikit-image."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from keras_sr.errors import DataError, unknown

if TYPE_CHECKING:
    from keras_sr.data.sources import Source

#: Photographs inside scikit-image's own wheel, all in the public domain or CC0: nothing is downloaded.
#: To train on: a cup of coffee, a rocket at dawn, the back of an eye, galaxies, a man, three textures.
#: Few and odd, so what is learned from them is modest.
_TRAINING = ("coffee", "rocket", "retina", "hubble_deep_field", "camera", "brick", "grass", "gravel")
#: Of these there are copies with red, green and blue exchanged: from so few colours a network would learn
#: that the world is orange and grey, and paint everything so.
_COLOURFUL = ("coffee", "rocket", "retina")
#: To measure on, and never trained on: a person (Eileen Collins, by NASA) and a cat.
BENCHMARK = ("astronaut", "chelsea")


def sample(name: str) -> np.ndarray:
    """Return one of scikit-image's photographs: uint8 RGB (H, W, 3), sides multiples of 4.

    Raises:
        DataError: It is none of those used here.
    """
    if name not in _TRAINING + BENCHMARK:
        raise DataError(unknown("sample photograph", name, _TRAINING + BENCHMARK))
    from skimage import data

    pixels = getattr(data, name)()
    pixels = np.stack([pixels] * 3, axis=2) if pixels.ndim == 2 else pixels[..., :3]
    height, width = (side - side % 4 for side in pixels.shape[:2])
    return np.ascontiguousarray(pixels[:height, :width])


def training_pictures(folder: str, scale: int = 4) -> tuple["Source", str]:
    """Return the pictures to train on, and a line about them.

    Args:
        folder: Photographs, in folders as deep as they like; "" takes the samples.
        scale: HR size over LR size.

    Raises:
        DataError: The folder is not there or holds no usable picture.
    """
    from keras_sr.data.cache import build_cache
    from keras_sr.data.sources import ArraySource

    if folder:
        source = build_cache([Path(folder)], scale)
        return source, f"photographs to train on: {len(source)}, from your folder {Path(folder).name}"
    names = [*_TRAINING, *(f"{name} {order}" for name in _COLOURFUL for order in _ORDERS)]
    pictures = [sample(name.split()[0])[..., channels(name)] for name in names]
    source = ArraySource(map(np.ascontiguousarray, pictures), scale=scale, names=names)
    return source, (
        f"photographs to train on: the {len(_TRAINING)} samples that come with scikit-image; "
        "for a folder of yours set PHOTOS above"
    )


#: The ways to exchange red (0), green (1) and blue (2).
_ORDERS = ("021", "102", "120", "201", "210")


def channels(name: str) -> list[int]:
    """Return the order of the channels that a name such as `coffee 120` asks for."""
    return [int(channel) for channel in name.partition(" ")[2] or "012"]


def benchmark_folder(wanted: str, samples: Path, scale: int = 4) -> tuple[Path, str]:
    """Return the folder of pictures to measure on, and a line about it.

    Args:
        wanted: A folder, or the name of a known set that is on this machine; "" takes the samples.
        samples: Where the samples are written.
        scale: HR size over LR size.
    """
    from keras_sr.evaluation.sets.known import find_set
    from keras_sr.images.plain import write_plain
    from keras_sr.tasks.sets import set_places

    if wanted:
        name, folder = find_set(wanted, scale, set_places())
        return folder, f"pictures to measure on: {name}"
    for name in BENCHMARK:
        if not (samples / "HR" / f"{name}.png").is_file():
            write_plain(samples / "HR" / f"{name}.png", sample(name))
    return samples, (
        f"pictures to measure on: {' and '.join(BENCHMARK)}, which are not trained on; "
        "for a set of yours set BENCHMARK above"
    )
