"""A child that looks at pictures: what a file says of itself, thumbnails, and views to zoom into.

Files come from strangers. Only the loaders that `images.picture` reads with are open; whatever a file does
to one of them, it does to this process.
"""

from pathlib import Path
from typing import Any

from keras_sr.errors import PictureError
from keras_sr.images.picture import header, import_vips
from keras_sr.images.picture import read as read_picture
from keras_sr.server import child

#: Side of a tile of a view, and of a thumbnail at most, in pixels.
TILE, THUMBNAIL = 512, 192

#: Pixels of a picture whose view is exact; of a larger one it would be too much to send.
EXACT = 40_000_000


def describe(request: child.Message, line: child.Line) -> child.Message:
    """Return what the header of a file says: format, width, height, frames. Nothing is decoded."""
    path = Path(request["path"])
    if not path.stat().st_size:
        raise PictureError("the file is empty (0 bytes)")
    import_vips().block_untrusted_set(True)
    said = header(path)
    return {"format": said.format, "width": said.width, "height": said.height, "frames": said.pages}


def thumbnail(request: child.Message, line: child.Line) -> child.Message:
    """Write a small JPEG of a picture."""
    image = _to_show(_opened(Path(request["path"])))
    image = image.thumbnail_image(THUMBNAIL, height=THUMBNAIL, size="down")
    image.jpegsave(request["target"], Q=85, keep="none")
    return {}


def view(request: child.Message, line: child.Line) -> child.Message:
    """Write a pyramid of tiles of a picture's first frame, for browsers to zoom into at any size."""
    image = _to_show(_opened(Path(request["path"])))
    target = Path(request["target"])
    exact = image.width * image.height <= EXACT
    suffix = ".png[compression=1,filter=sub]" if exact else ".jpg[Q=95,subsample_mode=off]"
    image.dzsave(str(target), suffix=suffix, tile_size=TILE, overlap=0, depth="onetile", keep="none")
    levels = sum(path.is_dir() for path in Path(f"{target}_files").iterdir())
    return {
        "width": image.width,
        "height": image.height,
        "levels": levels,
        "tile": TILE,
        "kind": "png" if exact else "jpg",
    }


def _opened(path: Path) -> Any:
    """Return the first frame of a picture as an image of libvips, upright: decoded as for enlarging."""
    vips = import_vips()
    vips.block_untrusted_set(True)
    picture = read_picture(path, max_pixels=None)
    rows = len(picture.pixels) // picture.pages
    image = vips.Image.new_from_array(picture.pixels[:rows])
    if picture.alpha is not None:
        image = image.bandjoin(vips.Image.new_from_array(picture.alpha[:rows]))
    if picture.metadata.profile:
        image = image.copy()
        image.set_type(vips.GValue.blob_type, "icc-profile-data", picture.metadata.profile)
    return image


def _to_show(image: Any) -> Any:
    """Return an image in sRGB of 8 bits, over white, or grey: as browsers show it."""
    vips = import_vips()
    colours = image.bands if image.bands in (1, 3) else image.bands - 1 if image.bands in (2, 4) else 3
    wide = image.format == "ushort"
    meaning = {1: "grey16" if wide else "b-w", 3: "rgb16" if wide else "srgb"}[colours]
    if image.bands > 4:
        image = image.extract_band(0, n=3)
    if image.format == "float":  # [0, 1], or whatever an instrument gave
        low, high = image.min(), image.max()
        low, high = (0.0, 1.0) if low >= 0 and high <= 1 else (low, high)
        image = ((image - low) * (255 / ((high - low) or 1))).cast("uchar")
    image = image.copy(interpretation=meaning)
    if image.bands > colours:
        image = image.flatten(background=[65535 if wide else 255])
    if "icc-profile-data" in image.get_fields():
        try:
            return image.icc_transform("srgb", embedded=True, depth=8)
        except vips.Error:  # a profile that is damaged or of another kind: as without one
            pass
    return image.colourspace("b-w" if colours == 1 else "srgb").cast("uchar")


if __name__ == "__main__":
    child.run({"describe": describe, "thumbnail": thumbnail, "view": view}, nice=2)
