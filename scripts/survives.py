"""The ledger: what an independent reader finds in a picture and in its enlarged result, entry by entry.

    python scripts/survives.py            write docs/what-survives.md
    python scripts/survives.py --table    print every entry of every pair of formats

Pictures of every format that is read are made, and everything that ExifTool can put into them is put in. Each
is enlarged twice (pixels repeated: the network changes no metadata) into every format that is written.
ExifTool reads both. An entry of the source is then one of these, or the pair fails:

    kept      the result says the same
    changed   the result says what is true of it: upright, twice as large, twice the dots an inch
    said      it is named in what keras-sr says was lost

and an entry of the result that the source does not have is `invented`, which fails as well.
"""

import argparse
import json
import re
import shutil
import struct
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, PngImagePlugin

from keras_sr.images.picture import WRITTEN, Picture, read, write

PAGE = Path(__file__).parents[1] / "docs" / "what-survives.md"
TIMES = 2
H, W = 24, 36

#: Entries of how a file stores its pixels, of the file on its disk, or computed from others.
STRUCTURE = re.compile(
    r"(System|ExifTool|Composite|ICC-\w+|ICC_Profile\w*|JFIF:JFIFVersion|Adobe):?.*"
    r"|File:(?!Comment).*"
    r"|PNG:(ImageWidth|ImageHeight|BitDepth|ColorType|Compression|Filter|Interlace|Palette|Transparency"
    r"|AnimationFrames|AnimationPlays|SignificantBits|ProfileName)|PNG-pHYs:PixelUnits"
    r"|(IFD[0-9]|SubIFD):(ImageWidth|ImageHeight|BitsPerSample|Compression|PhotometricInterpretation|Strip\w+"
    r"|SamplesPerPixel|RowsPerStrip|PlanarConfiguration|Predictor|SubfileType|SampleFormat|ExtraSamples|FillOrder"
    r"|ExifByteOrder|PageNumber|Tile\w+|YCbCr\w+|ThumbnailOffset|JPEGTables)"
    r"|RIFF:(VP8Version|ImageWidth|ImageHeight|HorizontalScale|VerticalScale|WebP_Flags|AlphaIsUsed|AlphaPre\w*"
    r"|AlphaFilter\w*|AlphaCompression|BackgroundColor|AnimationLoopCount|FrameCount|Duration)"
    r"|GIF:(GIFVersion|ImageWidth|ImageHeight|HasColorMap|ColorResolutionDepth|BitsPerPixel|BackgroundColor"
    r"|FrameCount|Duration|AnimationIterations|TransparentColor|Transparency)"
    r"|(Meta|QuickTime|Track\w+|HEIC|Jpeg2000|JXL):(?!Exif|XMP).*"
    r"|BMP:(?!Pixels).*|TGA:(?!Author|.*Comment|ImageID|JobName|Software).*|PPM:.*|QOI:.*"
    r"|\w+:(ThumbnailImage|PreviewImage|ThumbnailTIFF)$"
    r"|Photoshop:(IPTCDigest|DisplayedUnits\w|PhotoshopThumbnail|PhotoshopBGRThumbnail)|XMP-x:XMPToolkit"
    r"|XMP-xmpNote:.*|ExifIFD:(ExifVersion|ComponentsConfiguration|FlashpixVersion)|GPS:GPSVersionID"
    r"|IFD0:YCbCrPositioning|IPTC:(Coded\w+|ApplicationRecordVersion|EnvelopeRecordVersion)|Photoshop:CopyrightFlag"
)

