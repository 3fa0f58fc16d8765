"""What can go wrong with a picture or a place for it: a clear line or the right result, and nothing lost.

Also elsewhere: output equal to input, a file where a folder has to be, folders without pictures
(test_upscale_command.py), damage of every kind and format (test_fuzz.py, images/test_picture.py).
"""

import io
import json
import os
import resource
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from keras_sr import upscale
from keras_sr.images import picture as files
from keras_sr.images.picture import WRITTEN, Picture
from keras_sr.inference import open_engine

RNG = np.random.default_rng(0)


def noise(*shape):
    return RNG.integers(0, 256, shape, np.uint8)


def names(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def png_header(width, height):
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def tiff_of(values):
    from keras_sr.images.picture import encode

    data = io.BytesIO()
    encode(data, ".tif", Picture(np.full((5, 6, 3), 0.5, np.float32) * values), "x")
    return data.getvalue()


BAD = {
    "empty.png": b"",
    "one byte.png": b"\x89",
    "text.png": b"this is no picture\n" * 20,
    "program.png": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n",
    "vector.png": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
    "archive.jpg": b"PK\x03\x04" + bytes(60),
    "zero width.png": png_header(0, 5),
    "zero size.png": png_header(0, 0),
    "zero size.ppm": b"P6 0 0 255\n",
    "zero size.gif": b"GIF89a" + bytes(7) + b";",
    "zero height.bmp": b"BM"
    + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, 4, 0, 1, 24, 0, 0, 0, 0, 0, 0),
    "bomb.png": png_header(100_000, 100_000),
    "nan.tif": tiff_of(np.array([1, np.nan, 1], np.float32)),
    "infinite.tif": tiff_of(np.array([1, 1, np.inf], np.float32)),
}


