import io
import json
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageCms

from keras_sr import upscale
from keras_sr.images.plain import read_plain
from keras_sr.images.ranges import from_float
from keras_sr.images.resize import imresize
from keras_sr.inference import open_engine
from keras_sr.metrics import lr_consistency


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_one_picture_to_one_file(run, photographs, network_file, tmp_path):
    target = tmp_path / "deep" / "large.png"
    code, out, err = run("upscale", photographs / "a.png", "-o", target, "-n", network_file)
    assert (code, out) == (0, f"{target}\n")
    assert "32x24" in err
    expected = upscale(photographs / "a.png", open_engine(network_file))
    np.testing.assert_array_equal(read_plain(target).pixels, expected)


def test_a_folder_to_a_folder(run, photographs, network_file, tmp_path):
    code, out, _ = run("upscale", photographs, "-o", tmp_path / "large", "-n", network_file)
    assert code == 0
    assert names(tmp_path / "large") == ["a_x2.png", "b_x2.png", "c_x2.JPG"]
    assert out.splitlines() == [str(tmp_path / "large" / name) for name in names(tmp_path / "large")]
    assert read_plain(tmp_path / "large" / "b_x2.png").pixels.shape == (18, 14, 1)  # grey stays grey


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
    assert "overwrite an input" in err
    assert err.count("\n") == 1
    assert (photographs / "a.png").read_bytes() == before


def test_never_writes_over_a_picture_by_another_name_for_it(run, photographs, network_file, tmp_path):
    (tmp_path / "link").symlink_to(photographs, target_is_directory=True)
    target = tmp_path / "link" / "a.png"
    code, _, err = run("upscale", photographs / "a.png", "-o", target, "-n", network_file)
    assert code == 2
    assert "overwrite an input" in err


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


def test_an_empty_folder_does_not_cost_the_others(run, photographs, network_file, tmp_path):
    (tmp_path / "empty").mkdir()
    code, out, err = run(
        "upscale", tmp_path / "empty", photographs, "-o", tmp_path / "large", "-n", network_file
    )
    assert (code, len(out.splitlines())) == (0, 3)
    assert f"no picture in {tmp_path / 'empty'}" in err


@pytest.mark.parametrize("way", ["--resume", "--skip-existing"])
@pytest.mark.parametrize("inside", ["large", ""])
def test_a_batch_goes_on_where_its_results_lie_among_its_pictures(
    run, photographs, network_file, way, inside
):
    arguments = [photographs, "-r", "-o", photographs / inside, "-n", network_file]
    assert run("upscale", *arguments, way)[0] == 0
    before = names(photographs / inside)
    (photographs / inside / "b_x2.png").unlink()
    code, out, err = run("upscale", *arguments, way)
    assert code == 0, err
    assert names(photographs / inside) == before
    assert len(out.splitlines()) == 3
    assert err.count("left alone") == 2
    # Without either nothing is written over, and a folder of results is not searched.
    code, _, err = run("upscale", *arguments)
    if inside:
        assert code == 0
        assert "left out" in err
    else:
        assert code == 2
        assert "if it is from an earlier run, --resume" in err


def test_a_picture_at_the_place_of_a_result_is_not_written_over(run, photographs, network_file):
    """`a_x2.png` was there before any run: no ledger knows it."""
    (photographs / "a_x2.png").write_bytes((photographs / "b.png").read_bytes())
    before = (photographs / "a_x2.png").read_bytes()
    code, _, err = run("upscale", photographs, "-o", photographs, "-n", network_file, "--resume")
    assert code == 1
    assert "would overwrite an input picture" in err
    assert (photographs / "a_x2.png").read_bytes() == before


