"""Damaged picture files by the thousand through `keras-sr upscale`: none may stop a batch, none may get lost.

    python benchmarks/fuzz_files.py
    python benchmarks/fuzz_files.py --files 10000 --seed 1 --keep damaged/

Small pictures of every format that is read (8 and 16 bits, grey, palette, alpha, interlaced, CMYK, EXIF
orientation, strips, tiles, floats, pages, frames) are cut off, have bits turned over, fields of their
headers overwritten with huge numbers, parts swapped or doubled, rubbish put behind them, the wrong suffix.
Folders of them go through the real command. Every file must end as one of two things:

    done      its result is there, whole, and can be read
    refused   one line in the report says why

and not as one of these:

    crashed   the command died by a signal, with a traceback or another exit code, or hung
    lost      the input has changed, a result cannot be read, or half of one lies about
    silent    the report does not speak of it
    odd       the reason is no sentence of ours but a Python error, or a warning was printed

`--keep` saves the files that crashed or got lost. The slowest files are run once more, alone.
"""

import argparse
import hashlib
import io
import json
import os
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, PngImagePlugin

from keras_sr.images.picture import import_vips, read

#: Seconds after which a batch counts as hung.
PATIENCE = 600

#: Written over four bytes of headers: sizes that are nothing, huge, negative, or just too large.
SIZES = (0, 1, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 60_000, 16_384, 100_000)

#: How reasons begin that were written for people.
OURS = ("cannot read", "cannot write", "the result would have", "its floats go")

#: What a file may be called, whatever is in it.
SUFFIXES = (
    "png",
    "jpg",
    "tif",
    "webp",
    "gif",
    "avif",
    "bmp",
    "ppm",
    "tga",
    "jp2",
    "qoi",
    "PNG",
    "jpeg",
    "pgm",
    "heic",
    "jxl",
    "jfif",
)


@dataclass
class Counts:
    """What became of the files."""

    done: int = 0
    refused: int = 0
    crashed: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)
    #: How often each reason was given that is no sentence of ours but a Python error, and each warning.
    odd: Counter = field(default_factory=Counter)
    #: (seconds until the next line was said, name): a first guess at the slowest.
    slow: list[tuple[float, str]] = field(default_factory=list)

    @property
    def wrong(self) -> int:
        """How much went wrong."""
        return len(self.crashed) + len(self.lost) + len(self.silent) + self.odd.total()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--batch", type=int, default=100, help="files a command")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--network", default="compact_x2", help="name or .onnx file")
    parser.add_argument("--keep", type=Path, help="copy the files that crashed or got lost to this folder")
    parser.add_argument("--json", type=Path, default=Path(__file__).parent / "results" / "fuzz_files.json")
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    kinds, counts, started = seeds(rng), Counts(), time.perf_counter()
    made: dict[str, bytes] = {}
    for number in range(options.files):
        name, data = damaged(number, kinds, rng)
        made[name] = data
    names = list(made)
    for start in range(0, len(names), options.batch):
        batch = {name: made[name] for name in names[start : start + options.batch]}
        through_the_command(batch, options.network, counts)
        if sys.stderr.isatty():
            print(f"\r{min(start + options.batch, len(names))} files", end="", file=sys.stderr)
    slowest = alone(counts, made, options.network)
    seconds = time.perf_counter() - started
    tell(options, counts, made, slowest, seconds)
    raise SystemExit(1 if counts.wrong else 0)