#: What has to be said of some of them.
SAID = {
    "empty.png": "0 bytes",
    "bomb.png": "10000 million pixels",
    "nan.tif": "NaN",
    "infinite.tif": "infinity",
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_one_line_each(run, tmp_path, network_file, name):
    (tmp_path / name).write_bytes(BAD[name])
    target = tmp_path / "out" / "large.png"
    code, out, err = run("upscale", tmp_path / name, "-o", target, "-n", network_file)
    assert (code, out) == (1, "")
    said, count = err.splitlines()
    assert said.startswith(f"keras-sr: cannot read '{tmp_path / name}': ")
    assert SAID.get(name, "") in said
    assert count == "keras-sr: 1 of 1 pictures failed"
    assert not target.exists()
    assert (tmp_path / name).read_bytes() == BAD[name]


def test_all_of_them_in_one_folder_cost_nothing(run, tmp_path, network_file):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for name, data in BAD.items():
        (folder / name).write_bytes(data)
    Image.fromarray(noise(6, 5, 3)).save(folder / "good.png")
    (folder / "folder.png").mkdir()
    (folder / "dangling.png").symlink_to("nowhere")
    os.mkfifo(folder / "pipe.png")  # reading it would wait for ever
    code, printed, _ = run("upscale", folder, "-o", out, "-n", network_file, "--report", tmp_path / "r.json")
    assert (code, printed) == (1, f"{out / 'good_x2.png'}\n")
    assert names(out) == ["good_x2.png"]
    report = json.loads((tmp_path / "r.json").read_text("utf-8"))
    # The link and the pipe are lines, too; the folder is not asked for.
    assert (report["total"], report["done"], report["failed"]) == (len(BAD) + 3, 1, len(BAD) + 2)


@pytest.mark.parametrize("suffix", sorted(WRITTEN))
@pytest.mark.parametrize("size", [(1, 1), (1, 10_000), (10_000, 1)])
def test_tiny_and_long_pictures(run, tmp_path, network_file, suffix, size):
    bands = 1 if suffix == ".pgm" else 3
    Image.fromarray(noise(*size, bands).squeeze(2) if bands == 1 else noise(*size, 3)).save(
        tmp_path / "a.png"
    )
    target = tmp_path / f"b{suffix}"
    code, _, err = run("upscale", tmp_path / "a.png", "-o", target, "-n", network_file)
    if max(size) > 5000 and suffix in (".webp", ".avif"):  # they end at 16,383 and 16,384 pixels
        assert code == 1
        assert f"{suffix[1:]} does not take {2 * size[1]}x{2 * size[0]} pixels" in err
        assert "damaged" not in err
        assert names(tmp_path) == ["a.png"]
        return
    assert code == 0, err
    assert files.read(target).pixels.shape[:2] == (2 * size[0], 2 * size[1])
    if suffix == ".png":
        expected = upscale(tmp_path / "a.png", open_engine(network_file))
        np.testing.assert_array_equal(files.read(target).pixels, expected)


def test_the_content_decides_and_not_the_name(run, tmp_path, network_file):
    given = noise(8, 9, 3)
    Image.fromarray(given).save(tmp_path / "really png.jpg", "PNG")
    target = tmp_path / "b.png"
    assert run("upscale", tmp_path / "really png.jpg", "-o", target, "-n", network_file)[0] == 0
    np.testing.assert_array_equal(files.read(target).pixels, upscale(given, open_engine(network_file)))


def test_an_empty_pipe(run, network_file, monkeypatch):
    import io

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    code, _, err = run("upscale", "-", "-o", "-", "-n", network_file)
    assert code != 0
    assert err == "keras-sr: cannot read the picture: the file is empty (0 bytes)\n"


def test_a_folder_in_the_place_of_a_result(run, photographs, network_file, tmp_path):
    (tmp_path / "out" / "a_x2.png").mkdir(parents=True)
    code, out, err = run("upscale", photographs, "-o", tmp_path / "out", "-n", network_file)
    assert code == 1
    assert "cannot write" in err
    assert len(out.splitlines()) == 2
    assert names(tmp_path / "out") == ["a_x2.png", "b_x2.png", "c_x2.JPG"]


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs a file system that takes no files")
def test_a_place_that_takes_no_files(run, photographs, network_file):
    code, out, err = run("upscale", photographs, "-o", "/proc/keras-sr", "-n", network_file)
    assert (code, out) == (1, "")
    assert err.count("cannot write '/proc/keras-sr/") == 3


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission(run, photographs, network_file, tmp_path):
    (tmp_path / "out").mkdir(mode=0o500)
    code, out, err = run("upscale", photographs, "-o", tmp_path / "out", "-n", network_file)
    assert (code, out) == (1, "")
    assert err.count("Permission denied") == 3


def process(*arguments, stdout=subprocess.PIPE, largest=None):
    """Run the command as a process, in which no file can become larger than `largest` bytes."""

    def limit():
        if largest:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))

    command = [sys.executable, "-m", "keras_sr", "upscale", *map(str, arguments)]
    return subprocess.run(
        command,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        errors="backslashreplace",
        preexec_fn=limit,
        # Python 3.11 takes a file of bytecode that was cut off there for a whole one, at every later start.
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg", ".bmp"])
def test_a_disk_that_is_full(tmp_path, network_file, suffix):
    """As on a full disk, the system takes the beginning of a file and refuses the rest."""
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for name, side in (("a", 4), ("b", 120), ("c", 4)):
        Image.fromarray(noise(side, side, 3)).save(folder / f"{name}{suffix}")
    out.mkdir()
    (out / f"b_x2{suffix}").write_bytes(b"what was there before")
    done = process(folder, "-o", out, "-n", network_file, largest=5000)
    assert done.returncode == 1, done.stderr
    assert f"cannot write '{out / f'b_x2{suffix}'}': " in done.stderr
    assert "damaged" not in done.stderr
    assert names(out) == [f"{name}_x2{suffix}" for name in "abc"]
    assert (out / f"b_x2{suffix}").read_bytes() == b"what was there before"
    for name in "ac":
        assert files.read(out / f"{name}_x2{suffix}").pixels.shape == (8, 8, 3)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("target", ["-", "large.png"])
def test_standard_output_that_is_full(tmp_path, network_file, target):
    Image.fromarray(noise(5, 5, 3)).save(tmp_path / "a.png")
    target = target if target == "-" else tmp_path / target
    with open("/dev/full", "w") as full:
        done = process(tmp_path / "a.png", "-o", target, "-n", network_file, stdout=full)
    assert done.returncode not in (0, 1)
    assert done.stderr.splitlines()[-1].startswith("keras-sr: ")
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr
    assert [name for name in names(tmp_path) if name.endswith(".part")] == []


# === Names ===


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_name_that_is_no_utf8(tmp_path, network_file):
    folder = tmp_path / "in"
    folder.mkdir()
    good = noise(5, 5, 3)
    for name in (b"a.png", b"caf\xe9.png", b"z.bmp"):
        Image.fromarray(good).save(os.fsdecode(os.fsencode(folder) + b"/" + name))
    report = tmp_path / "report.json"
    done = process(folder, "-o", tmp_path / "out", "-n", network_file, "--report", report)
    assert done.returncode == 0, done.stderr
    assert sorted(os.listdir(os.fsencode(tmp_path / "out"))) == [b"a_x2.png", b"caf\xe9_x2.png", b"z_x2.bmp"]
    assert json.loads(report.read_bytes().decode("utf-8", "surrogateescape"))["done"] == 3


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_name_gives_no_orders_to_the_terminal(run, tmp_path, network_file):
    name = "red\x1b[31m\nkeras-sr: all is well \u202egnp.png"
    Image.fromarray(noise(5, 5, 3)).save(tmp_path / name)
    code, out, err = run("upscale", tmp_path / name, "-o", tmp_path / "out", "-n", network_file)
    assert (code, err.count("\n")) == (0, 1)
    assert r"red\x1b[31m\nkeras-sr: all is well \u202egnp.png" in err
    # Programs get the path as it is.
    assert os.path.exists(out.removesuffix("\n"))


@pytest.mark.parametrize("letter", ["x", "é"])
def test_a_name_as_long_as_can_be(run, tmp_path, network_file, letter):
    """The mark _x2 would make it longer than the 255 bytes that file systems take."""
    folder = tmp_path / "in"
    folder.mkdir()
    name = letter * (251 // len(letter.encode())) + ".png"
    Image.fromarray(noise(5, 5, 3)).save(folder / name)
    code, out, err = run("upscale", folder, "-o", tmp_path / "out", "-n", network_file)
    assert code == 0, err
    (result,) = names(tmp_path / "out")
    assert out == f"{tmp_path / 'out' / result}\n"
    assert result.endswith(f"{letter}_x2.png")


def test_a_link_that_goes_round_in_circles(run, tmp_path, photographs, network_file):
    (tmp_path / "loop.png").symlink_to("loop.png")
    inputs = [tmp_path / "loop.png", photographs / "a.png"]
    code, _, err = run("upscale", *inputs, "-o", tmp_path / "out", "-n", network_file)
    assert code == 1
    assert "loop.png" in err
    assert names(tmp_path / "out") == ["a_x2.png"]


# === Nothing that is read is written over, and nothing leaves the output folder ===


def test_a_report_never_replaces_a_picture(run, photographs, network_file, tmp_path):
    before = (photographs / "a.png").read_bytes()
    arguments = ("upscale", photographs / "a.png", "-n", network_file)
    code, _, err = run(*arguments, "-o", tmp_path / "b.png", "--report", photographs / "a.png")
    assert code == 2
    assert "report" in err
    assert (photographs / "a.png").read_bytes() == before
    assert run(*arguments, "-o", tmp_path / "b.png", "--report", tmp_path / "b.png")[0] == 2


def test_a_sheet_never_replaces_a_picture(run, photographs, network_file):
    other = photographs / "a_x2_compare.png"
    other.write_bytes((photographs / "b.png").read_bytes())
    before = other.read_bytes()
    inputs = [photographs / "a.png", other]
    code, _, err = run("upscale", *inputs, "-o", photographs, "-n", network_file, "--compare")
    assert code == 1
    assert "a_x2_compare.png" in err
    assert other.read_bytes() == before


@pytest.mark.parametrize("suffix", ["/../../../evil", "a/b"])
def test_a_suffix_does_not_lead_out_of_the_folder(run, photographs, network_file, tmp_path, suffix):
    out = tmp_path / "deep" / "out"
    code, _, err = run("upscale", photographs / "a.png", "-o", out, "-n", network_file, "--suffix", suffix)
    assert code == 2
    assert "suffix" in err
    assert list(tmp_path.rglob("*evil*")) == []


@pytest.mark.parametrize("name", ["large.heic", "large.jxl", "large.psd"])
def test_a_format_that_is_not_written_is_no_folder(run, photographs, network_file, tmp_path, name):
    code, _, err = run("upscale", photographs / "a.png", "-o", tmp_path / name, "-n", network_file)
    assert code == 2
    assert name in err
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("scale", ["nan", "inf"])
def test_a_scale_that_is_no_number(run, photographs, network_file, tmp_path, scale):
    code, _, err = run(
        "upscale", photographs / "a.png", "-o", tmp_path / "b.png", "-n", network_file, "-s", scale
    )
    assert code == 2
    assert "scale must be" in err


def test_a_size_beyond_all_memory_is_refused_at_once(run, photographs, network_file, tmp_path):
    arguments = ("-o", tmp_path / "b.png", "-n", network_file, "--width", 100_000_000)
    code, _, err = run("upscale", photographs / "a.png", *arguments)
    assert code in (1, 2)
    assert "million pixels" in err
