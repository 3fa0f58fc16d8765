"""One odd picture stops no batch, nothing is skipped in silence, and what cannot work is known early."""

import json
import os
import stat
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import keras_sr
from keras_sr.errors import KerasSRError, PictureError


class Nearest:
    """An engine of one's own: five facts and `run`."""

    name, scale, receptive_field, bytes_per_pixel, frame = "nearest", 2, 1, 100, 0

    def __init__(self, scale=2):
        self.runs, self.scale = 0, scale

    def run(self, batch):
        self.runs += 1
        return batch.repeat(self.scale, axis=1).repeat(self.scale, axis=2)


def picture(path, height=12, width=16, **more):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(len(path.name)).integers(0, 256, (height, width, 3), np.uint8)
    Image.fromarray(pixels).save(path, **more)


def rows(*arguments, engine=None, **options):
    return list(keras_sr.upscale_files(*arguments, engine or Nearest(), **options))


def test_what_is_not_read_is_a_line_and_counts_in_the_report(tmp_path):
    picture(tmp_path / "in" / "a.png")
    (tmp_path / "in" / "b.psd").write_bytes(b"8BPS\0\1" + bytes(40))
    (tmp_path / "in" / "c.NEF").write_bytes(b"II*\0" + bytes(40))
    (tmp_path / "in" / "d.dds").write_bytes(b"DDS \x7c" + bytes(40))
    (tmp_path / "in" / "notes.txt").write_text("no picture")
    picture(tmp_path / "in" / "e.jpg")
    (tmp_path / "in" / "e.jpg").rename(tmp_path / "in" / "e.jpg_large")
    told = rows(tmp_path / "in", tmp_path / "out", report=tmp_path / "report.json")
    status = {row.job.source.name: row.status for row in told}
    assert status == {
        "a.png": "done",
        "b.psd": "failed",
        "c.NEF": "failed",
        "d.dds": "failed",
        "e.jpg_large": "failed",
    }
    reasons = " ".join(row.reason for row in told)
    for part in ("Photoshop is not read", "raw photograph is not read", "DDS is not read", "JPEG by another"):
        assert part in reasons
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["total"], report["done"], report["failed"]) == (5, 1, 4)


@pytest.mark.parametrize("suffix", [".heic", ".jxl"])
def test_pictures_of_phones_are_taken_from_folders(shared_data, tmp_path, suffix):
    folder = tmp_path / "in"
    folder.mkdir()
    if suffix == ".heic":
        data = (shared_data / "strangers" / "60_phone.heic").read_bytes()
        (folder / "a.heic").write_bytes(data)
    else:
        from pillow_jxl import JpegXLImagePlugin  # noqa: F401  (registers itself)

        picture(folder / "a.jxl", lossless=True)
    (row,) = rows(folder, tmp_path / "out")
    assert (row.status, row.job.target.name) == ("done", "a_x2.png")


def test_pictures_that_would_become_one_file_have_their_ending_in_the_name(tmp_path):
    for name in ("cat.jpg", "cat.png", "dog.jfif", "dog.png", "cow.jpg", "cow.jpeg"):
        picture(tmp_path / "in" / name, format="JPEG" if name != "cat.png" else "PNG")
    told = rows(tmp_path / "in", tmp_path / "out", extension="png")
    assert {row.job.source.name: row.job.target.name for row in told} == {
        "cat.jpg": "cat_jpg_x2.png",
        "cat.png": "cat_x2.png",
        "dog.jfif": "dog_jfif_x2.png",
        "dog.png": "dog_x2.png",
        "cow.jpg": "cow_jpg_x2.png",
        "cow.jpeg": "cow_jpeg_x2.png",
    }
    assert all(row.ok for row in told)


def test_two_pictures_that_cannot_be_told_apart_fail_alone(tmp_path):
    for name in ("one/cat.png", "two/cat.png", "one/dog.png"):
        picture(tmp_path / name)
    sources = [tmp_path / "one" / "cat.png", tmp_path / "two" / "cat.png", tmp_path / "one" / "dog.png"]
    told = rows(sources, tmp_path / "out")
    assert [row.status for row in told] == ["failed", "failed", "done"]
    assert "would both become" in told[0].reason
    with pytest.raises(PictureError, match="would both become"):
        rows(sources[:2], tmp_path / "out")