def test_a_map_that_is_missing_is_written_for_a_result_that_is_there(
    run, photographs, network_file, tmp_path
):
    arguments = ["upscale", photographs / "a.png", "-o", tmp_path / "large", "-n", network_file, "--resume"]
    assert run(*arguments)[0] == 0
    code, out, err = run(*arguments, "--map")
    assert code == 0
    assert "left alone" in err
    assert out.splitlines()[1] == str(tmp_path / "large" / "a_x2_map.png")
    assert run(*arguments, "--map")[1].splitlines() == [str(tmp_path / "large" / "a_x2.png")]


def test_a_report_needs_a_place(run, photographs, network_file, tmp_path):
    arguments = ["upscale", photographs / "a.png", "-o", tmp_path / "large", "-n", network_file, "--report"]
    code, out, err = run(*arguments, photographs)
    assert (code, out) == (2, "")
    assert "is a folder: give it the name of a file" in err
    code, _, err = run(*arguments, photographs / "a.png" / "report.json")
    assert code == 2
    assert "cannot write the report" in err
    assert ".part" not in err


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
    sheet = read_plain(tmp_path / "large" / "a_x2_compare.png").pixels
    assert sheet.shape[1] > 3 * 32
    assert len(out.splitlines()) == 4


def size_of(path):
    with Image.open(path) as image:
        return image.size


@pytest.mark.parametrize(
    ("arguments", "size"),
    [
        ((), (32, 24)),
        (("-s", 2), (32, 24)),
        (("-s", 3.5), (56, 42)),
        (("-s", 0.5), (8, 6)),
        (("--width", 100), (100, 75)),
        (("--height", 30), (40, 30)),
        (("--width", 10, "--height", 50), (10, 8)),
        (("--width", 10, "--height", 50, "--stretch"), (10, 50)),
        (("-s", "3x"), (48, 36)),
        (("-s", "x2"), (32, 24)),
        (("--max-megapixels", 0.0003), (20, 15)),
    ],
)
def test_any_size(run, photographs, network_file, tmp_path, arguments, size):
    target = tmp_path / "large.png"
    code, _, err = run("upscale", photographs / "a.png", "-o", target, "-n", network_file, *arguments)
    assert code == 0, err
    assert size_of(target) == size
    assert ("is bicubic" in err) == (arguments in (("-s", 3.5), ("-s", "3x")))


def test_the_size_asked_for_is_in_the_name(run, photographs, network_file, tmp_path):
    arguments = ["upscale", photographs / "a.png", "-o", tmp_path / "large", "-n", network_file]
    for size in (
        (),
        ("-s", 3.5),
        ("--width", 100),
        ("--height", 30),
        ("--width", 10, "--height", 50, "--stretch"),
    ):
        assert run(*arguments, *size)[0] == 0
    sizes = {path.name: size_of(path) for path in (tmp_path / "large").iterdir()}
    assert sizes == {
        "a_x2.png": (32, 24),
        "a_x3.5.png": (56, 42),
        "a_w100.png": (100, 75),
        "a_h30.png": (40, 30),
        "a_10x50.png": (10, 50),
    }


def test_resizing_comes_before_rounding(run, photographs, network_file, tmp_path):
    """Real-ESRGAN resizes what it has rounded to 8 bits."""
    target = tmp_path / "large.png"
    assert run("upscale", photographs / "a.png", "-o", target, "-n", network_file, "-s", 1.5)[0] == 0
    exact = upscale(photographs / "a.png", open_engine(network_file), rounded=False)
    expected = from_float(imresize(exact, size=(18, 24)))
    np.testing.assert_array_equal(read_plain(target).pixels, expected)


def test_sizes_that_make_no_sense(run, photographs, network_file, tmp_path):
    arguments = ["upscale", photographs / "a.png", "-o", tmp_path / "large.png", "-n", network_file]
    code, _, err = run(*arguments, "-s", 2, "--width", 100)
    assert code == 2
    assert "give a scale, or a width and height, not both" in err
    assert run(*arguments, "-s", 0)[0] == run(*arguments, "--width", 0)[0] == 2


