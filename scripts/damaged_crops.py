"""Draw ten crops of damaged photographs, enlarged: docs/images/card_damaged.jpg of the model card.

    python scripts/damaged_crops.py

The photographs come with scikit-image, and no network has seen them. LR is shrunk by four and damaged as
`keras-sr benchmark --degradation` does it; every crop is shown at 100 %, 160 x 160 pixels of the result.
"""

from importlib.resources import files
from pathlib import Path

import numpy as np
from PIL import Image

from keras_sr import open_network, upscale
from keras_sr.data.fixed import damaged
from keras_sr.images.resize import imresize
from keras_sr.images.sheet import sheet

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "card_damaged.jpg"
NETWORKS = ("srgan_vgg54", "photo_x4")
SIDE = 160

#: (photograph, top and left of the crop, damage), the subjects that people look at first.
CROPS = (
    ("astronaut.png", (88, 152), "jpeg75"),  # a face
    ("astronaut.png", (20, 212), "jpeg50"),  # hair
    ("astronaut.png", (340, 120), "jpeg75"),  # letters on a badge
    ("chelsea.png", (64, 120), "jpeg75"),  # an eye, fur
    ("chelsea.png", (8, 284), "noise5_jpeg80"),  # a blurred background
    ("coffee.png", (60, 260), "jpeg75"),  # white china on dark wood
    ("rocket.jpg", (30, 330), "jpeg50"),  # the sky, a thin tower
    ("motorcycle_left.png", (230, 300), "jpeg90"),  # spokes and chrome
    ("grass.png", (200, 200), "jpeg75"),  # grass
    ("astronaut.png", (88, 152), "blur_jpeg80"),  # a face, out of focus
)


def main() -> None:
    networks = {name: open_network(name, precision="f32") for name in NETWORKS}
    columns: dict[str, list[np.ndarray]] = {}
    for name, (top, left), kind in CROPS:
        photograph = Image.open(str(files("skimage") / "data" / name)).convert("RGB")
        hr = np.asarray(photograph)
        hr = hr[: len(hr) // 4 * 4, : hr.shape[1] // 4 * 4]
        lr = damaged(hr, 4, kind, Path(name).stem)
        shown = {"LR": lr.repeat(4, 0).repeat(4, 1), "bicubic": imresize(lr, 4)}
        shown |= {each: upscale(lr, network) for each, network in networks.items()}
        for label, picture in {**shown, "HR": hr}.items():
            crop = picture[top : top + SIDE, left : left + SIDE]
            columns.setdefault(label, []).append(np.pad(crop, [(0, 4), (0, 0), (0, 0)], constant_values=32))
    page = sheet([(label, np.concatenate(crops)) for label, crops in columns.items()])
    Image.fromarray(page).save(PICTURE, quality=90, optimize=True)
    print(f"{PICTURE.name}: {page.shape[1]}x{page.shape[0]}, {PICTURE.stat().st_size >> 10} kB")


if __name__ == "__main__":
    main()