#: What the words of `lost` speak of: which entries they account for.
SAID = (
    (r"EXIF|EXIF \(.*", r"(IFD0|ExifIFD|GPS|InteropIFD|MakerNotes|Apple|Canon|Nikon)\b.*"),
    (r"the thumbnail", r"IFD1:.*|JFXX:.*|Photoshop:.*Thumbnail.*|XMP-xmp:Thumbnails.*|XMP-xmpGImg:.*"),
    (r"maker notes", r"(MakerNotes|ExifIFD:MakerNote\w*).*"),
    (r"XMP|XMP \(.*", r"XMP-.*"),
    (r"IPTC", r"IPTC.*"),
    (r"Photoshop's resources", r"Photoshop.*"),
    (r"a comment|a damaged text", r"File:Comment|GIF:Comment|PPM:Comment"),
    (r"gamma.*", r"PNG:Gamma"),
    (r"primaries.*", r"PNG:(WhitePoint|Red|Green|Blue).*"),
    (r"the mark of sRGB.*", r"PNG:SRGBRendering"),
    (r"the background colour", r"PNG:BackgroundColor"),
    (r"the time of the last change.*", r"PNG:ModifyDate"),
    (r"the offset on the page", r"PNG:(ImageOffset|VirtualPage).*"),
    (r"the place on the map.*", r"IFD0:(PixelScale|ModelTie\w+|ModelTransform|GeoTiff\w+)|GeoTiff:.*"),
    (r"the nodata value", r"IFD0:GDALNoData"),
    (r"GDAL's metadata", r"IFD0:GDALMetadata"),
    (r"the resolution", r"(IFD0|JFIF|BMP|PNG-pHYs|Photoshop|ExifIFD):(XRes|YRes|ResolutionUnit|Pixels).*"),
    (r"other pictures.*|the gain map.*", r"MPF.*|MPImage.*|XMP-(hdrgm|GContainer|Container).*"),
    (r"the film.*", r"XMP-GCamera.*"),
    (r"what later pages say", r"IFD[1-9]:.*"),
    (r"its note.*", r"TGA:ImageID.*"),
    (r"the extension area.*", r"TGA:.*"),
    (
        r"the colours' description.*",
        r"PNG-cICP:.*|PNG:(ColorPrimaries|TransferCharacteristics|MatrixCoefficients).*",
    ),
)

#: Groups in which a name means the same: what was one may become another.
SAME = (
    {"IFD0", "ExifIFD", "GPS", "InteropIFD"},
    {"IFD0", "JFIF", "PNG-pHYs", "BMP", "Photoshop"},
    {"File", "GIF", "PNG"},
)

#: Entries that say what is true of the result: by the end of their name, how.
CHANGED = {
    "Orientation": lambda value: 1,
    "SubjectArea": lambda value: " ".join(str(TIMES * int(part)) for part in str(value).split()),
    "ExifImageWidth": lambda value: W * TIMES,
    "ExifImageHeight": lambda value: H * TIMES,
    "PixelXDimension": lambda value: W * TIMES,
    "PixelYDimension": lambda value: H * TIMES,
    "XResolution": lambda value: value * TIMES,
    "YResolution": lambda value: value * TIMES,
    "PixelsPerUnitX": lambda value: value * TIMES,
    "PixelsPerUnitY": lambda value: value * TIMES,
    "PixelsPerMeterX": lambda value: value * TIMES,
    "PixelsPerMeterY": lambda value: value * TIMES,
    "FocalPlaneXResolution": lambda value: value * TIMES,
    "FocalPlaneYResolution": lambda value: value * TIMES,
    "RelatedImageWidth": lambda value: W * TIMES,
    "RelatedImageHeight": lambda value: H * TIMES,
    "FullPanoWidthPixels": lambda value: value * TIMES,
    "FullPanoHeightPixels": lambda value: value * TIMES,
    "CroppedAreaTopPixels": lambda value: value * TIMES,
    "RegionAppliedToDimensionsW": lambda value: W * TIMES,
    "RegionAppliedToDimensionsH": lambda value: H * TIMES,
}


@dataclass(frozen=True)
class Line:
    """One entry of a source and what became of it."""

    entry: str
    verdict: str


def exiftool(folder: Path) -> dict[str, dict[str, object]]:
    """Return every entry that ExifTool finds in the files of a folder, by name of the file."""
    command = ["exiftool", "-j", "-G1", "-a", "-u", "-n", "-api", "largefilesupport=1", "."]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=600)
    found = {}
    for one in json.loads(done.stdout or b"[]"):
        name = Path(one.pop("SourceFile")).name
        found[name] = {entry.replace("File:Pixels", "BMP:Pixels"): value for entry, value in one.items()}
    return found