def tell(options: argparse.Namespace, counts: Counts, made: dict, slowest: list, seconds: float) -> None:
    """Print the counts, keep what went wrong, write the JSON."""
    print(
        f"{options.files} files (seed {options.seed}) in {seconds:.0f} s: {counts.done} done, "
        f"{counts.refused} refused, {len(counts.crashed)} crashed, {len(counts.lost)} lost, "
        f"{len(counts.silent)} silent, {counts.odd.total()} odd"
    )
    for line in (*counts.crashed, *counts.lost, *counts.silent):
        print(f"  {line}")
    for reason, times in counts.odd.most_common():
        print(f"  odd, {times} x: {reason}")
    for name, own in slowest:
        print(f"  slow: {name}, {own:.2f} s alone, start of the command taken off")
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
        for line in (*counts.crashed, *counts.lost, *counts.silent):
            name = line.partition(":")[0]
            if name in made:
                (options.keep / name).write_bytes(made[name])
    plain = {"files": options.files, "seed": options.seed, "done": counts.done, "refused": counts.refused}
    plain |= {
        "crashed": len(counts.crashed),
        "lost": len(counts.lost),
        "silent": len(counts.silent),
        "odd": counts.odd,
        "slowest": slowest,
    }
    options.json.parent.mkdir(exist_ok=True)
    options.json.write_text(json.dumps(plain, indent=1) + "\n")


# === Whole files ===


def seeds(rng: np.random.Generator) -> list[tuple[str, bytes]]:
    """Return (suffix, bytes) of small pictures: every format that is read, every kind of it."""
    rgb = Image.fromarray(rng.integers(0, 256, (24, 32, 3), np.uint8))
    rgba = Image.fromarray(rng.integers(0, 256, (24, 32, 4), np.uint8))
    deep = Image.fromarray(rng.integers(0, 65536, (24, 32), np.uint16))
    frames = [Image.fromarray(rng.integers(0, 256, (24, 32, 3), np.uint8)) for _ in range(3)]
    moving = {"save_all": True, "append_images": frames[1:], "duration": 80}
    exif = Image.Exif()
    exif[271], exif[274] = "A camera", 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    wanted = [
        *[("png", image, "PNG", {}) for image in (rgb, rgb.convert("L"), rgba, deep, rgb.convert("1"))],
        ("png", rgb.quantize(16), "PNG", {"transparency": 3}),
        ("png", rgb, "PNG", {"exif": exif, "icc_profile": profile, "dpi": (300, 300)}),
        ("jpg", rgb, "JPEG", {"exif": exif, "icc_profile": profile, "xmp": b"<x:xmpmeta/>"}),
        ("jpg", rgb.convert("L"), "JPEG", {}),
        ("jpg", rgb, "JPEG", {"progressive": True}),
        ("jpg", rgb.convert("CMYK"), "JPEG", {}),
        *[("tif", image, "TIFF", {}) for image in (rgb, rgb.convert("L"), rgba, deep, rgb.convert("CMYK"))],
        ("tif", frames[0], "TIFF", {"save_all": True, "append_images": frames[1:]}),
        ("tif", rgb, "TIFF", {"compression": "tiff_lzw"}),
        ("webp", rgb, "WEBP", {"exif": exif}),
        ("webp", rgba, "WEBP", {"lossless": True}),
        ("webp", frames[0], "WEBP", moving),
        ("gif", frames[0], "GIF", moving),
        ("gif", rgb.quantize(16), "GIF", {"transparency": 3}),
        ("avif", rgb, "AVIF", {"quality": 60}),
        ("avif", rgba, "AVIF", {"quality": 60}),
        ("avif", frames[0], "AVIF", moving),
        ("png", frames[0], "PNG", moving),
        ("png", rgb, "PNG", {"pnginfo": texts()}),
        ("jpg", rgb, "JPEG", {"exif": with_thumbnail(rgb), "comment": b"a comment"}),
        ("tif", rgb, "TIFF", {"tiffinfo": {33550: (10.0, 10.0, 0.0), 42113: "0", 315: "somebody"}}),
        *[("bmp", image, "BMP", {}) for image in (rgb, rgb.convert("L"), rgb.convert("1"))],
        *[("ppm", image, "PPM", {}) for image in (rgb, rgb.convert("L"), deep)],
        ("tga", rgba, "TGA", {}),
        ("tga", rgb, "TGA", {"compression": "tga_rle"}),
        ("jp2", rgb, "JPEG2000", {}),
        ("jp2", rgb, "JPEG2000", {"no_jp2": True}),
        ("qoi", rgb, "QOI", {}),
    ]
    values = rng.integers(0, 65536, (24, 32, 3)).astype(">u2").tobytes()
    found = [("ppm", b"P6\n32 24\n65535\n" + values), ("ppm", b"PF\n32 12\n-1.0\n" + bytes(4608))]
    for suffix, image, kind, more in wanted:
        data = io.BytesIO()
        image.save(data, kind, **more)
        found.append((suffix, data.getvalue()))
    return [*found, *by_vips(rng), *by_plugins(rgb, rgba, exif)]