@pytest.mark.skipif(os.name != "posix", reason="no such names elsewhere")
def test_a_name_with_a_backslash_fails_alone(tmp_path):
    picture(tmp_path / "in" / "a.png")
    picture(tmp_path / "in" / "back\\slash.png")
    told = rows(tmp_path / "in", tmp_path / "out")
    assert sorted((row.job.source.name, row.status) for row in told) == [
        ("a.png", "done"),
        ("back\\slash.png", "failed"),
    ]


@pytest.mark.parametrize(
    ("suffix", "width"), [("webp", 8200), ("avif", 8200), ("jpg", 33_000), ("gif", 33_000)]
)
def test_a_result_too_large_for_its_format_is_refused_before_the_network_runs(tmp_path, suffix, width):
    picture(tmp_path / "in" / "a.png", 1, width)
    picture(tmp_path / "in" / "b.png")
    engine = Nearest()
    told = rows(tmp_path / "in" / "a.png", tmp_path / "out", engine=engine, extension=suffix)
    assert engine.runs == 0
    assert f"{suffix} does not take {2 * width}x2 pixels" in told[0].reason
    assert [row.status for row in rows(tmp_path / "in", tmp_path / "out", extension=suffix)] == [
        "failed",
        "done",
    ]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_known_before_the_work(tmp_path):
    picture(tmp_path / "in" / "a.png")
    (tmp_path / "out").mkdir(mode=0o500)
    engine = Nearest()
    (row,) = rows(tmp_path / "in", tmp_path / "out", engine=engine)
    assert row.reason.startswith("cannot write")
    assert engine.runs == 0


def test_a_file_in_the_place_of_the_folder_is_known_before_the_work(tmp_path):
    picture(tmp_path / "in" / "a.png")
    (tmp_path / "out").write_text("a file")
    engine = Nearest()
    (row,) = rows(tmp_path / "in", tmp_path / "out" / "deep", engine=engine)
    assert row.reason.startswith("cannot write")
    assert engine.runs == 0


def test_results_of_an_earlier_run_are_not_enlarged_again(network_file, tmp_path, caplog):
    picture(tmp_path / "a.png")
    picture(tmp_path / "deep" / "b.png")
    network = keras_sr.open_network(network_file, engine="openvino", precision="f32")
    first = rows(tmp_path, tmp_path / "results", engine=network, recursive=True)
    second = rows(tmp_path, tmp_path / "results", engine=network, recursive=True, scale=3)
    assert len(first) == len(second) == 2
    assert "where results go" in caplog.text
    third = rows(tmp_path, tmp_path / "elsewhere", engine=network, recursive=True)
    assert [row.job.source for row in third] == [row.job.source for row in first]
    assert "results of an earlier run" in caplog.text


@pytest.mark.skipif(os.name != "posix", reason="links need rights elsewhere")
def test_links_to_folders_are_followed_once(tmp_path):
    picture(tmp_path / "photos" / "a.png")
    picture(tmp_path / "away" / "b.png")
    (tmp_path / "photos" / "link").symlink_to(tmp_path / "away")
    (tmp_path / "away" / "round").symlink_to(tmp_path / "photos")
    told = rows(tmp_path / "photos", tmp_path / "out", recursive=True)
    assert sorted(row.job.source.name for row in told) == ["a.png", "b.png"]


def test_resume_goes_on_after_a_run_that_was_started_without_it(network_file, tmp_path):
    for name in "abc":
        picture(tmp_path / "in" / f"{name}.png")
    network = keras_sr.open_network(network_file, engine="openvino", precision="f32")
    rows(tmp_path / "in", tmp_path / "out", engine=network)
    told = rows(tmp_path / "in", tmp_path / "out", engine=network, resume=True)
    assert [row.status for row in told] == ["skipped"] * 3
    other = rows(tmp_path / "in", tmp_path / "out", engine=network, resume=True, quality=50)
    assert [row.status for row in other] == ["done"] * 3


@pytest.mark.skipif(os.name != "posix", reason="rights are other ones elsewhere")
def test_a_result_is_as_private_as_its_picture_and_a_link_stays_one(tmp_path):
    picture(tmp_path / "a.png")
    (tmp_path / "a.png").chmod(0o600)
    os.utime(tmp_path / "a.png", (1e9, 1e9))
    (tmp_path / "real").mkdir()
    (tmp_path / "large.png").symlink_to(tmp_path / "real" / "large.png")
    (row,) = rows(tmp_path / "a.png", tmp_path / "large.png", keep_dates=True)
    assert row.ok
    assert (tmp_path / "large.png").is_symlink()
    real = (tmp_path / "real" / "large.png").stat()
    assert stat.S_IMODE(real.st_mode) == 0o600
    assert real.st_mtime == 1e9