def judged(source: dict, result: dict, lost: tuple[str, ...]) -> list[Line]:
    """Return what became of each entry of a source, and what the result has besides."""
    lines = []
    for entry, value in source.items():
        if not STRUCTURE.fullmatch(entry) and not stated_unit(entry, source):
            lines.append(Line(entry, verdict(entry, value, source, result, lost)))
    known = {name_of(entry) for entry in source} | {"UserComment", "Comment"}
    known |= {"ResolutionUnit"} if "XResolution" in known else set()
    for entry in result:
        if not STRUCTURE.fullmatch(entry) and name_of(entry) not in known and not stated_unit(entry, result):
            lines.append(Line(entry, "INVENTED"))
    return lines


#: What some groups call what others call differently.
RESOLUTIONS = {
    "PixelsPerUnitX": "XResolution",
    "PixelsPerUnitY": "YResolution",
    "PixelsPerMeterX": "XResolution",
    "PixelsPerMeterY": "YResolution",
    "PixelUnits": "ResolutionUnit",
}


def name_of(entry: str) -> str:
    """Return the name of an entry without its group, as all groups call it."""
    name = entry.partition(":")[2]
    return RESOLUTIONS.get(name, name)


def stated_unit(entry: str, result: dict) -> bool:
    """Return whether an entry only says that nothing is stated: JFIF cannot leave its density out."""
    if entry.startswith("BMP:"):
        return not result[entry]
    return entry.startswith("JFIF:") and result.get("JFIF:ResolutionUnit", 0) == 0


def verdict(entry: str, value: object, source: dict, result: dict, lost: tuple[str, ...]) -> str:
    """Return what became of an entry."""
    group, _, name = entry.partition(":")
    places = [place for place in result if name_of(place) == name_of(entry) and related(group, place)]
    for place in places:
        if name in CHANGED and source != result:
            wanted = CHANGED[name](value)
            if equal(in_inches(place, result), in_inches(entry, source, wanted)):
                return "changed" if result[place] != value else "kept"
        elif equal(result[place], value):
            return "kept"
    elsewhere = any(name_of(place) == "XResolution" for place in result)
    if (name == "ResolutionUnit" and elsewhere and group != "IFD1") or (name == "Orientation" and not places):
        return "changed"
    if entry == "PNG:Parameters" and str(value) in str(result.get("ExifIFD:UserComment", "")):
        return "kept"
    if group in ("File", "GIF") and name == "Comment" and str(value) in map(str, result.values()):
        return "kept"
    if entry in GEO and any(place == entry for place in result):
        return "changed" if close(result[entry], GEO[entry](value)) else "FALSE"
    for words, entries in SAID:
        if re.fullmatch(entries, entry) and any(re.fullmatch(words, said) for said in lost):
            return "said"
    if group == "PNG" and any(said.lower().replace(" ", "") == f"text'{name.lower()}'" for said in lost):
        return "said"
    return f"FALSE {result[places[0]]!r} for {value!r}" if places else "GONE"


def in_inches(entry: str, entries: dict, value: object = None) -> object:
    """Return a resolution in dots an inch, whatever unit stands beside it; any other value as it is."""
    group = entry.partition(":")[0]
    value = entries[entry] if value is None else value
    if name_of(entry) not in ("XResolution", "YResolution") or not isinstance(value, int | float):
        return value
    if group in ("PNG-pHYs", "BMP"):
        return value * 0.0254
    return (
        value * 2.54 if entries.get(f"{group}:ResolutionUnit", 2) == (2 if group == "JFIF" else 3) else value
    )


def related(group: str, place: str) -> bool:
    """Return whether an entry of one group may have become one of another place's."""
    other = place.partition(":")[0]
    return group == other or any(group in some and other in some for some in SAME)


def equal(one: object, other: object) -> bool:
    """Return whether two values are the same, numbers up to a thousandth."""
    if isinstance(one, int | float) and isinstance(other, int | float):
        return abs(one - other) <= 2e-3 * max(1.0, abs(other))
    return str(one).strip() == str(other).strip()


def close(one: object, other: list[float]) -> bool:
    """Return whether numbers in a text are these."""
    numbers = [float(part) for part in str(one).split()]
    return len(numbers) == len(other) and np.allclose(numbers, other)


def _numbers(value: object) -> list[float]:
    return [float(part) for part in str(value).split()]


