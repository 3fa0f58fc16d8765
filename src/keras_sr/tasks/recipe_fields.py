"""List the fields of a recipe for the terminal and the documentation: name, value, range, meaning."""

import textwrap
from collections.abc import Iterator
from typing import cast

from keras_sr.training.recipe import RULES, Recipe

_DEFAULTS = {name: Recipe.__dataclass_fields__[name].default for name in RULES if name != "name"}


def fields_as_lines(recipe: Recipe | None = None) -> Iterator[str]:
    """Yield lines on every field that `settings` may change.

    Args:
        recipe: The recipe whose values are shown; None shows the defaults.
    """
    for name, default in _DEFAULTS.items():
        rule = RULES[name]
        if rule.part:
            yield f"{rule.part}:"
        value = _as_setting(getattr(recipe, name) if recipe else default)
        yield f"  {name}={value}" + (f"   ({rule.range})" if rule.range else "")
        yield textwrap.fill(
            rule.meaning.replace("`", ""), 96, initial_indent=" " * 6, subsequent_indent=" " * 6
        )


def as_markdown() -> str:
    """Return tables of all fields with their defaults, one for each part of a recipe."""
    lines: list[str] = []
    for name, default in _DEFAULTS.items():
        rule = RULES[name]
        if rule.part:
            lines += ["", f"## {rule.part}", "", "| field | default | may be | |", "|---|---|---|---|"]
        elif not lines:
            lines += ["| field | default | may be | |", "|---|---|---|---|"]
        shown = f"`{_as_setting(default)}`" if _as_setting(default) else ""
        lines.append(f"| `{name}` | {shown} | {rule.range} | {rule.meaning} |")
    return "\n".join(lines) + "\n"


def _as_setting(value: object) -> str:
    """Return a value as `settings` takes it.

    Examples:
        >>> _as_setting(("block1_conv2", "block2_conv2")), _as_setting(False), _as_setting(1e-4)
        ('block1_conv2,block2_conv2', 'false', '0.0001')
    """
    if isinstance(value, tuple):
        return ",".join(map(_as_setting, cast("tuple[object, ...]", value)))
    return str(value).lower() if isinstance(value, bool) else str(value)
