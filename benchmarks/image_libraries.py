"""What pyvips, Pillow and OpenCV keep of a picture file, each by its plain way to read and to write one.

    python -m pip install pyvips[binary] pillow opencv-python-headless
    python benchmarks/image_libraries.py

Each check writes a file with another library, reads it, writes it again and looks at what is left.
Then PNG and JPEG of 12 million pixels are read and written: medians of interleaved rounds, ratios to Pillow.
"""

import io
import statistics
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np
import pyvips
from PIL import Image, ImageCms

RNG = np.random.default_rng(0)
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a>kept</a></x:xmpmeta>'


def pixels(bands, dtype=np.uint8):
    return np.squeeze(RNG.integers(0, np.iinfo(dtype).max, (40, 60, bands), dtype))


# === Each library: a file to another file, and a file to an array ===


def vips_copy(source, target):
    pyvips.Image.new_from_file(source, fail_on="error").autorot().write_to_file(target)


def pillow_copy(source, target):
    with Image.open(source) as image:
        image.save(target)


def opencv_copy(source, target):
    cv2.imwrite(target, cv2.imread(source, cv2.IMREAD_UNCHANGED))


def vips_array(path):
    return pyvips.Image.new_from_file(path, fail_on="error").numpy()


def pillow_array(path):
    with Image.open(path) as image:
        return np.asarray(image)


def opencv_array(path):
    array = cv2.imread(path, cv2.IMREAD_UNCHANGED)
    if array is None:
        raise ValueError("no picture")
    order = {3: [2, 1, 0], 4: [2, 1, 0, 3]}.get(array.shape[2] if array.ndim == 3 else 0)
    return array[..., order] if order else array


LIBRARIES = {
    "pyvips": (vips_copy, vips_array),
    "Pillow": (pillow_copy, pillow_array),
    "OpenCV": (opencv_copy, opencv_array),
}


# === Checks: (copy, to_array, folder) to whether it is kept ===


def keeps_pixels(suffix, bands, dtype):
    def check(copy, to_array, folder):
        a = pixels(bands, dtype)
        pyvips.Image.new_from_array(a).copy(interpretation=meaning(bands, dtype)).write_to_file(
            f"{folder}/a{suffix}"
        )
        copy(f"{folder}/a{suffix}", f"{folder}/b{suffix}")
        back = pyvips.Image.new_from_file(f"{folder}/b{suffix}").numpy()
        return np.array_equal(to_array(f"{folder}/a{suffix}"), a) and np.array_equal(back, a)

    return check


def meaning(bands, dtype):
    if bands in (1, 2):
        return "b-w" if dtype == np.uint8 else "grey16"
    return "multiband" if bands > 4 else "srgb" if dtype == np.uint8 else "rgb16"


def keeps_block(name, source, target):
    def check(copy, to_array, folder):
        exif = Image.Exif()
        exif[271] = "A camera"
        picture = Image.fromarray(pixels(3))
        picture.save(f"{folder}/a{source}", exif=exif, icc_profile=PROFILE, dpi=(300, 300), xmp=XMP)
        copy(f"{folder}/a{source}", f"{folder}/b{target}")
        with Image.open(f"{folder}/b{target}") as image:
            if name == "exif":
                return image.getexif().get(271) == "A camera"
            if name == "dpi":
                return abs(image.info["dpi"][0] - 300) < 1
            return (PROFILE if name == "icc_profile" else b"kept") in image.info[name]

    return check


def honours_orientation(copy, to_array, folder):
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(pixels(3)).save(f"{folder}/a.jpg", exif=exif)
    copy(f"{folder}/a.jpg", f"{folder}/b.jpg")
    with Image.open(f"{folder}/b.jpg") as image:
        return (image.size == (40, 60)) == (image.getexif().get(274, 1) == 1)