#: Entries of maps, and what is true of them in a picture of twice the size.
GEO = {
    "IFD0:PixelScale": lambda value: [
        _numbers(value)[0] / TIMES,
        _numbers(value)[1] / TIMES,
        *_numbers(value)[2:],
    ],
    "IFD0:ModelTiePoint": _numbers,
}


# === Sources ===


def make_sources(folder: Path) -> None:
    """Write a picture of every format that is read, with all that ExifTool can put into it."""
    ramp = np.add.outer(np.arange(H), np.arange(W)) * 3
    image = Image.fromarray((ramp[..., None] + np.arange(3) * 20).astype(np.uint8))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    text = PngImagePlugin.PngInfo()
    text.add_text("parameters", "a castle, parameters\nSteps: 20")
    text.add_itxt("workflow", '{"ünï": 1}')
    text.add_text("Author", "An author")
    text.add(b"gAMA", struct.pack(">I", 45455))
    text.add(b"tIME", struct.pack(">HBBBBB", 2020, 1, 2, 3, 4, 5))
    image.save(folder / "text.png", pnginfo=text, dpi=(300, 300), icc_profile=profile)
    image.save(folder / "photo.jpg", quality=80, dpi=(300, 300), icc_profile=profile, comment=b"a comment")
    image.save(folder / "photo.tif", dpi=(300, 300), icc_profile=profile)
    image.save(folder / "photo.webp", quality=80, icc_profile=profile)
    image.save(folder / "photo.avif", quality=80, icc_profile=profile)
    image.quantize(64).save(folder / "photo.gif", comment=b"a comment")
    image.save(folder / "photo.jp2", irreversible=False)
    image.save(folder / "plain.bmp", dpi=(300, 300))
    image.save(folder / "plain.ppm")
    image.save(folder / "plain.tga")
    image.save(folder / "plain.qoi")
    image.save(folder / "plain.png")
    image.save(folder / "plain.jpg")
    image.save(folder / "plain.tif")
    frames = [image, image.rotate(180), image]
    frames[0].save(folder / "moves.png", save_all=True, append_images=frames[1:], duration=[50, 100, 150])
    frames[0].save(folder / "moves.webp", save_all=True, append_images=frames[1:], duration=[50, 100, 150])
    frames[0].save(folder / "moves.gif", save_all=True, append_images=frames[1:], duration=[50, 100, 150])
    write_heif(folder / "photo.heic", image, profile)
    write_jxl(folder / "photo.jxl", image)
    write_map(folder / "map.tif")
    for file in sorted(folder.glob("photo.*")):
        tagged(file)
    # As phones have it: turned by EXIF and XMP, with a thumbnail and a place.
    shutil.copy(folder / "photo.jpg", folder / "phone.jpg")
    thumbnail = folder / "thumbnail.jpeg"
    image.resize((18, 12)).save(thumbnail)
    put_in(
        folder / "phone.jpg",
        "-ThumbnailImage<=thumbnail.jpeg",
        "-XMP-tiff:Orientation#=1",
        "-Orientation#=1",
        "-SubjectArea=10 8 4 4",
        "-FocalPlaneXResolution=100",
        "-FocalPlaneYResolution=100",
        "-InteropIndex=R98",
        f"-RelatedImageWidth={W}",
        f"-RelatedImageHeight={H}",
        "-XMP-tiff:XResolution=300",
        f"-XMP-GPano:FullPanoWidthPixels={W}",
        f"-XMP-GPano:FullPanoHeightPixels={H}",
        "-XMP-GPano:CroppedAreaTopPixels=3",
        f"-RegionInfo={{AppliedToDimensions={{W={W},H={H},Unit=pixel}},RegionList=[{FACE}]}}",
    )
    thumbnail.unlink()


def write_heif(path: Path, image: Image.Image, profile: bytes) -> None:
    """Write a HEIC."""
    import pillow_heif

    pillow_heif.from_pillow(image).save(path, quality=80, icc_profile=profile)


def write_jxl(path: Path, image: Image.Image) -> None:
    """Write a JPEG XL."""
    from pillow_jxl import JpegXLImagePlugin  # noqa: F401  (registers itself)

    image.save(path, "JXL", quality=80, use_container=True)


