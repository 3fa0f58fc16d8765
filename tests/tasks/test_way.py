"""`resume` keeps a result only where nothing that decides about its pixels has changed."""

import inspect
from dataclasses import fields, replace

import pytest

from keras_sr.tasks.batch.size import Size
from keras_sr.tasks.networks import open_network
from keras_sr.tasks.upscale import upscale_files
from keras_sr.tasks.way import NetworkChoice, Way

#: What does not change a pixel: where results go, which are made, and how the machine is used.
NO_PIXELS = {
    *(
        "inputs",
        "output",
        "network",
        "recursive",
        "manifest",
        "shard",
        "cluster",
        "suffix",
        "extension",
        "pattern",
        "skip_existing",
        "resume",
    ),
    *(
        "report",
        "dry_run",
        "compare",
        "map",
        "max_memory",
        "tile",
        "max_pixels",
        "progress",
        "stop",
        "threads",
        "keep_dates",
    ),
}
#: What decides about pixels, and the field of `Way` that it ends up in.
PIXELS = {
    **dict.fromkeys(("scale", "width", "height", "max_megapixels", "stretch"), "size"),
    **dict.fromkeys(("wrap", "normal_map", "alpha_is_data", "accept_damaged", "quality"), "look"),
    **dict.fromkeys(("name", "partner"), "weights"),
    **dict.fromkeys(("engine", "precision"), "runs_on"),
    **{name: name for name in ("detail", "denoise", "self_ensemble", "consistent")},
}


def options(function):
    return set(inspect.signature(function).parameters)


def test_every_option_decides_about_pixels_or_does_not():
    known = options(open_network) | options(upscale_files)
    assert known == NO_PIXELS | set(PIXELS)
    assert not NO_PIXELS & set(PIXELS)
    assert set(PIXELS.values()) <= {field.name for kind in (Way, NetworkChoice) for field in fields(kind)}


def other(value):
    """Return another value of the same kind."""
    return {
        bool: lambda: not value,
        float: lambda: value / 2,
        str: lambda: f"{value}!",
        tuple: lambda: ("x",),
    }[type(value)]()


CHOICE = NetworkChoice(("a", "b", "c"), "openvino f32", 0.5, 0.5)


@pytest.mark.parametrize("field", [field.name for field in fields(NetworkChoice)])
def test_any_change_of_the_network_is_another_way(field):
    changed = replace(CHOICE, **{field: other(getattr(CHOICE, field))})
    assert Way(changed, Size()).digest() != Way(CHOICE, Size()).digest()


@pytest.mark.parametrize("size", [Size(2.0), Size(width=9), Size(height=9), Size(max_pixels=9.0)])
def test_any_change_of_the_size_is_another_way(size):
    assert Way(CHOICE, size).digest() != Way(CHOICE, Size()).digest()


def test_the_same_way_is_the_same_on_every_machine():
    assert Way(CHOICE, Size()).digest() == Way(replace(CHOICE), Size()).digest()
    assert Way(CHOICE, Size()).digest().startswith("6e00b1087273")
