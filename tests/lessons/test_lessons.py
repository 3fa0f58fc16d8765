import importlib.metadata

import numpy as np
import pytest

from keras_sr import lessons
from keras_sr.errors import DataError, KerasSRError, WeightsError
from keras_sr.weights import registry

keras = pytest.importorskip("keras")
pytest.importorskip("matplotlib", reason="needs the notebooks extra")
pytest.importorskip("skimage", reason="needs the notebooks extra")
pytest.importorskip("IPython", reason="needs the notebooks extra")


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """A reader with nothing of their own, in smoke mode."""
    for name in ("KERAS_SR_PHOTOS", "KERAS_SR_BENCHMARK", "KERAS_SR_VGG19", "KERAS_SR_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KERAS_SR_SMOKE", "1")
    monkeypatch.setenv("KERAS_SR_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_anything_of_ones_own_there_are_samples(reader, capsys):
    lesson = lessons.start("srresnet_mse")
    said = capsys.readouterr().out
    assert "no GPU" in said or "a GPU" in said
    assert "samples that come with scikit-image" in said
    assert str(reader) not in said
    assert lesson.smoke
    assert lesson.steps(1000) == 4
    assert sorted(path.name for path in (lesson.benchmark / "HR").iterdir()) == [
        "astronaut.png",
        "chelsea.png",
    ]
    assert not set(lesson.photos.names) & {"astronaut", "chelsea"}


def test_a_folder_of_the_readers_own_is_taken(reader, capsys):
    from keras_sr.images.plain import write_plain

    write_plain(reader / "mine" / "cat.png", lessons.sample("chelsea"))
    lesson = lessons.start(photos="mine", benchmark="mine")
    assert len(lesson.photos) == 1
    assert lesson.benchmark.name == "mine"
    assert "your folder mine" in capsys.readouterr().out


def test_a_folder_that_is_not_there_says_so(reader):
    with pytest.raises(DataError, match="nowhere"):
        lessons.start(photos="nowhere")
    with pytest.raises(DataError, match="neither a folder nor a known set"):
        lessons.start(benchmark="nowhere")


def test_a_missing_package_says_what_to_install(reader, monkeypatch):
    from keras_sr.lessons import first_cell

    there = first_cell.find_spec
    monkeypatch.setattr(first_cell, "find_spec", lambda name: None if name == "matplotlib" else there(name))
    with pytest.raises(KerasSRError, match=r"matplotlib: pip install -e '\.\[notebooks\]' in a clone"):
        lessons.start()


def test_an_old_keras_says_what_to_do(reader, monkeypatch):
    from keras_sr.lessons import first_cell

    real = importlib.metadata.version
    monkeypatch.setattr(first_cell, "version", lambda name: "3.4.1" if name == "keras" else real(name))
    with pytest.raises(KerasSRError, match=r"Keras 3\.4\.1 is too old.*3\.15.*pip install --upgrade keras"):
        lessons.start()


def test_welcome_names_what_is_missing(reader, monkeypatch, capsys):
    from keras_sr.lessons import first_cell

    monkeypatch.setattr(first_cell, "find_spec", lambda name: None)
    lessons.welcome()
    said = capsys.readouterr().out
    assert "pip install 'keras-sr[keras,notebooks]'" in said
    assert "none; pip install tensorflow" in said


def test_vgg_that_cannot_be_had_is_one_sentence(reader, monkeypatch):
    def offline(**kwargs):
        raise Exception("URL fetch failure")

    monkeypatch.setattr(keras.applications, "VGG19", offline)
    monkeypatch.setenv("KERAS_SR_SMOKE", "0")
    with pytest.raises(WeightsError, match=r"connect to the internet once, or set .* KERAS_SR_VGG19"):
        lessons.start(vgg=True)


def test_smoke_mode_has_random_vgg_and_says_so(reader, capsys):
    from keras_sr.models import vgg19_features

    lesson = lessons.start(vgg=True)
    assert "random weights" in capsys.readouterr().out
    assert vgg19_features(("block1_conv2",), weights=lesson.vgg_weights).output_shape[-1] == 64


def test_shipped_takes_the_weights_of_the_name_as_soon_as_they_ship(reader, monkeypatch, capsys):
    name, network = lessons.shipped("srgan_of_tomorrow")
    assert name == "compact_x4"
    assert "not shipped yet" in capsys.readouterr().out
    assert network.name == "compact"
    # Weights of that name, here compact's own under another.
    files = reader / "files"
    files.mkdir()
    for suffix in (".npz", ".json"):
        (files / f"srgan_of_tomorrow_x4{suffix}").write_bytes(
            (registry.FILES / f"compact_x4{suffix}").read_bytes()
        )
    monkeypatch.setattr(registry, "FILES", files)
    monkeypatch.setattr(registry, "NAMES", (*registry.NAMES, "srgan_of_tomorrow_x4"))
    assert lessons.shipped("srgan_of_tomorrow")[0] == "srgan_of_tomorrow_x4"
    assert "not shipped" not in capsys.readouterr().out


def test_the_table_has_bicubic_ours_and_the_papers_word(reader):
    from keras_sr.evaluation.score import bicubic

    lesson = lessons.start("srresnet_mse")
    table = lessons.compare(lesson.benchmark, {"bicubic again": bicubic(4)}, "srresnet_mse")
    rows = table.splitlines()
    assert rows[1].split()[1:] == rows[2].split()[2:]
    assert "32.05 dB" in rows[-1]
    assert "no figures for srresnet_vgg54" in lessons.compare(lesson.benchmark, {}, "srresnet_vgg54")


@pytest.mark.shared
def test_sets_that_are_there_stand_in_the_table_with_the_papers_row(reader, shared_data, monkeypatch):
    monkeypatch.setenv("KERAS_SR_DATA", str(shared_data / "benchmark"))
    lesson = lessons.start("srgan_vgg54")
    head, bicubic, paper = lessons.compare(lesson.benchmark, {}, "srgan_vgg54").splitlines()
    assert "Set5" in head
    assert "28.43 / 0.8111" in bicubic
    assert paper.split()[:2] == ["the", "paper's"]
    assert "29.40" in paper


def test_later_lessons_start_from_lesson_1_or_train_it(reader, capsys):
    from keras_sr.models import srresnet

    lesson = lessons.start("srgan_mse")
    first, second = srresnet(4, **lesson.small), srresnet(4, **lesson.small)
    assert "instead" in lessons.base_weights(lesson, first)
    assert "lesson 01" in lessons.base_weights(lesson, second)
    for a, b in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_pictures_for_the_page_are_small_and_have_words(reader):
    lesson = lessons.start()
    from keras_sr.data.batches import Batches

    lr, hr = Batches(lesson.photos, batch_size=4, hr_crop=64)[0]
    shown = lessons.show_batch(lr, hr)
    assert shown.format == "jpeg"
    assert "LR beside HR" in shown.alt
    assert len(shown.data) < 2e5
    curve = lessons.curves([{"step": 1, "a": 2.0}, {"step": 2, "a": 1.0}], {"a": "a loss", "b": "nothing"})
    assert curve.data.startswith(b"\x89PNG")


def test_every_public_name_is_there():
    assert all(callable(getattr(lessons, name)) for name in lessons.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        lessons.nothing  # noqa: B018