def test_proportions_are_kept_unless_told_otherwise(tmp_path):
    picture(tmp_path / "a.png", 12, 16)
    assert rows(tmp_path / "a.png", tmp_path / "b.png", width=100, height=100)[0].size == (100, 75)
    more = {"width": 100, "height": 100, "stretch": True}
    assert rows(tmp_path / "a.png", tmp_path / "c.png", **more)[0].size == (100, 100)


def test_a_width_takes_the_network_that_its_factor_takes(tmp_path):
    from keras_sr.tasks.batch.asked import largest_factor
    from keras_sr.tasks.batch.size import Size

    picture(tmp_path / "a.png", 12, 16)
    assert largest_factor([tmp_path], Size(width=32)) == 2
    assert largest_factor([tmp_path / "a.png"], Size(height=36)) == 3
    assert largest_factor([tmp_path], Size()) is None
    assert largest_factor([tmp_path], Size(scale=2.5)) == 2.5


# --- textures


@pytest.fixture(scope="module")
def compact():
    return keras_sr.open_network("compact_x4", engine="openvino", precision="f32")


@pytest.mark.parametrize(("scale", "most"), [(4, 0), (2, 1)])
def test_a_texture_that_tiles_still_tiles(shared_data, tmp_path, compact, scale, most):
    """Where a texture is cut makes no difference to it."""
    with Image.open(shared_data / "strangers" / "10_seamless.png") as image:
        texture = np.asarray(image.convert("RGB"))

    def apart(wrap):
        made = []
        for shift in (0, 12):
            Image.fromarray(np.roll(texture, (shift, shift), (0, 1))).save(tmp_path / "a.png")
            rows(tmp_path / "a.png", tmp_path / "b.png", engine=compact, scale=scale, wrap=wrap)
            with Image.open(tmp_path / "b.png") as image:
                made.append(np.asarray(image).astype(int))
        return np.abs(np.roll(made[0], (scale * 12, scale * 12), (0, 1)) - made[1]).max()

    assert apart(True) <= most + 1
    assert apart(False) > 5


def test_the_directions_of_a_normal_map_keep_their_length(tmp_path, compact):
    yy, xx = np.mgrid[-1:1:32j, -1:1:32j]
    z = np.sqrt(np.clip(1 - xx**2 - yy**2, 0, None))
    directions = np.dstack([np.where(z > 0, xx, 0), np.where(z > 0, yy, 0), np.where(z > 0, z, 1)])
    Image.fromarray(np.round((directions / 2 + 0.5) * 255).astype(np.uint8)).save(tmp_path / "a.png")
    for normal_map in (False, True):
        rows(tmp_path / "a.png", tmp_path / "b.png", engine=compact, normal_map=normal_map)
        back = np.asarray(Image.open(tmp_path / "b.png")).astype(float) / 255 * 2 - 1
        off = np.abs(np.sqrt((back**2).sum(axis=2)) - 1)
        assert (off.max() < 0.012) == normal_map


def test_colours_under_alpha_that_is_data_are_enlarged_like_others(shared_data, tmp_path, compact):
    source = shared_data / "strangers" / "20_gloss_mask.png"
    with Image.open(source) as image:
        opaque = image.convert("RGB")
    opaque.save(tmp_path / "rgb.png")
    rows(source, tmp_path / "a.png", engine=compact, alpha_is_data=True)
    rows(tmp_path / "rgb.png", tmp_path / "b.png", engine=compact)
    with Image.open(tmp_path / "a.png") as image, Image.open(tmp_path / "b.png") as wanted:
        np.testing.assert_array_equal(np.asarray(image)[..., :3], np.asarray(wanted))
    (row,) = rows(source, tmp_path / "a.jpg", engine=compact, alpha_is_data=True)
    assert "alpha (data)" in row.lost


def test_a_saved_selection_runs_beside_rgb(shared_data, tmp_path, compact):
    import tifffile

    source = shared_data / "strangers" / "40_rgb_selection.tif"
    rows(source, tmp_path / "a.tif", engine=compact)
    Image.fromarray(tifffile.imread(source)[..., :3]).save(tmp_path / "rgb.png")
    rows(tmp_path / "rgb.png", tmp_path / "b.png", engine=compact)
    made = tifffile.imread(tmp_path / "a.tif")
    np.testing.assert_array_equal(made[..., :3], np.asarray(Image.open(tmp_path / "b.png")))


# --- the sheet


