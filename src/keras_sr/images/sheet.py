"""Pictures side by side with labels: what an eye needs to judge a network.

Only pixels and Pillow's built-in font: no plotting library, no font files.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from keras_sr.errors import PictureError

#: Colours of a sheet: the ground is dark so that white skies keep their edge.
GROUND = (32, 32, 32)
_INK = (240, 240, 240)

#: Sizes of labels in pixels: smaller cannot be read, larger takes the picture's place.
_SMALLEST_TEXT = 12
_LARGEST_TEXT = 40

#: Panels narrower than this are enlarged by a whole factor, so that a label fits below.
_NARROWEST = 160


def sheet(panels: Sequence[tuple[str, np.ndarray]], caption: str = "") -> np.ndarray:
    """Return panels side by side, each with its label below, and a caption above.

    All panels are shown at the size of the largest (by area), smaller ones enlarged by nearest
    neighbour: the pixels of an LR picture stay visible as squares. Text that is too wide is
    written smaller, and cut with an ellipsis at the smallest size. The font has Latin letters only.

    Args:
        panels: (label, uint8 picture (H, W, 3) or (H, W, 1)), left to right; a label may have several lines.
        caption: One line over everything, or "".

    Returns:
        uint8 RGB (H', W', 3).

    Raises:
        PictureError: There is no panel, or a panel is not such a picture.

    Examples:
        >>> lr, hr = np.zeros((60, 80, 3), np.uint8), np.zeros((240, 320, 3), np.uint8)
        >>> sheet([("LR", lr), ("HR", hr)]).shape[1] > 640
        True
    """
    pictures = _same_size([_checked(label, pixels) for label, pixels in panels])
    height, width = pictures[0].shape[:2]
    gap = max(4, width // 64)
    labels = [label.split("\n") for label, _ in panels]
    total = gap + (width + gap) * len(panels)
    font = _fitting_font([line for lines in labels for line in lines], width // 16, width)
    caption_font = _fitting_font([caption], width // 12, total - 2 * gap)
    top = gap + (_line_height(caption_font) + gap if caption else 0)
    bottom = gap + max(map(len, labels)) * _line_height(font) + gap

    page = Image.new("RGB", (total, top + height + bottom), GROUND)
    draw = ImageDraw.Draw(page)
    if caption:
        _write_line(draw, caption, caption_font, (gap, gap, total - 2 * gap))
    for i, (picture, lines) in enumerate(zip(pictures, labels, strict=True)):
        left = gap + i * (width + gap)
        page.paste(Image.fromarray(picture), (left, top))
        for j, line in enumerate(lines):
            _write_line(draw, line, font, (left, top + height + gap + j * _line_height(font), width))
    return np.asarray(page)


def _checked(label: str, pixels: np.ndarray) -> np.ndarray:
    """Return a panel's pixels as RGB."""
    shape = np.shape(pixels)
    if (
        not isinstance(pixels, np.ndarray)  # pyright: ignore[reportUnnecessaryIsInstance] - callers without types
        or pixels.dtype != np.uint8
        or len(shape) != 3
        or shape[2] not in (1, 3)
    ):
        got = f"{getattr(pixels, 'dtype', type(pixels).__name__)} {shape}"
        raise PictureError(f"panel {label!r} must be a uint8 picture (H, W, 3) or (H, W, 1), not {got}")
    if not pixels.size:
        raise PictureError(f"panel {label!r} has no pixels: {shape}")
    return np.broadcast_to(pixels, (*shape[:2], 3))


def _same_size(pictures: list[np.ndarray]) -> list[np.ndarray]:
    """Enlarge pictures to the size of the largest, by nearest neighbour."""
    if not pictures:
        raise PictureError("a sheet needs at least one panel")
    height, width = max((picture.shape[:2] for picture in pictures), key=lambda size: size[0] * size[1])
    factor = -(-_NARROWEST // width)
    return [nearest(picture, height * factor, width * factor) for picture in pictures]


def nearest(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return a picture at another size, each pixel the one that its centre falls on."""
    rows = (np.arange(height) * 2 + 1) * picture.shape[0] // (2 * height)
    columns = (np.arange(width) * 2 + 1) * picture.shape[1] // (2 * width)
    return picture[rows[:, None], columns]


def _fitting_font(lines: list[str], size: int, width: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return the built-in font at `size` pixels, or smaller where a line would be wider than `width`."""
    size = min(_LARGEST_TEXT, max(_SMALLEST_TEXT, size))
    while size > _SMALLEST_TEXT and max(map(ImageFont.load_default(size).getlength, lines)) > width:
        size -= 1
    return ImageFont.load_default(size)


def _line_height(font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> int:
    """Return the distance between two lines of text in pixels."""
    box = font.getbbox("Ágy|")
    return int(np.ceil(box[3] * 1.15))


def _write_line(
    draw: ImageDraw.ImageDraw,
    text: str,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    place: tuple[int, int, int],
) -> None:
    """Draw one line in the middle of `place` (left, top, width), cut where it is too long."""
    left, top, width = place
    shown = text
    while font.getlength(shown) > width and len(shown) > 1:
        shown = shown.removesuffix("…")[:-1] + "…"
    draw.text((left + (width - font.getlength(shown)) / 2, top), shown, _INK, font)