def texts() -> PngImagePlugin.PngInfo:
    """Return texts as programs for AI pictures put into PNG, and chunks of colour."""
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("parameters", "a castle", zip=True)
    chunks.add_itxt("workflow", "{}", zip=True)
    chunks.add(b"gAMA", struct.pack(">I", 45455))
    return chunks


def with_thumbnail(image: Image.Image) -> bytes:
    """Return an EXIF block with a place, a subject area and a thumbnail."""
    exif = Image.Exif()
    exif.endian = "<"
    exif[274], exif[282], exif[283] = 6, 300.0, 300.0
    exif.get_ifd(0x8769)[0x9214] = (10, 6, 4, 2)
    exif.get_ifd(0x8825)[1] = "N"
    data = io.BytesIO()
    image.resize((16, 12)).save(data, "JPEG")
    block = exif.tobytes()
    body = bytearray(block[6:])
    # The first directory's link, then a second directory behind everything, then the thumbnail.
    (first,) = struct.unpack_from("<I", body, 4)
    (count,) = struct.unpack_from("<H", body, first)
    struct.pack_into("<I", body, first + 2 + 12 * count, len(body))
    at = len(body) + 2 + 24 + 4
    entries = struct.pack("<HHIIHHII", 0x201, 4, 1, at, 0x202, 4, 1, len(data.getvalue()))
    return block[:6] + bytes(body) + struct.pack("<H", 2) + entries + bytes(4) + data.getvalue()


def by_plugins(rgb: Image.Image, rgba: Image.Image, exif: Image.Exif) -> list[tuple[str, bytes]]:
    """Return HEIC and JPEG XL: with alpha, with EXIF, as containers and bare, and made from a JPEG."""
    import pillow_heif
    from pillow_jxl import JpegXLImagePlugin

    del JpegXLImagePlugin  # it has registered itself
    pillow_heif.register_heif_opener()
    found = []
    for suffix, image, kind, more in (
        ("heic", rgb, "HEIF", {"exif": exif.tobytes()}),
        ("heic", rgba, "HEIF", {}),
        ("heic", rgb, "HEIF", {"save_all": True, "append_images": [rgba]}),
        ("jxl", rgb, "JXL", {"exif": exif.tobytes(), "use_container": True}),
        ("jxl", rgba, "JXL", {"lossless": True}),
        ("jxl", rgb.convert("L"), "JXL", {}),
    ):
        data = io.BytesIO()
        image.save(data, kind, **more)
        found.append((suffix, data.getvalue()))
    with tempfile.TemporaryDirectory() as folder:
        jpeg = Path(folder) / "a.jpg"
        rgb.save(jpeg, exif=exif)
        data = io.BytesIO()
        with Image.open(jpeg) as opened:
            opened.save(data, "JXL", lossless_jpeg=True)
        found.append(("jxl", data.getvalue()))
    return found