def test_the_flags_of_real_esrgan(run, photographs, network_file, tmp_path):
    code, _, err = run(
        *("upscale", "-i", photographs / "a.png", "-o", tmp_path / "out", "-n", network_file, "-s", 2),
        *("-t", 64, "--tile_pad", 10, "--suffix", "out", "--ext", "jpg", "-x"),
    )
    assert code == 0, err
    assert names(tmp_path / "out") == ["a_out.jpg"]
    assert "--tile_pad is not needed" in err
    assert run("upscale", "-i", photographs / "a.png", "-o", tmp_path / "b", "--ext", "xcf")[0] == 2


def test_folders_inside_folders(run, photographs, network_file, tmp_path):
    deep = photographs / "sub" / "deep"
    deep.mkdir(parents=True)
    (deep / "ä ß 日本.png").write_bytes((photographs / "a.png").read_bytes())
    (photographs / ".hidden").mkdir()
    (photographs / ".hidden" / "x.png").write_bytes(b"")
    code, out, _ = run("upscale", photographs, "-r", "-o", tmp_path / "large", "-n", network_file)
    assert code == 0
    assert (tmp_path / "large" / "sub" / "deep" / "ä ß 日本_x2.png").is_file()
    assert len(out.splitlines()) == 4
    assert len(names(tmp_path / "large")) == 4
    # Without -r they are left alone.
    assert len(run("upscale", photographs, "-o", tmp_path / "flat", "-n", network_file)[1].splitlines()) == 3


def test_what_is_there_is_left_alone_when_asked(run, photographs, network_file, tmp_path):
    arguments = ["upscale", photographs, "-o", tmp_path / "large", "-n", network_file, "--skip-existing"]
    assert run(*arguments)[0] == 0
    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "large").iterdir()}
    (tmp_path / "large" / "b_x2.png").unlink()
    code, out, err = run(*arguments)
    assert code == 0
    assert len(out.splitlines()) == 3
    assert err.count("already exists, left alone") == 2
    same = [path for path, stamp in stamps.items() if path.stat().st_mtime_ns == stamp]
    assert sorted(path.name for path in same) == ["a_x2.png", "c_x2.JPG"]


def test_a_dry_run_writes_nothing(run, photographs, network_file, tmp_path):
    code, out, _ = run("upscale", photographs, "-o", tmp_path / "large", "-n", network_file, "--dry-run")
    assert code == 0
    assert out.splitlines()[0] == f"{photographs / 'a.png'} -> {tmp_path / 'large' / 'a_x2.png'}"
    assert not (tmp_path / "large").exists()


def test_the_report_has_a_line_for_each_picture(run, photographs, network_file, tmp_path):
    (photographs / "b.png").write_bytes(b"no picture at all")
    arguments = ["-o", tmp_path / "large", "-n", network_file, "--report", tmp_path / "report.json"]
    assert run("upscale", photographs, *arguments)[0] == 1
    report = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert {key: report[key] for key in ("total", "done", "skipped", "failed")} == {
        "total": 3,
        "done": 2,
        "skipped": 0,
        "failed": 1,
    }
    done, failed, _ = report["pictures"]
    assert (done["status"], done["size"]) == ("done", [32, 24])
    sr, lr = (read_plain(tmp_path / path).pixels for path in ("large/a_x2.png", photographs / "a.png"))
    assert done["lr_psnr"] == pytest.approx(lr_consistency(sr, lr))
    assert failed["status"] == "failed"
    assert "b.png" in failed["reason"]


