import os
import sys
import tempfile
from pathlib import Path

import pytest
from jaxtyping import install_import_hook

# Types and shapes are checked at run time where the maths is. Not in Keras layers: Keras reads the signature
# of `call`, which the check hides. Not where tests give wrong types on purpose. An int will do for a float.
CHECKED = [
    "keras_sr.images.color",
    "keras_sr.images.ranges",
    "keras_sr.images.resize",
    "keras_sr.inference",
    "keras_sr.losses",
    "keras_sr.tasks.batch",
]
install_import_hook(CHECKED, "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))")

# Before keras is imported anywhere: the tests say which backend, or take the default of the train extra.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as the command line has it

# On jax most of the time would go into compiling what then runs for milliseconds, often the same thing again:
# it compiles hastily, and once. Worker processes inherit the folder of the first.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "true")
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    COMPILED = tempfile.TemporaryDirectory(prefix="keras_sr_jax_", ignore_cleanup_errors=True)
    os.environ["JAX_COMPILATION_CACHE_DIR"] = COMPILED.name
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.3"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The photographs and benchmark sets: `../shared/data`, or the folder in KERAS_SR_SHARED."""
    folder = Path(os.environ.get("KERAS_SR_SHARED", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"needs the benchmark sets and photographs in {folder}, which are not there")
    return folder


@pytest.fixture(autouse=True)
def _seed():
    import numpy as np

    np.random.seed(0)  # noqa: NPY002  (keras' initialisers draw their seeds from here)


@pytest.fixture(scope="session")
def vgg_file(tmp_path_factory) -> Path:
    """A VGG19 with He-scaled random weights: its structure can be tested without a download."""
    import numpy as np

    rng, arrays, channels = np.random.default_rng(0), {}, 3
    for block, (convs, filters) in enumerate(((2, 64), (2, 128), (4, 256), (4, 512), (4, 512)), start=1):
        for conv in range(1, convs + 1):
            kernel = rng.standard_normal((3, 3, channels, filters), "float32")
            arrays[f"block{block}_conv{conv}.kernel"] = kernel * np.float32((2 / (9 * channels)) ** 0.5)
            arrays[f"block{block}_conv{conv}.bias"] = 0.1 * rng.standard_normal(filters, "float32")
            channels = filters
    path = tmp_path_factory.mktemp("vgg") / "vgg19.npz"
    np.savez(path, **arrays)
    return path


@pytest.fixture(scope="session")
def network_file(tmp_path_factory):
    """An exported network that learned nothing: x2, each channel blurred by 3x3 before the shuffle."""
    pytest.importorskip("onnx")
    import numpy as np

    from keras_sr.graphs.graph import Conv, Graph, Node, Shuffle
    from keras_sr.graphs.onnx_file import to_bytes

    kernel = np.tile(np.eye(3) / 9, (3, 3, 1, 4))
    nodes = [Node(Conv(kernel, np.zeros(12), (1, 1)), ["lr"], "a", "a"), Node(Shuffle(2), ["a"], "sr", "sr")]
    path = tmp_path_factory.mktemp("network") / "blur.onnx"
    facts = {"name": "blur", "scale": "2", "receptive_field": "1", "bytes_per_pixel": "500"}
    path.write_bytes(to_bytes(Graph(nodes), facts))
    return path


@pytest.fixture(scope="session")
def weight_file(tmp_path_factory):
    """The same network as a weight file."""
    import numpy as np

    from keras_sr.graphs.plan import Step, as_json
    from keras_sr.weights import store

    plan = [Step("conv", "a", ["lr"], "a"), Step("shuffle", "b", ["a"], "b", {"factor": 2})]
    path = tmp_path_factory.mktemp("weights") / "blur.npz"
    kernel = np.tile(np.eye(3, dtype=np.float32) / 9, (3, 3, 1, 4))
    store.save(path, {"a/kernel": kernel, "a/bias": np.zeros(12, np.float32)}, {"plan": as_json(plan)})
    return path


@pytest.fixture
def photographs(tmp_path):
    """A folder of three small pictures: RGB, grey, and one in JPEG."""
    import numpy as np
    from PIL import Image

    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (12, 16, 3), np.uint8)).save(folder / "a.png")
    Image.fromarray(rng.integers(0, 255, (9, 7), np.uint8)).save(folder / "b.png")
    Image.fromarray(rng.integers(0, 255, (20, 10, 3), np.uint8)).save(folder / "c.JPG", "JPEG")
    return folder


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the command line as a user does: returns (exit code, stdout, stderr)."""
    from keras_sr.cli import main

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["keras-sr", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as leaving:
            main()
        out, err = capsys.readouterr()
        return leaving.value.code or 0, out, err

    return call


@pytest.fixture(scope="session")
def torchvision_operators():
    """What torchvision describes of its compiled operators, even where a build could not load them."""
    torch = pytest.importorskip("torch")
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        try:
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        except RuntimeError:
            break  # they are there
    yield
    del library