def by_vips(rng: np.random.Generator) -> list[tuple[str, bytes]]:
    """Return what Pillow does not write: interlaced PNG, 16-bit colour, tiled, float and many-band TIFF."""
    vips = import_vips()
    rgb = vips.Image.new_from_array(rng.integers(0, 256, (24, 32, 3), np.uint8)).copy(interpretation="srgb")
    deep = vips.Image.new_from_array(rng.integers(0, 65536, (24, 32, 3), np.uint16))
    deep = deep.copy(interpretation="rgb16")
    floats = vips.Image.new_from_array(rng.random((24, 32, 3), np.float32))
    bands = vips.Image.new_from_array(rng.integers(0, 256, (24, 32, 6), np.uint8))
    return [
        ("png", rgb.pngsave_buffer(interlace=True)),
        ("png", deep.pngsave_buffer()),
        ("tif", rgb.tiffsave_buffer(tile=True, tile_width=16, tile_height=16, compression="deflate")),
        ("tif", rgb.tiffsave_buffer(tile=True, tile_width=16, tile_height=16, pyramid=True)),
        ("tif", rgb.tiffsave_buffer(compression="jpeg")),
        ("tif", deep.tiffsave_buffer(compression="lzw", predictor="horizontal")),
        ("tif", deep.tiffsave_buffer(bigtiff=True)),
        ("tif", floats.tiffsave_buffer(compression="deflate", predictor="float")),
        ("tif", bands.tiffsave_buffer()),
        ("tif", rgb.colourspace("lab").tiffsave_buffer()),
    ]


# === Damage ===


def damaged(number: int, kinds: list, rng: np.random.Generator) -> tuple[str, bytes]:
    """Return the name and the bytes of one file; each kind of picture comes round in turn."""
    suffix, data = kinds[number % len(kinds)]
    turn = number // len(kinds) % 16
    if turn == 0:
        data = [b"", data, rng.bytes(len(data)), b"\n" * 200, data[:8], data[:1]][rng.integers(6)]
    for _ in range(int(rng.integers(1, 3)) if turn else 0):
        data = DAMAGES[rng.integers(len(DAMAGES))](data, rng)
    if rng.random() < 0.15:
        suffix = SUFFIXES[rng.integers(len(SUFFIXES))]
    return f"{number:05d}.{suffix}", data


def place(data: bytes, rng: np.random.Generator) -> int:
    """Return somewhere in a file; in half of all cases near its beginning, where headers are."""
    end = min(len(data), 120) if rng.random() < 0.5 else len(data)
    return int(rng.integers(0, max(end, 1)))


def cut(data: bytes, rng: np.random.Generator) -> bytes:
    return data[: place(data, rng)]


def turn_bits(data: bytes, rng: np.random.Generator) -> bytes:
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 6)) if changed else 0):
        changed[place(data, rng)] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def overwrite(data: bytes, rng: np.random.Generator) -> bytes:
    start, length = place(data, rng), int(rng.integers(1, 40))
    return data[:start] + rng.bytes(len(data[start : start + length])) + data[start + length :]


def resize_header(data: bytes, rng: np.random.Generator) -> bytes:
    """Write a size that cannot be over two or four bytes near the beginning, in either byte order."""
    start = int(rng.integers(0, max(min(len(data), 120), 1)))
    order, value = "<>"[rng.integers(2)], SIZES[rng.integers(len(SIZES))]
    number = (
        struct.pack(f"{order}I", value) if rng.random() < 0.5 else struct.pack(f"{order}H", value & 0xFFFF)
    )
    return data[:start] + number + data[start + len(number) :]


def take_out(data: bytes, rng: np.random.Generator) -> bytes:
    start = place(data, rng)
    return data[:start] + data[start + int(rng.integers(1, 60)) :]


def repeat(data: bytes, rng: np.random.Generator) -> bytes:
    start, length = place(data, rng), int(rng.integers(1, 60))
    return data[: start + length] + data[start:]


def swap(data: bytes, rng: np.random.Generator) -> bytes:
    a, b, c, d = sorted(place(data, rng) for _ in range(4))
    return data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def append(data: bytes, rng: np.random.Generator) -> bytes:
    return data + rng.bytes(int(rng.integers(1, 500)))


def twice(data: bytes, rng: np.random.Generator) -> bytes:
    return data + data


DAMAGES = (
    cut,
    turn_bits,
    turn_bits,
    overwrite,
    resize_header,
    resize_header,
    take_out,
    repeat,
    swap,
    append,
    twice,
)


# === The command, and what it left ===


