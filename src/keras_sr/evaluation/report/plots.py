"""Two plots as SVG: perception against distortion, and what a model gains on each picture."""

from dataclasses import dataclass
from html import escape

#: Size of the plot in its own units; the page scales it.
WIDTH, HEIGHT = 440, 340
LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 12, 44


@dataclass(frozen=True)
class Point:
    """A method in the plot."""

    name: str
    x: float
    y: float
    ours: bool


def scatter(points: list[Point], x_title: str, y_title: str) -> str:
    """Draw methods by PSNR (to the right is better) and a perceptual distance (lower is better)."""
    xs, ys = axis([p.x for p in points]), axis([p.y for p in points])

    def at(point: Point) -> tuple[float, float]:
        return _place_x(point.x, xs), _place_y(point.y, ys)

    parts = [frame(xs, ys, x_title, y_title)]
    parts.append(
        f'<text x="{WIDTH - _RIGHT - 8}" y="{HEIGHT - _BOTTOM - 10}" text-anchor="end">better ↘</text>'
    )
    taken: list[tuple[float, float, float, float]] = []
    circles = [at(point) for point in points]
    for point, (x, y) in zip(points, circles, strict=True):
        kind = "ours" if point.ours else "theirs"
        parts.append(
            f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="5">'
            f"<title>{escape(point.name)}: {point.x:.2f}, {point.y:.3f}</title></circle>"
        )
        box = free_place(x, y, len(point.name), taken, circles)
        taken.append(box)
        parts.append(
            f'<text class="label {kind}" x="{box[0]:.1f}" y="{box[1] + 11:.1f}">{escape(point.name)}</text>'
        )
    return _svg(parts, f"{y_title} against {x_title}")


def free_place(
    x: float,
    y: float,
    letters: int,
    taken: list[tuple[float, float, float, float]],
    circles: list[tuple[float, float]],
) -> tuple[float, float, float, float]:
    """Return (left, top, right, bottom) for a label near a point: the first place that is free."""
    width, height = 7.6 * letters, 14.0
    places = [(x + 9, y - 7), (x - 9 - width, y - 7)]
    for step in range(1, 8):
        for sign in (-1, 1):
            away = sign * step * 13
            places += [(x + 9, y - 7 + away), (x - 9 - width, y - 7 + away), (x - width / 2, y - 7 + away)]
    boxes = [(left, top, left + width, top + height) for left, top in places]
    inside = [
        b for b in boxes if b[0] >= LEFT and b[2] <= WIDTH - 4 and b[1] >= 2 and b[3] <= HEIGHT - _BOTTOM
    ]
    for box in inside:
        apart = all(box[2] < t[0] or t[2] < box[0] or box[3] < t[1] or t[3] < box[1] for t in taken)
        if apart and not any(box[0] - 5 < cx < box[2] + 5 and box[1] < cy < box[3] for cx, cy in circles):
            return box
    return inside[0] if inside else boxes[0]


def bars(values: list[tuple[str, float]], unit: str) -> str:
    """Draw one horizontal bar a picture, largest first, as a list in the page: it scrolls and can be read."""
    most = max((abs(value) for _, value in values), default=0) or 1.0
    rows: list[str] = []
    for name, value in sorted(values, key=lambda pair: (-pair[1], pair[0])):
        share = 50 * abs(value) / most
        start = 50 - share if value < 0 else 50
        rows.append(
            f'<li><span class="name">{escape(name)}</span>'
            f'<span class="bar"><i class="{"less" if value < 0 else "more"}" '
            f'style="left:{start:.1f}%;width:{share:.1f}%"></i></span>'
            f'<span class="value">{value:+.2f} {escape(unit)}</span></li>'
        )
    return f'<ol class="bars">{"".join(rows)}</ol>'


def axis(values: list[float]) -> list[float]:
    """Return round values from below the least to above the largest, for the ticks of an axis."""
    low, high = min(values), max(values)
    span = high - low or abs(high) * 0.1 or 1.0
    low, high = low - 0.08 * span, high + 0.08 * span
    step = next(
        unit * 10.0**power
        for power in range(-6, 6)
        for unit in (1, 2, 5)
        if (high - low) / (unit * 10.0**power) <= 6
    )
    first, last = int(low // step), int(-(-high // step))
    return [round(step * i, 9) for i in range(first, last + 1)]


def _place_x(value: float, ticks: list[float]) -> float:
    """Return where a value lies from left to right."""
    return LEFT + (WIDTH - LEFT - _RIGHT) * (value - ticks[0]) / (ticks[-1] - ticks[0])


def _place_y(value: float, ticks: list[float]) -> float:
    """Return where a value lies from the top, the largest above."""
    return _TOP + (HEIGHT - _TOP - _BOTTOM) * (ticks[-1] - value) / (ticks[-1] - ticks[0])


def frame(xs: list[float], ys: list[float], x_title: str, y_title: str) -> str:
    """Draw axes with ticks and titles."""
    parts: list[str] = []
    for tick in xs:
        x = _place_x(tick, xs)
        parts.append(f'<line class="grid" x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{HEIGHT - _BOTTOM}"/>')
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - _BOTTOM + 16}" text-anchor="middle">{tick:g}</text>')
    for tick in ys:
        y = _place_y(tick, ys)
        parts.append(f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - _RIGHT}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    parts.append(
        f'<text x="{(LEFT + WIDTH) / 2:.0f}" y="{HEIGHT - 8}" text-anchor="middle">{escape(x_title)}</text>'
    )
    middle = (_TOP + HEIGHT - _BOTTOM) / 2
    parts.append(
        f'<text transform="rotate(-90 14 {middle:.0f})" x="14" y="{middle:.0f}" text-anchor="middle">'
        f"{escape(y_title)}</text>"
    )
    return "".join(parts)


def _svg(parts: list[str], title: str) -> str:
    """Put a drawing together."""
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title, quote=True)}">'
        f"{''.join(parts)}</svg>"
    )