def refuses_half(kind):
    def check(copy, to_array, folder):
        data = io.BytesIO()
        Image.fromarray(pixels(3)).save(data, kind)
        path = Path(folder) / f"a.{kind.lower()}"
        path.write_bytes(data.getvalue()[: len(data.getvalue()) // 2])
        try:
            to_array(str(path))
        except Exception:
            return True
        return False

    return check


def keeps_frames(copy, to_array, folder):
    frames = [Image.fromarray(pixels(3)) for _ in range(3)]
    frames[0].save(f"{folder}/a.gif", save_all=True, append_images=frames[1:])
    if copy is vips_copy:
        pyvips.Image.new_from_file(f"{folder}/a.gif", n=-1).write_to_file(f"{folder}/b.gif")
    elif copy is pillow_copy:
        with Image.open(f"{folder}/a.gif") as image:
            image.save(f"{folder}/b.gif", save_all=True)
    else:
        copy(f"{folder}/a.gif", f"{folder}/b.gif")
    with Image.open(f"{folder}/b.gif") as image:
        return image.n_frames == 3


CHECKS = {
    "RGB 16 bit, PNG": keeps_pixels(".png", 3, np.uint16),
    "RGBA 16 bit, PNG": keeps_pixels(".png", 4, np.uint16),
    "grey 16 bit, PNG": keeps_pixels(".png", 1, np.uint16),
    "grey with alpha, PNG": keeps_pixels(".png", 2, np.uint8),
    "RGB 16 bit, TIFF": keeps_pixels(".tif", 3, np.uint16),
    "7 bands, TIFF": keeps_pixels(".tif", 7, np.uint8),
    "colour profile, JPEG to PNG": keeps_block("icc_profile", ".jpg", ".png"),
    "EXIF, JPEG to JPEG": keeps_block("exif", ".jpg", ".jpg"),
    "EXIF, JPEG to WebP": keeps_block("exif", ".jpg", ".webp"),
    "XMP, JPEG to JPEG": keeps_block("xmp", ".jpg", ".jpg"),
    "resolution, JPEG to PNG": keeps_block("dpi", ".jpg", ".png"),
    "orientation told or honoured": honours_orientation,
    "half a PNG refused": refuses_half("PNG"),
    "half a JPEG refused": refuses_half("JPEG"),
    "half a TIFF refused": refuses_half("TIFF"),
    "frames of a GIF": keeps_frames,
}


def main() -> None:
    print("| | " + " | ".join(f"{name} {version(package)}" for name, package in PACKAGES.items()) + " |")
    print("|---" * (len(LIBRARIES) + 1) + "|")
    for title, check in CHECKS.items():
        print(
            f"| {title} | "
            + " | ".join("yes" if passed(check, *library) else "no" for library in LIBRARIES.values())
            + " |"
        )
    for suffix, title in ((".png", "PNG, 12 million pixels"), (".jpg", "JPEG, 12 million pixels")):
        ratios = speed(suffix)
        print(
            f"| {title}: speed of reading and writing | "
            + " | ".join(f"{ratios[name]:.2f}" for name in LIBRARIES)
            + " |"
        )


PACKAGES = {"pyvips": "pyvips", "Pillow": "pillow", "OpenCV": "opencv-python-headless"}


def passed(check, copy, to_array) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        try:
            return bool(check(copy, to_array, folder))
        except Exception:
            return False


def speed(suffix: str) -> dict[str, float]:
    pyvips.cache_set_max(0)
    seconds = {name: [] for name in LIBRARIES}
    with tempfile.TemporaryDirectory() as folder:
        small = Image.fromarray(RNG.integers(0, 256, (75, 100, 3), np.uint8))
        small.resize((4000, 3000), Image.Resampling.BICUBIC).save(f"{folder}/a{suffix}")
        for _ in range(5):
            for name, (copy, _) in LIBRARIES.items():
                start = time.perf_counter()
                copy(f"{folder}/a{suffix}", f"{folder}/b{suffix}")
                seconds[name].append(time.perf_counter() - start)
    return {
        name: statistics.median(a / b for a, b in zip(seconds["Pillow"], times, strict=True))
        for name, times in seconds.items()
    }


if __name__ == "__main__":
    main()