def through_the_command(batch: dict[str, bytes], network: str, counts: Counts) -> None:
    """Enlarge a folder of files and count; where the command dies, halve the folder to find out by which."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        said = run(folder, batch, network, counts)
        report = folder / "report.json"
        rows = json.loads(report.read_text("utf-8"))["pictures"] if report.exists() else []
        told = {Path(row["source"]).name: row for row in rows}
        broken = said is not None or set(told) != set(batch)
        if broken and len(batch) > 1:
            names = list(batch)
            for half in (names[: len(names) // 2], names[len(names) // 2 :]):
                through_the_command({name: batch[name] for name in half}, network, counts)
            return
        if broken:
            where = counts.silent if said is None else counts.crashed
            where.append(f"{next(iter(batch))}: {said or 'not in the report'}")
            return
        for name, row in told.items():
            if row["status"] == "done":
                counts.done += 1
            else:
                counts.refused += 1
                if not row["reason"].startswith(OURS):
                    counts.odd[f"{row['reason'][:120]} ({name})"] += 1
        counts.lost += losses(folder, batch, told)


def run(folder: Path, batch: dict[str, bytes], network: str, counts: Counts) -> str | None:
    """Run the command over files; return how it broke, or None."""
    (folder / "in").mkdir()
    for name, data in batch.items():
        (folder / "in" / name).write_bytes(data)
    command = ["upscale", folder / "in", "-o", folder / "out", "-n", network, "--suffix", ""]
    command += ["--report", folder / "report.json"]
    process = subprocess.Popen(
        [sys.executable, "-m", "keras_sr", *map(str, command)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    killer = threading.Timer(PATIENCE, process.kill)
    killer.start()
    lines, before = [], None
    for line in process.stderr or []:
        now = time.perf_counter()
        found = next((word for word in line.replace("'", " ").split() if "/in/" in word), None)
        if found and before is not None:
            counts.slow.append((now - before, Path(found.rstrip(":")).name))
        before = now
        lines.append(line)
    code, hung = process.wait(), not killer.is_alive()
    killer.cancel()
    text = "".join(lines)
    for line in lines:
        if "Warning: " in line:
            counts.odd[f"warning: {line.strip()[-150:]}"] += 1
    if hung:
        return f"hung for {PATIENCE} s"
    if code not in (0, 1) or "Traceback" in text or "KERAS_SR_TRACEBACK" in text:
        return f"exit code {code}, {' '.join(lines[-3:])[-400:].strip()}"
    return None


def losses(folder: Path, batch: dict[str, bytes], told: dict[str, dict]) -> list[str]:
    """Return what was lost: changed inputs, results that are no pictures, files that nobody reported."""
    lost = []
    for name, data in batch.items():
        there = folder / "in" / name
        if not there.exists() or hashlib.sha256(there.read_bytes()).digest() != hashlib.sha256(data).digest():
            lost.append(f"{name}: the input has changed")
    targets = {Path(row["target"]): row for row in told.values() if row["status"] == "done"}
    for target, row in targets.items():
        try:
            picture = read(target, max_pixels=None)
        except Exception as error:
            lost.append(f"{target.name}: its result cannot be read: {error}")
            continue
        height, width = len(picture.pixels) // picture.pages, picture.pixels.shape[1]
        if [width, height] != row["size"]:
            lost.append(f"{target.name}: its result is {width}x{height}, the report says {row['size']}")
    left = {path for path in (folder / "out").rglob("*") if path.is_file()} - set(targets)
    return lost + [f"{path.name}: lies about without being a result" for path in sorted(left)]


def alone(counts: Counts, made: dict[str, bytes], network: str, most: int = 3) -> list[tuple[str, float]]:
    """Return the slowest files and their seconds, each run alone; the start of the command taken off."""
    names = list(dict.fromkeys(name for _, name in sorted(counts.slow, reverse=True)))[:most]
    start = seconds_for(b"", "00000.png", network)
    found = [(name, max(0.0, seconds_for(made[name], name, network) - start)) for name in names]
    return sorted(found, key=lambda pair: -pair[1])


def seconds_for(data: bytes, name: str, network: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        run(Path(folder), {name: data}, network, Counts())
        return time.perf_counter() - began


if __name__ == "__main__":
    main()