def test_a_file_survives_the_command(run, network_file, tmp_path):
    """16 bits, transparency, profile, EXIF and resolution, all at once."""
    from keras_sr.images import picture as files

    exif = Image.Exif()
    exif[271] = "A camera"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    small = np.random.default_rng(0).integers(0, 255, (10, 12, 3), np.uint8)
    Image.fromarray(small).save(tmp_path / "seed.png", exif=exif, icc_profile=profile, dpi=(300, 300))
    seed = files.read(tmp_path / "seed.png")
    deep = replace(
        seed,
        pixels=seed.pixels.astype(np.uint16) * 250,
        alpha=np.arange(120, dtype=np.uint16).reshape(10, 12) * 500,
    )
    files.write(tmp_path / "a.png", deep)
    code, _, err = run("upscale", tmp_path / "a.png", "-o", tmp_path / "b.png", "-n", network_file)
    assert code == 0
    assert "left behind" not in err
    back = files.read(tmp_path / "b.png")
    assert (back.pixels.dtype, back.pixels.shape, back.alpha.shape) == (np.uint16, (20, 24, 3), (20, 24))
    assert back.metadata.profile == profile
    assert b"A camera" in back.metadata.exif
    assert back.resolution == pytest.approx((600 / 25.4, 600 / 25.4), rel=1e-2)
    code, _, err = run("upscale", tmp_path / "a.png", "-o", tmp_path / "b.jpg", "-n", network_file)
    assert code == 0
    assert "left behind: transparency (laid over white), 16 bits (rounded to 8 bits)" in err


def test_pipes(run, photographs, network_file, tmp_path, monkeypatch):
    data = (photographs / "a.png").read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    out = io.BytesIO()
    wrapped = io.TextIOWrapper(out)
    monkeypatch.setattr(sys, "argv", ["keras-sr", "upscale", "-", "-o", "-", "-n", str(network_file)])
    monkeypatch.setattr(sys, "stdout", wrapped)
    from keras_sr.cli import main

    with pytest.raises(SystemExit) as leaving:
        main()
    assert not leaving.value.code
    expected = upscale(photographs / "a.png", open_engine(network_file))
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(out.getvalue()))), expected)


def test_pipes_take_what_they_can_do_and_say_what_is_lost(
    run, photographs, network_file, tmp_path, monkeypatch
):
    (tmp_path / "keep.png").write_bytes(b"old")
    for option in ("--skip-existing", "--dry-run"):
        code, _, err = run("upscale", "-", "-o", tmp_path / "keep.png", "-n", network_file, option)
        assert code == 2
        assert "need files, not -" in err
    assert (tmp_path / "keep.png").read_bytes() == b"old"
    code, _, err = run("upscale", "-", "-n", network_file)
    assert code == 2
    assert "a picture from a pipe goes to a file" in err
    deep = np.full((8, 8, 3), 1000, np.uint16)
    data = b"P6\n8 8\n65535\n" + deep.astype(">u2").tobytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    code, out, err = run("upscale", "-", "-o", tmp_path / "a.jpg", "-n", network_file)
    assert (code, out) == (0, f"{tmp_path / 'a.jpg'}\n")
    assert "-: left behind: 16 bits (rounded to 8 bits)" in err


def test_consistency_is_not_measured_on_colours_that_nobody_sees(run, network_file, tmp_path):
    rgba = np.random.default_rng(0).integers(0, 255, (12, 16, 4), np.uint8)
    for name, alpha in (("cut", 0), ("solid", 255)):
        rgba[:, 8:, 3], rgba[:, :8, 3] = alpha, 255
        Image.fromarray(rgba).save(tmp_path / f"{name}.png")
    arguments = ["-o", tmp_path / "large", "-n", network_file, "--report", tmp_path / "report.json"]
    assert run("upscale", tmp_path / "cut.png", tmp_path / "solid.png", *arguments)[0] == 0
    cut, solid = json.loads((tmp_path / "report.json").read_text())["pictures"]
    assert cut["lr_psnr"] is None
    assert solid["lr_psnr"] > 0


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
    difference = read_plain(tmp_path / "sr.png").pixels.astype(int) - upscale(
        picture, open_engine(network_file)
    )
    assert np.abs(difference).max() <= 1