def test_a_sheet_fits_on_a_screen_and_shows_where_the_network_differs(tmp_path):
    pixels = np.full((900, 1200, 3), 120, np.uint8)
    pixels[600:640, 800:860] = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    (row,) = rows(tmp_path / "a.png", tmp_path / "b.png", engine=Nearest(), compare=True)
    (sheet,) = row.extras
    with Image.open(sheet) as image:
        assert image.width <= 1920
        assert image.height <= 1080
        # The patch is shown, first of all.
        assert np.asarray(image)[:300].std() > 40


def test_options_that_need_whole_numbers_are_checked(tmp_path):
    picture(tmp_path / "a.png")
    with pytest.raises(KerasSRError):
        rows(tmp_path / "a.png", tmp_path / "b.png", width=0)
    assert not Path(tmp_path / "b.png").exists()


def test_what_has_to_be_whole_in_memory_is_refused_where_memory_is_promised(tmp_path):
    """WebP and AVIF have no rows; of a turned or progressive JPEG none is there before all are."""
    picture(tmp_path / "a.png", 500, 700)
    picture(tmp_path / "b.jpg", 500, 700)
    engine = Nearest(4)
    told = rows([tmp_path / "a.png"], tmp_path / "out", engine=engine, extension="webp", max_memory=40)
    assert engine.runs == 0
    assert "in memory whole while it is written, some 117 MB, and `max_memory` leaves" in told[0].reason
    for suffix in ("jpg", "png", "tif"):
        (row,) = rows(tmp_path / "b.jpg", tmp_path / "out", engine=engine, extension=suffix, max_memory=40)
        assert row.status == "done"
    # What fits makes tiles smaller instead.
    engine.runs, engine.bytes_per_pixel = 0, 700
    (row,) = rows(tmp_path / "a.png", tmp_path / "out2", engine=engine, extension="webp", max_memory=200)
    assert row.status == "done"
    # Nobody promised anything: it is written.
    (row,) = rows(tmp_path / "a.png", tmp_path / "out3", engine=engine, extension="webp")
    assert row.status == "done"


@pytest.mark.parametrize("suffix", ["bmp", "tga", "ppm", "qoi", "jp2", "webp", "gif", "avif"])
def test_pictures_that_are_read_whole_go_to_the_disk_when_there_is_no_room(tmp_path, suffix):
    from keras_sr.images.picture import header, read
    from keras_sr.images.storage import Room, Storage

    picture(tmp_path / f"a.{suffix}", 20, 30)
    whole = read(tmp_path / f"a.{suffix}")
    storage = Storage(0, tmp_path, Room(1 << 20), promised=True)
    on_disk = read(tmp_path / f"a.{suffix}", storage=storage)
    assert isinstance(on_disk.pixels, np.memmap)
    np.testing.assert_array_equal(on_disk.pixels, whole.pixels)
    said = header(tmp_path / f"a.{suffix}")
    assert (said.height, said.width) == (20, 30)
    assert said.memory >= 20 * 30 * 4
    with pytest.raises(PictureError, match="it has to be in memory whole while it is read"):
        read(tmp_path / f"a.{suffix}", storage=Storage(0, tmp_path, Room(1000), promised=True))


