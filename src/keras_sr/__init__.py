"""Single-image super-resolution with GANs in Keras 3.

Names are imported when they are used, so `import keras_sr` is instant and needs no framework.
"""

from importlib import import_module

from keras_sr.registration import register

__version__ = "0.1.0"

#: name: module that holds it
PUBLIC = {
    "BSD100_Evaluator": "keras_sr.evaluation.superresgan",
    "BSD100_evaluate": "keras_sr.evaluation.superresgan",
    "BenchmarkCallback": "keras_sr.evaluation.callback",
    "COCOBatchGenerator": "keras_sr.data.coco",
    "benchmark": "keras_sr.tasks.benchmark",
    "deprocess_HR": "keras_sr.data.superresgan",
    "deprocess_LR": "keras_sr.data.superresgan",
    "imresize": "keras_sr.images.resize",
    "load": "keras_sr.weights.load",
    "preprocess_HR": "keras_sr.data.superresgan",
    "preprocess_LR": "keras_sr.data.superresgan",
    "open_network": "keras_sr.tasks.networks",
    "register_degradation": "keras_sr.tasks.own",
    "register_generator": "keras_sr.tasks.own",
    "register_loss": "keras_sr.tasks.own",
    "register_metric": "keras_sr.tasks.own",
    "register_recipe": "keras_sr.tasks.own",
    "train": "keras_sr.tasks.train",
    "upscale": "keras_sr.tasks.upscale",
    "upscale_files": "keras_sr.tasks.upscale",
}

__all__ = ["__version__", *PUBLIC]


register()


def __getattr__(name: str) -> object:
    if name not in PUBLIC:
        raise AttributeError(f"module 'keras_sr' has no attribute {name!r}")
    return getattr(import_module(PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
