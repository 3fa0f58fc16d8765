"""How large a result is to be: a factor, a width, a height, or a limit."""

from dataclasses import dataclass
from numbers import Real

from keras_sr.errors import PictureError


@dataclass(frozen=True)
class Size:
    """A wish; at most one of `scale`, and `width` with `height`.

    Attributes:
        scale: Times the size of the picture; None takes the network's.
        width: In pixels; the height follows where it is not given.
        height: In pixels; the width follows where it is not given.
        max_pixels: The result is made smaller, not cropped, where it would have more.
        stretch: Whether a width and a height are taken as they are; else the result fits into them, and keeps
            its proportions.
    """

    scale: float | None = None
    width: int | None = None
    height: int | None = None
    max_pixels: float | None = None
    stretch: bool = False

    def __post_init__(self) -> None:
        if self.scale is not None and (self.width or self.height):
            raise PictureError("give a scale, or a width and height, not both")
        for name in ("scale", "width", "height", "max_pixels"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, Real) and 0 < float(value) < float("inf")):
                raise PictureError(f"{name} must be a number above 0, not {value!r}")

    def mark(self, network_scale: int) -> str:
        """Return what is put behind the names of results of this size.

        Examples:
            >>> Size().mark(4), Size(scale=2.5).mark(4), Size(width=800).mark(4), Size(height=600).mark(4)
            ('x4', 'x2.5', 'w800', 'h600')
            >>> Size(width=800, height=600).mark(4)
            '800x600'
        """
        if self.width and self.height:
            return f"{self.width}x{self.height}"
        if self.width or self.height:
            return f"w{self.width}" if self.width else f"h{self.height}"
        return f"x{self.scale or network_scale:g}"

    def of(self, height: int, width: int, network_scale: int) -> tuple[int, int]:
        """Return (height, width) of the result of a picture, at least 1x1.

        Examples:
            >>> Size(scale=2.5).of(30, 41, 4), Size(width=100).of(30, 40, 4)
            ((75, 103), (75, 100))
            >>> Size(width=90, height=90).of(30, 40, 4), Size(width=90, height=90, stretch=True).of(30, 40, 4)
            ((68, 90), (90, 90))
        """
        if self.width or self.height:
            factor_y = self.height / height if self.height else self.width / width if self.width else 1.0
            factor_x = self.width / width if self.width else factor_y
            if not self.stretch:
                factor_y = factor_x = min(factor_y, factor_x)
        else:
            factor_y = factor_x = float(self.scale or network_scale)
        rows, columns = height * factor_y, width * factor_x
        if self.max_pixels and rows * columns > self.max_pixels:
            shrink = (self.max_pixels / (rows * columns)) ** 0.5
            # Downwards, so that the limit holds.
            return max(1, int(rows * shrink)), max(1, int(columns * shrink))
        return max(1, int(rows + 0.5)), max(1, int(columns + 0.5))
