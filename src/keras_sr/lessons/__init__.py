"""What the notebooks share and none of them is about: checks, pictures to learn from, sheets, curves, tables.

    from keras_sr import lessons

    lesson = lessons.start("srresnet_mse")

The networks, losses and steps are not here: each notebook shows the library's own source and runs it.
Names are imported when they are used: `start` has to choose the backend before Keras is imported.
"""

from importlib import import_module

#: name: module of this package that holds it
PUBLIC = {
    "Lesson": "first_cell",
    "start": "first_cell",
    "welcome": "first_cell",
    "benchmark_folder": "pictures",
    "sample": "pictures",
    "training_pictures": "pictures",
    "curves": "show",
    "panels": "show",
    "pixels": "show",
    "show_batch": "show",
    "faces": "show",
    "sheets": "show",
    "summary": "show",
    "base_weights": "training",
    "enlarge": "training",
    "jit": "training",
    "optimizer": "training",
    "save_base": "training",
    "train": "training",
    "compare": "tables",
    "published_row": "tables",
    "shipped": "tables",
}

__all__ = [*PUBLIC]


def __getattr__(name: str) -> object:
    if name not in PUBLIC:
        raise AttributeError(f"module 'keras_sr.lessons' has no attribute {name!r}")
    return getattr(import_module(f"keras_sr.lessons.{PUBLIC[name]}"), name)


def __dir__() -> list[str]:
    return sorted(PUBLIC)