def write_map(path: Path) -> None:
    """Write a GeoTIFF: four bands of 16 bits."""
    from PIL import TiffImagePlugin

    tags = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, kind, values in (
        (33550, 12, (10.0, 10.0, 0.0)),
        (33922, 12, (0.0, 0.0, 0.0, 500000.0, 5000000.0, 0.0)),
        (34735, 3, (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32632)),
        (42113, 2, "0"),
        (315, 2, "A mapmaker"),
    ):
        tags.tagtype[tag] = kind
        tags[tag] = values
    values = (np.add.outer(np.arange(H), np.arange(W)) * 700).astype(np.uint16)
    Image.fromarray(values).save(path, tiffinfo=tags)


def put_in(file: Path, *arguments: str) -> None:
    """Have ExifTool put entries into a file."""
    command = ["exiftool", "-q", "-m", "-overwrite_original", *arguments, file.name]
    subprocess.run(command, cwd=file.parent, capture_output=True, check=False, timeout=60)


EXIF = f"""
Make=A maker|Model=A camera|Artist=An artist|Copyright=(c) somebody|Software=A program
ImageDescription=The old mill|ModifyDate=2020:01:02 03:04:05|DateTimeOriginal=2020:01:02 03:04:05
ExposureTime=1/60|ISO=200|FNumber=2.8|LensModel=A lens|UserComment=a remark
GPSLatitude=47.5|GPSLatitudeRef=N|GPSLongitude=8.25|GPSLongitudeRef=E
ExifImageWidth={W}|ExifImageHeight={H}
"""
FACE = "{Area={X=0.5,Y=0.5,W=0.2,H=0.2,Unit=normalized},Name=Somebody,Type=Face}"
XMP = "dc:Creator=An artist|dc:Title=The mill|dc:Subject=mill|xmp:Rating=4|photoshop:City=A town"
IPTC = "Caption-Abstract=The old mill|Keywords=mill|City=A town"


def tagged(file: Path) -> None:
    """Put EXIF, a place, XMP and captions into a file, as far as ExifTool can."""
    for group, entries in (("EXIF:", EXIF), ("XMP-", XMP), ("IPTC:", IPTC)):
        put_in(file, *(f"-{group}{entry}" for entry in re.split(r"[|\n]", entries.strip())))


def enlarged(picture: Picture) -> Picture:
    """Return a picture twice as large, its pixels repeated."""
    x, y = picture.resolution

    def repeat(pixels: np.ndarray | None) -> np.ndarray | None:
        return None if pixels is None else pixels.repeat(TIMES, 0).repeat(TIMES, 1)

    pixels = picture.pixels.repeat(TIMES, 0).repeat(TIMES, 1)
    return replace(picture, pixels=pixels, alpha=repeat(picture.alpha), resolution=(x * TIMES, y * TIMES))


def pairs(folder: Path) -> dict[tuple[str, str], list[Line]]:
    """Return what became of each entry, for every pair of a source and a suffix."""
    sources, results = folder / "sources", folder / "results"
    for one in (sources, results):
        one.mkdir()
    make_sources(sources)
    said: dict[str, tuple[str, ...]] = {}
    for file in sorted(sources.iterdir()):
        picture = enlarged(read(file))
        for suffix in sorted(WRITTEN):
            target = results / f"{file.name}{suffix}"
            # The JPEG's alias and the like need no second look.
            if suffix not in (".jpeg", ".tiff", ".pgm"):
                said[target.name] = (*picture.lost, *write(target, picture))
    before, after = exiftool(sources), exiftool(results)
    out = {}
    for name, lost in said.items():
        file, _, suffix = name.rpartition(".")
        out[file, f".{suffix}"] = judged(before.get(file, {}), after.get(name, {}), lost)
    return out


def failures(found: dict[tuple[str, str], list[Line]]) -> list[str]:
    """Return the entries that are neither kept, nor rightly changed, nor said."""
    return [
        f"{source} to {suffix}: {line.entry}: {line.verdict}"
        for (source, suffix), lines in found.items()
        for line in lines
        if line.verdict not in ("kept", "changed", "said")
    ]


# === The page ===

