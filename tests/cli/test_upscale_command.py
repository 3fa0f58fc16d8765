import numpy as np
from PIL import Image

from keras_sr.images.io import read
from keras_sr.inference import open_engine, upscale


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_one_picture_to_one_file(run, photographs, network_file, tmp_path):
    target = tmp_path / "deep" / "large.png"
    code, out, err = run("upscale", photographs / "a.png", "-o", target, "-n", network_file)
    assert (code, out) == (0, f"{target}\n")
    assert "32x24" in err
    expected = upscale(photographs / "a.png", open_engine(network_file))
    np.testing.assert_array_equal(read(target).pixels, expected)


def test_a_folder_to_a_folder(run, photographs, network_file, tmp_path):
    code, out, _ = run("upscale", photographs, "-o", tmp_path / "large", "-n", network_file)
    assert code == 0
    assert names(tmp_path / "large") == ["a_x2.png", "b_x2.png", "c_x2.JPG"]
    assert out.splitlines() == [str(tmp_path / "large" / name) for name in names(tmp_path / "large")]
    assert read(tmp_path / "large" / "b_x2.png").pixels.shape == (18, 14, 1)  # grey stays grey


def test_one_broken_picture_does_not_cost_the_others(run, photographs, network_file, tmp_path):
    (photographs / "b.png").write_bytes(b"no picture at all")
    code, out, err = run("upscale", photographs, "-o", tmp_path / "large", "-n", network_file)
    assert code == 1
    assert names(tmp_path / "large") == ["a_x2.png", "c_x2.JPG"]
    assert len(out.splitlines()) == 2
    assert [line for line in err.splitlines() if "b.png" in line and line.startswith("keras-sr: cannot read")]
    assert "1 of 3 pictures failed" in err


def test_a_missing_picture_is_reported(run, photographs, network_file, tmp_path):
    inputs = [photographs / "a.png", photographs / "none.png"]
    code, _, err = run("upscale", *inputs, "-o", tmp_path / "large", "-n", network_file)
    assert code == 1
    assert "none.png" in err
    assert names(tmp_path / "large") == ["a_x2.png"]


def test_never_writes_over_a_picture_that_is_read(run, photographs, network_file):
    before = (photographs / "a.png").read_bytes()
    code, out, err = run("upscale", photographs / "a.png", "-o", photographs / "a.png", "-n", network_file)
    assert (code, out) == (2, "")
    assert err.startswith("keras-sr: ")
    assert "written over" in err
    assert err.count("\n") == 1
    assert (photographs / "a.png").read_bytes() == before


def test_never_writes_over_a_picture_by_another_name_for_it(run, photographs, network_file, tmp_path):
    (tmp_path / "link").symlink_to(photographs, target_is_directory=True)
    target = tmp_path / "link" / "a.png"
    code, _, err = run("upscale", photographs / "a.png", "-o", target, "-n", network_file)
    assert code == 2
    assert "written over" in err


def test_two_pictures_never_become_one_file(run, photographs, network_file, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.png").write_bytes((photographs / "a.png").read_bytes())
    inputs = [photographs / "a.png", other / "a.png"]
    code, _, err = run("upscale", *inputs, "-o", tmp_path / "large", "-n", network_file)
    assert code == 2
    assert "would both become" in err
    assert not (tmp_path / "large").exists()


def test_several_pictures_need_a_folder(run, photographs, network_file, tmp_path):
    code, _, err = run("upscale", photographs, "-o", tmp_path / "all.png", "-n", network_file)
    assert code == 2
    assert "several pictures need a folder" in err


def test_a_folder_without_pictures(run, network_file, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("no picture")
    code, _, err = run("upscale", tmp_path / "empty", "-o", tmp_path / "large", "-n", network_file)
    assert code == 2
    assert "no picture in" in err


def test_a_place_that_cannot_be_written(run, photographs, network_file, tmp_path):
    (tmp_path / "file").write_text("in the way")
    target = tmp_path / "file" / "large.png"
    code, out, err = run("upscale", photographs / "a.png", "-o", target, "-n", network_file)
    assert (code, out) == (1, "")
    assert "cannot write" in err


def test_compare_writes_a_labelled_sheet(run, photographs, network_file, tmp_path):
    arguments = ["-o", tmp_path / "large", "-n", network_file, "--compare"]
    code, out, _ = run("upscale", photographs / "a.png", photographs / "b.png", *arguments)
    assert code == 0
    assert names(tmp_path / "large") == ["a_x2.png", "a_x2_compare.png", "b_x2.png", "b_x2_compare.png"]
    sheet = read(tmp_path / "large" / "a_x2_compare.png").pixels
    assert sheet.shape[1] > 3 * 32
    assert len(out.splitlines()) == 4


def test_scale_has_to_fit_the_network(run, photographs, network_file, tmp_path):
    arguments = ["upscale", photographs / "a.png", "-o", tmp_path / "large.png", "-n", network_file]
    code, _, err = run(*arguments, "--scale", 4)
    assert code == 2
    assert "network blur enlarges x2, not x4" in err
    assert run(*arguments, "--scale", 2)[0] == 0


def test_unknown_networks_and_engines_list_the_known_ones(run, photographs, network_file, tmp_path):
    arguments = ["upscale", photographs / "a.png", "-o", tmp_path / "large.png"]
    code, _, err = run(*arguments, "-n", "compakt")
    assert code == 2
    assert "compact_x4" in err
    code, _, err = run(*arguments, "-n", network_file, "--engine", "tensorrt")
    assert code == 2
    assert "auto, openvino, onnxruntime" in err
    code, _, err = run(*arguments, "-n", tmp_path / "none.onnx")
    assert code == 2
    assert "no weight file" in err
    assert not (tmp_path / "large.png").exists()


def test_small_memory_and_one_thread_give_the_same_picture(run, network_file, tmp_path):
    picture = np.random.default_rng(0).integers(0, 255, (90, 80, 3), np.uint8)
    Image.fromarray(picture).save(tmp_path / "lr.png")
    arguments = ["--threads", 1, "--max-memory", 1, "--engine", "openvino"]
    code, _, _ = run(
        "upscale", tmp_path / "lr.png", "-o", tmp_path / "sr.png", "-n", network_file, *arguments
    )
    assert code == 0
    difference = read(tmp_path / "sr.png").pixels.astype(int) - upscale(picture, open_engine(network_file))
    assert np.abs(difference).max() <= 1


def test_ctrl_c_leaves_whole_files_only(run, photographs, network_file, tmp_path, monkeypatch):
    from keras_sr.inference import jobs

    real = jobs.upscale

    def interrupted(picture, *arguments, **options):
        if picture.source.name == "b.png":
            raise KeyboardInterrupt
        return real(picture, *arguments, **options)

    monkeypatch.setattr(jobs, "upscale", interrupted)
    code, out, err = run("upscale", photographs, "-o", tmp_path / "large", "-n", network_file)
    assert code == 130
    assert names(tmp_path / "large") == ["a_x2.png"]
    assert len(out.splitlines()) == 1
    assert err.splitlines()[-1].startswith("keras-sr: interrupted")
