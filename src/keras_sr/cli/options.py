"""From the parameters that errors speak of to the options of the command line."""

import re

#: Parameters of Python functions as they stand in errors, in backticks, and the options that set them.
OPTIONS = {
    "max_pixels=None": "--no-limit",
    "max_memory": "--max-memory",
    "resume=True": "--resume",
    "resume=False": "--no-resume",
    "resume": "--resume",
    "skip_existing=True": "--skip-existing",
    "skip_existing": "--skip-existing",
    "map": "--map",
    "manifest": "--manifest",
    "shard": "--shard",
    "cluster": "--ray",
    "detail": "--detail",
    "denoise": "--denoise",
    "partner": "--partner",
    "consistent": "--consistent",
    "engine=keras": "--engine keras",
    "precision": "--precision (or --fast)",
    "threads": "--threads",
    "quick=True": "--quick",
    "start_from": "--start-from",
    "out": "--out",
    "reference": "--reference",
    "anchor=False": "--no-anchor",
    "data": "--data",
    "devices": "--devices",
    "settings": "--set",
    "evaluate": "--evaluate",
    "patience": "--patience",
    "crop": "--set crop",
    "protocol=custom": "--protocol custom",
    "channel": "--channel",
    "round_y": "--round-y",
    "crop_border": "--crop-border",
}


def in_options(text: str) -> str:
    """Return a text with options in the places of parameters.

    Examples:
        >>> in_options("if you want it, allow it with `max_pixels=None`")
        'if you want it, allow it with --no-limit'
        >>> in_options("add `quick=True`, or `normalization=none`")
        'add --quick, or --set normalization=none'
    """
    return re.sub(r"`(\w+)(=[^`]+)?`", _option, text)


def _option(found: re.Match) -> str:
    """Return the option for a parameter; one with a value that has none is a field of a recipe."""
    whole = found[0].strip("`")
    if whole in OPTIONS or found[1] in OPTIONS:
        return OPTIONS.get(whole, OPTIONS.get(found[1], ""))
    return f"--set {whole}" if found[2] else found[0]