def test_ctrl_c_leaves_whole_files_only(run, photographs, network_file, tmp_path, monkeypatch):
    from keras_sr.tasks.batch import run as batch

    real = batch.enlarge

    def interrupted(picture, *arguments, **options):
        if picture.source.name == "b.png":
            raise KeyboardInterrupt
        return real(picture, *arguments, **options)

    monkeypatch.setattr(batch, "enlarge", interrupted)
    code, out, err = run("upscale", photographs, "-o", tmp_path / "large", "-n", network_file)
    assert code == 130
    assert names(tmp_path / "large") == ["a_x2.png"]
    assert len(out.splitlines()) == 1
    assert err.splitlines()[-1].startswith("keras-sr: interrupted")


def test_names_by_a_pattern(run, photographs, network_file, tmp_path):
    arguments = ["upscale", photographs, "-o", tmp_path / "large", "-n", network_file, "--pattern"]
    code, _, err = run(*arguments, "{scale}x-{stem} ({network}).{ext}")
    assert code == 0, err
    assert names(tmp_path / "large") == ["2x-a (blur).png", "2x-b (blur).png", "2x-c (blur).JPG"]
    for pattern, said in (
        ("{stem}/{stem}.png", "not a file name"),
        ("../{stem}.png", "not a file name"),
        ("{stem.__class__}", "unknown field of the pattern"),
        ("{name}.png", "stem, ext, scale, network"),
        ("{stem", "is not a pattern"),
        ("all.png", "would both become"),
    ):
        code, _, err = run(*arguments, pattern)
        assert (code, said in err) == (2, True), err


def test_globs_that_the_shell_left_alone(run, photographs, network_file, tmp_path):
    code, _, _ = run("upscale", photographs / "[ab].*", "-o", tmp_path / "large", "-n", network_file)
    assert code == 0
    assert names(tmp_path / "large") == ["a_x2.png", "b_x2.png"]
    code, _, err = run("upscale", photographs / "*.xyz", "-o", tmp_path / "large", "-n", network_file)
    assert code == 2
    assert "nothing matches" in err


def test_a_batch_goes_on_where_it_stopped(run, photographs, network_file, tmp_path):
    large = tmp_path / "large"
    arguments = ["upscale", photographs, "-r", "-o", large, "-n", network_file, "--resume"]
    assert run(*arguments)[0] == 0
    stamps = {path: path.stat().st_mtime_ns for path in large.iterdir() if path.suffix != ".jsonl"}
    assert len(stamps) == 3
    code, out, err = run(*arguments)
    assert (code, len(out.splitlines())) == (0, 3)
    assert err.count("already exists, left alone") == 3
    # One picture has changed, one result is gone.
    Image.fromarray(np.zeros((5, 5, 3), np.uint8)).save(photographs / "a.png")
    (large / "b_x2.png").unlink()
    assert run(*arguments)[2].count("left alone") == 1
    assert size_of(large / "a_x2.png") == (10, 10)
    # Another size is another result.
    arguments += ["--width", 8, "--suffix", "x2"]
    assert run(*arguments)[2].count("left alone") == 0
    assert run(*arguments, "--dry-run")[1].count("left alone") == 3
    assert set(large.iterdir()) == {*stamps, large / ".keras-sr.jsonl"}


def test_a_map_is_written(run, photographs, network_file, tmp_path):
    arguments = ["upscale", photographs / "a.png", "-o", tmp_path / "a.png", "-n", network_file, "--map"]
    code, out, _ = run(*arguments)
    assert code == 0
    assert out.splitlines() == [str(tmp_path / "a.png"), str(tmp_path / "a_map.png")]
    assert size_of(tmp_path / "a_map.png") == (32, 24)
    # No whole number of times larger: said, and the result stays.
    code, _, err = run(*arguments, "--width", 24)
    assert code == 1
    assert "no map of" in err
    assert size_of(tmp_path / "a.png") == (24, 18)
    # Where the scale is known, before anything is written.
    (tmp_path / "a.png").unlink()
    for scale in (1, 1.5):
        code, out, err = run(*arguments, "-s", scale)
        assert (code, out) == (2, "")
        assert f"--map shows what was added to LR, which takes a whole scale from 2 on, not {scale}" in err
        assert not (tmp_path / "a.png").exists()