#: What a row of the page is about: which entries.
ROWS = (
    ("EXIF: camera, date, exposure", r"(IFD0|ExifIFD):(Make|Model|DateTimeOriginal|ExposureTime|LensModel)"),
    ("author and copyright", r"IFD0:(Artist|Copyright)"),
    ("place (GPS)", r"GPS:.*"),
    ("thumbnail of EXIF", r"IFD1:.*"),
    ("XMP", r"XMP-(dc|xmp|photoshop):.*"),
    ("captions (IPTC)", r"IPTC:.*"),
    ("comment of JPEG or GIF", r"(File|GIF):Comment"),
    ("settings of AI pictures (PNG text `parameters`)", r"PNG:Parameters"),
    ("other texts of PNG", r"PNG:(Workflow|Author)"),
    ("gamma and other colour chunks of PNG", r"PNG:(Gamma|SRGBRendering|WhitePoint.*)"),
    ("place on the map (GeoTIFF)", r"IFD0:(PixelScale|ModelTiePoint|GeoTiff.*)|GeoTiff:.*"),
    ("resolution", r"(JFIF|PNG-pHYs|BMP|IFD0):(XResolution|PixelsPer\w+X)"),
)


def table(found: dict[tuple[str, str], list[Line]]) -> list[str]:
    """Return the rows of the page: by kind of entry and format of the result, what became of it."""
    columns = [".jpg", ".png", ".webp", ".avif", ".tif", ".gif", ".jp2", ".tga", ".bmp", ".qoi", ".ppm"]
    rows = ["| what a file holds | " + " | ".join(column[1:] for column in columns) + " |", "|---" * 12 + "|"]
    for label, entries in ROWS:
        cells = []
        for column in columns:
            seen: dict[str, set[str]] = defaultdict(set)
            for (source, suffix), lines in found.items():
                if suffix == column:
                    for line in lines:
                        if re.fullmatch(entries, line.entry):
                            seen[line.verdict].add(source)
            cells.append(cell(seen))
        rows.append(f"| {label} | " + " | ".join(cells) + " |")
    return rows


def cell(seen: dict[str, set[str]]) -> str:
    """Return what became of a kind of entry in one format."""
    words = {"kept": "kept", "changed": "up to date", "said": "said"}
    verdicts = [words[one] for one in ("kept", "changed", "said") if one in seen]
    return " or ".join(verdicts) or "-"


TEXT = """\
# What survives, by format

Written by `scripts/survives.py`: do not edit. ExifTool puts everything it can into a picture of each format
that is read, keras-sr enlarges it into each format that is written, and ExifTool reads both. {pairs} pairs,
{entries} entries: each is kept, brought up to date, or named in the line `left behind: ...` and in `lost` of
the report. A test fails on anything else.

- **kept**: the result says the same, byte for byte where the format allows.
- **up to date**: the result says what is true of it: upright, its size, its dots an inch, the size of a pixel
  on the map.
- **said**: the format, or its writer, has no place for it; you are told.
- two words: it depends on where the entry came from.

{table}

## Pixels

16 bits are kept by PNG and TIFF; floats and further bands by TIFF; transparency by PNG, WebP, AVIF, TIFF,
GIF, TGA, QOI and JPEG 2000; frames by GIF, WebP, PNG, AVIF and TIFF. Where the format of the result cannot
hold them, you are told.

## Left out, and said

A thumbnail, a gain map (Ultra HDR), a depth map, the film of a motion photo and signatures (C2PA) are of
other pixels than the result's.

## Not read

Raw photographs (DNG, CR2, NEF, ...), PSD, DDS, EXR, SVG and others: in a folder each is a line and a count,
by name an error. HEIC and JPEG XL are read; their results are PNG unless `--ext` says otherwise.
"""


def page(found: dict[tuple[str, str], list[Line]]) -> str:
    """Return the page as text."""
    return TEXT.format(pairs=len(found), entries=sum(map(len, found.values())), table="\n".join(table(found)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--table", action="store_true", help="print every entry")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = pairs(Path(folder))
    if options.table:
        for (source, suffix), lines in found.items():
            for line in lines:
                print(f"{source:12} {suffix:6} {line.verdict:8} {line.entry}")
    else:
        PAGE.write_text(page(found))
    wrong = failures(found)
    print("\n".join(wrong))
    print(f"{len(found)} pairs, {sum(map(len, found.values()))} entries, {len(wrong)} wrong", file=sys.stderr)
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