@pytest.mark.parametrize(
    ("name", "options", "whole"),
    [
        ("a.jpg", {}, False),
        ("a.jpg", {"progressive": True}, True),
        ("a.jpg", {"exif": b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0"}, True),
        ("a.png", {}, False),
        ("a.tif", {}, False),
    ],
)
def test_the_header_knows_what_is_read_in_rows(tmp_path, name, options, whole):
    from keras_sr.images.picture import header

    picture(tmp_path / name, 40, 60, **options)
    assert (header(tmp_path / name).memory > 0) == whole


def test_what_is_called_like_a_picture_and_is_no_file_is_a_line(tmp_path):
    picture(tmp_path / "in" / "a.png")
    (tmp_path / "in" / "dead.png").symlink_to("nowhere.png")
    os.mkfifo(tmp_path / "in" / "pipe.png")
    os.mkfifo(tmp_path / "in" / "pipe")
    told = rows(tmp_path / "in", tmp_path / "out")
    assert {row.job.source.name: row.status for row in told} == {
        "a.png": "done",
        "dead.png": "failed",
        "pipe.png": "failed",
    }
    reasons = sorted(row.reason for row in told if row.status == "failed")
    assert "a device or a pipe" in reasons[1]
    assert "it is a broken link" in reasons[0]


def test_a_folder_that_cannot_be_looked_into_is_a_line(tmp_path, monkeypatch):
    picture(tmp_path / "in" / "a.png")
    picture(tmp_path / "in" / "shut" / "b.png")
    look = os.scandir

    def shut(folder="."):
        if Path(folder).name == "shut":
            raise PermissionError(13, "Permission denied")
        return look(folder)

    monkeypatch.setattr(os, "scandir", shut)
    told = rows(tmp_path / "in", tmp_path / "out", recursive=True)
    assert [row.status for row in told] == ["done", "failed"]
    assert "shut': the folder cannot be opened" in told[1].reason
    with pytest.raises(PictureError, match=r"cannot open .*: Permission denied"):
        rows(tmp_path / "in" / "shut", tmp_path / "out")


def test_resume_follows_one_picture_to_one_file(network_file, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    picture(tmp_path / "a.png")
    first = rows(tmp_path / "a.png", tmp_path / "one.png", engine=network_file)
    again = rows(tmp_path / "a.png", tmp_path / "one.png", engine=network_file, resume=True)
    other = rows(tmp_path / "a.png", tmp_path / "one.png", engine=network_file, resume=True, wrap=True)
    assert [row[0].status for row in (first, again, other)] == ["done", "skipped", "done"]


def test_what_is_left_out_is_said_once(run, network_file, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    picture(tmp_path / "in" / "a.png")
    run("upscale", tmp_path / "in", "-o", tmp_path / "in" / "large", "-n", network_file)
    code, _, err = run("upscale", tmp_path / "in", "-r", "-o", tmp_path / "in" / "x", "-n", network_file)
    assert code == 0
    assert err.count("left out the results of an earlier run") == 1


@pytest.mark.parametrize("name", ["a.gpr", "b.kra", "c.xpm", "d.dpx", "e.vtf", "f.jls", "g.mng", "nameless"])
def test_pictures_of_any_other_kind_are_a_line(tmp_path, name):
    picture(tmp_path / "in" / "a.png")
    (tmp_path / "in" / name).write_bytes(b"8BPS\0\1" + bytes(40))
    told = rows(tmp_path / "in", tmp_path / "out")
    assert [row.status for row in told] == ["done", "failed"]
    assert "is not read" in told[1].reason


@pytest.mark.skipif(os.name != "posix", reason="links need rights elsewhere")
def test_a_folder_comes_before_a_link_to_it(tmp_path):
    picture(tmp_path / "in" / "sub" / "a.png")
    (tmp_path / "in" / "link").symlink_to("sub")
    (row,) = rows(tmp_path / "in", tmp_path / "out", recursive=True)
    assert row.job.target == tmp_path / "out" / "sub" / "a_x2.png"


def test_an_output_that_ends_with_a_slash_is_never_a_file(tmp_path):
    picture(tmp_path / "a.png")
    picture(tmp_path / "mine.png")
    before = (tmp_path / "mine.png").read_bytes()
    with pytest.raises(PictureError, match="is not a folder but a file"):
        rows(tmp_path / "a.png", f"{tmp_path / 'mine.png'}/")
    assert (tmp_path / "mine.png").read_bytes() == before


def test_a_file_in_the_place_of_the_folder_is_called_so(tmp_path):
    picture(tmp_path / "a.png")
    (tmp_path / "out").write_text("a file")
    (row,) = rows(tmp_path / "a.png", tmp_path / "out" / "a.png")
    assert row.reason.endswith("Not a directory")


def test_a_report_that_cannot_be_written_is_known_before_the_work(tmp_path):
    picture(tmp_path / "a.png")
    picture(tmp_path / "other.jpg")
    before = (tmp_path / "other.jpg").read_bytes()
    engine = Nearest()
    for report, why in (("other.jpg", "called like a picture"), ("a.png/report.json", "Not a directory")):
        with pytest.raises(KerasSRError, match=why):
            rows(tmp_path / "a.png", tmp_path / "out", report=tmp_path / report, engine=engine)
    assert engine.runs == 0
    assert (tmp_path / "other.jpg").read_bytes() == before


def test_a_quality_that_means_nothing_is_said(tmp_path, caplog):
    picture(tmp_path / "a.png")
    rows(tmp_path / "a.png", tmp_path / "a.jpg", quality=50)
    assert caplog.text == ""
    rows(tmp_path / "a.png", tmp_path / "b.png", quality=50)
    assert "the quality is of JPEG, WebP and AVIF: .png has none" in caplog.text