def test_consistent_results_shrink_back(run, network_file, tmp_path):
    lr = imresize(np.random.default_rng(0).integers(90, 160, (6, 7, 3), np.uint8), 4)
    Image.fromarray(lr).save(tmp_path / "lr.png")
    reports = []
    for options in ((), ("--consistent",)):
        arguments = ["-o", tmp_path / "sr.png", "-n", network_file, "--report", tmp_path / "report.json"]
        assert run("upscale", tmp_path / "lr.png", *arguments, *options)[0] == 0
        reports.append(json.loads((tmp_path / "report.json").read_text())["pictures"][0]["lr_psnr"])
    assert reports[0] < 45
    assert reports[1] is None or reports[1] > 60  # None: no difference at all


def test_detail_needs_a_partner(run, photographs, network_file, tmp_path):
    arguments = ["upscale", photographs / "a.png", "-o", tmp_path / "a.png"]
    code, _, err = run(*arguments, "-n", network_file, "--detail", 0.5)
    assert code == 2
    assert "name the network at detail 0 with --partner" in err
    code, _, err = run(*arguments, "-n", network_file, "--partner", network_file)
    assert code == 2
    assert "give --detail" in err
    code, _, err = run(*arguments, "-n", network_file, "--detail", 0.5, "--partner", network_file)
    assert code == 0
    assert "(blur, detail 0.5)" in err
    assert run(*arguments, "-n", network_file, "--detail", 1.5)[0] == 2


def test_denoise_needs_a_network_that_keeps_noise(run, photographs, network_file, tmp_path):
    arguments = ["upscale", photographs / "a.png", "-o", tmp_path / "a.png", "-n", network_file]
    code, _, err = run(*arguments, "--denoise", 0.5)
    assert code == 2
    assert "for others, name the network at 0 with --partner" in err
    code, _, err = run(*arguments, "--denoise", 0.5, "--detail", 0.5, "--partner", network_file)
    assert code == 2
    assert "give --detail or --denoise, one of them" in err
    code, _, err = run(*arguments, "--denoise", 0.5, "--partner", network_file)
    assert code == 0
    assert "(blur, denoise 0.5)" in err
    assert run(*arguments, "--denoise", -0.5)[0] == 2


def test_pixels_on_the_disk_give_the_same_file(run, photographs, network_file, tmp_path, monkeypatch):
    from keras_sr.images import storage

    made = []
    real = storage.np.memmap
    monkeypatch.setattr(storage.np, "memmap", lambda *a, **k: made.append(a) or real(*a, **k))
    monkeypatch.setattr("keras_sr.tasks.batch.room.SHARE_OF_PIXELS", 1 << 40)
    arguments = ["upscale", photographs / "a.png", "-n", network_file, "-s", 1.5]
    assert run(*arguments, "-o", tmp_path / "disk.png")[0] == 0
    assert len(made) >= 2
    monkeypatch.undo()
    assert run(*arguments, "-o", tmp_path / "memory.png")[0] == 0
    assert (tmp_path / "disk.png").read_bytes() == (tmp_path / "memory.png").read_bytes()


@pytest.mark.slow
def test_keras_is_an_engine_too(run, photographs, tmp_path):
    arguments = ["upscale", photographs / "a.png", "-n", "compact_x2"]
    assert run(*arguments, "-o", tmp_path / "keras.png", "--engine", "keras")[0] == 0
    assert run(*arguments, "-o", tmp_path / "auto.png", "--precision", "f32")[0] == 0
    one, other = (read_plain(tmp_path / name).pixels.astype(int) for name in ("keras.png", "auto.png"))
    assert np.abs(one - other).max() <= 1
    code, _, err = run(*arguments, "-o", tmp_path / "no.png", "--engine", "keras", "--fast")
    assert code == 2
    assert "goes without" in err
