"""A child that looks at pictures: what a file says of itself, thumbnails, and views to zoom into.

Files come from strangers. Only what `images.picture` reads with is open; whatever a file does to one of these
readers, it does to this process.
"""

from pathlib import Path
from typing import Any

from keras_sr.images.picture import header, import_vips
from keras_sr.images.picture import read as read_picture
from keras_sr.server import child

#: Side of a tile of a view, and of a thumbnail at most, in pixels.
TILE, THUMBNAIL = 512, 192

#: Pixels of a picture whose view is exact; of a larger one it would be too much to send.
_EXACT = 40_000_000


def describe(request: child.Message, line: child.Line) -> child.Message:
    """Return what the header of a file says: format, width, height, frames. Nothing is decoded."""
    found = header(Path(request["path"]))
    return {"format": found.format, "width": found.width, "height": found.height, "frames": found.pages}


def thumbnail(request: child.Message, line: child.Line) -> child.Message:
    """Write a small JPEG of a picture."""
    image = _shown(Path(request["path"]))
    image = image.thumbnail_image(THUMBNAIL, height=THUMBNAIL, size="down")
    image.jpegsave(request["target"], Q=85, keep="none")
    return {}


def view(request: child.Message, line: child.Line) -> child.Message:
    """Write a pyramid of tiles of a picture's first frame, for browsers to zoom into at any size."""
    image = _shown(Path(request["path"]))
    target = Path(request["target"])
    exact = image.width * image.height <= _EXACT
    suffix = ".png[compression=1,filter=sub]" if exact else ".jpg[Q=95,subsample_mode=off]"
    image.dzsave(str(target), suffix=suffix, tile_size=TILE, overlap=0, depth="onetile", keep="none")
    levels = sum(path.is_dir() for path in Path(f"{target}_files").iterdir())
    size = {"width": image.width, "height": image.height}
    return {**size, "levels": levels, "tile": TILE, "kind": "png" if exact else "jpg"}


def _shown(path: Path) -> Any:
    """Return the first frame of a picture as browsers show it: decoded as for enlarging, sRGB, over white."""
    vips = import_vips()
    picture = read_picture(path, max_pixels=None)
    rows = slice(0, len(picture.pixels) // picture.pages)
    colours = 3 if picture.pixels.shape[2] >= 3 else 1
    image = vips.Image.new_from_array(picture.pixels[rows, :, :colours])
    if image.format == "float":
        image = _from_floats(image)
    deep = image.format == "ushort"
    image = image.copy(
        interpretation=("grey16" if deep else "b-w") if colours == 1 else "rgb16" if deep else "srgb"
    )
    image = _in_srgb(image, picture.metadata.profile)
    if picture.alpha is not None and not picture.alpha_is_data:
        image = image.bandjoin(_levels(vips.Image.new_from_array(picture.alpha[rows]))).flatten(
            background=[255]
        )
    return image


def _from_floats(image: Any) -> Any:
    """Return floats as levels of 16 bits: of [0, 1], or of whatever an instrument gave."""
    low, high = image.min(), image.max()
    low, high = (0.0, 1.0) if low >= 0 and high <= 1 else (low, high)
    return ((image - low) * (65535 / ((high - low) or 1))).rint().cast("ushort")


def _in_srgb(image: Any, profile: bytes) -> Any:
    """Return an image in sRGB of 8 bits; a profile that is damaged, or of another kind, counts as none."""
    vips = import_vips()
    if profile:
        try:
            tagged = image.copy()
            tagged.set_type(vips.GValue.blob_type, "icc-profile-data", profile)
            return tagged.icc_transform("srgb", embedded=True, depth=8).copy_memory()
        except vips.Error:
            pass
    return image.colourspace("b-w" if image.bands == 1 else "srgb").cast("uchar")


def _levels(alpha: Any) -> Any:
    """Return alpha in 8 bits."""
    if alpha.format == "ushort":
        return (alpha / 257).rint().cast("uchar")
    return (alpha * 255).rint().cast("uchar") if alpha.format == "float" else alpha


if __name__ == "__main__":
    import_vips().block_untrusted_set(True)
    child.run({"describe": describe, "thumbnail": thumbnail, "view": view}, nice=2)
