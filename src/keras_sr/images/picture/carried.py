"""Which of a file's metadata a result carries: kept, brought up to date, or said to be lost."""

from dataclasses import replace

from keras_sr.images.formats import Format
from keras_sr.images.picture import exif, jpeg, photoshop, png, tiff, xmp
from keras_sr.images.picture.exif import Change
from keras_sr.images.picture.model import Metadata, Picture
from keras_sr.images.picture.profile import DAMAGED_PROFILE, in_fours, whole

#: Bytes that a segment of JPEG has for EXIF.
_JPEG_EXIF = 65_527

#: What programs that make AI pictures write their settings under, in PNG and in EXIF.
_PARAMETERS = "parameters"

#: Colour chunks of PNG, for what is said of them.
_CHUNKS = {
    b"gAMA": "gamma (PNG)",
    b"cHRM": "primaries (PNG)",
    b"sRGB": "the mark of sRGB (PNG)",
    b"cICP": "the colours' description (cICP)",
    b"mDCV": "the mastering display (PNG)",
    b"mDCv": "the mastering display (PNG)",
    b"cLLI": "light levels (PNG)",
    b"cLLi": "light levels (PNG)",
}


def carried(one: Format, picture: Picture) -> tuple[Metadata, tuple[float, float], tuple[str, ...]]:
    """Return the metadata and the resolution for a file of a format, and what it does not say, in words.

    Args:
        one: The format.
        picture: As it is to be written: its pixels say how much larger than its source it is.
    """
    meta, lost = picture.metadata, list[str]()
    change = _change(picture)
    meta = replace(meta, profile=_profile(one, picture, lost))
    meta = _texts(one, meta, lost)
    if meta.tags:
        meta = _tags(one, meta, change, lost)
    elif meta.exif:
        lost += ["the thumbnail"] * exif.has_thumbnail(meta.exif)
        meta = replace(meta, exif=exif.patched_exif(meta.exif, change))
    if meta.xmp:
        packet, more = xmp.patched_xmp(meta.xmp, change)
        lost += more
        meta = replace(meta, xmp=packet)
    if meta.photoshop:
        blocks, more = photoshop.patched_resources(meta.photoshop, picture.resolution)
        lost += more
        meta = replace(meta, photoshop=blocks)
    meta = _resolution(one, picture, _only_what_it_holds(one, meta, lost), lost)
    return meta, picture.resolution, tuple(dict.fromkeys(lost))


def _change(picture: Picture) -> Change:
    """Return what became of the pixels of a picture's source."""
    result = len(picture.pixels) // picture.pages, picture.pixels.shape[1]
    size = picture.metadata.size
    if 0 in size:
        return Change(result, 1, result, picture.resolution)
    return Change(size, picture.metadata.orientation, result, picture.resolution)


def _profile(one: Format, picture: Picture, lost: list[str]) -> bytes:
    """Return the profile that a file gets."""
    profile = whole(picture.metadata.profile)
    if picture.metadata.profile and not profile:
        lost.append(DAMAGED_PROFILE)
    if profile and "profile" not in one.blocks:
        lost.append("the colour profile")
        return b""
    grey = profile[16:20] == b"GRAY"
    if (
        profile
        and grey != (picture.pixels.shape[2] == 1 and one.grey)
        and (grey or profile[16:20] == b"RGB ")
    ):
        lost.append("the colour profile (of other colours than the file's)")
        return b""
    return in_fours(profile) if one.name == "PNG" else profile


def _texts(one: Format, meta: Metadata, lost: list[str]) -> Metadata:
    """Return metadata with the texts of a PNG, and comments, where the format has room for them."""
    if one.name == "PNG":
        chunks = meta.chunks + tuple(
            png.text_chunk("Comment", comment.decode("utf-8", "replace").rstrip("\0"))
            for comment in meta.comments
        )
        return replace(meta, chunks=chunks, comments=())
    if meta.comments and "comments" not in one.blocks:
        lost.append("a comment")
        meta = replace(meta, comments=())
    for kind, data in meta.chunks:
        found = png.text(kind, data) if kind in png.TEXTS else None
        if kind not in png.TEXTS:
            lost.append(_CHUNKS.get(kind, f"PNG chunk {kind.decode('latin-1')!r}"))
        elif found is None:
            lost.append("a damaged text")
        elif found[0] == _PARAMETERS and "exif" in one.blocks and not meta.exif:
            comment = exif.user_comment(found[1])
            block = exif.made({}, {exif.USER_COMMENT: comment})
            fits = len(block) <= _JPEG_EXIF or one.name != "JPEG"
            lost += [] if fits else [f"text {found[0]!r}"]
            meta = replace(meta, exif=block) if fits else meta
        elif found[0] == "Comment" and "comments" in one.blocks:
            meta = replace(meta, comments=(*meta.comments, found[1].encode()))
        else:
            lost.append(f"text {found[0]!r}")
    return replace(meta, chunks=())


def _tags(one: Format, meta: Metadata, change: Change, lost: list[str]) -> Metadata:
    """Return metadata with the tags of a TIFF where the format has room for them."""
    meta = replace(meta, tags=tuple(tiff.described(page, change) for page in meta.tags))
    if one.name == "TIFF":
        pages: list[dict[int, exif.IfdEntry]] = []
        for page in meta.tags:
            tags, more = tiff.brought_up_to_date(page, change)
            lost += more
            pages.append(tags)
        return replace(
            meta, tags=tuple(pages), exif=exif.patched_exif(meta.exif, change) if meta.exif else b""
        )
    block, more = tiff.as_exif(meta, resolution=max(change.resolution) > 0)
    lost += more
    block = exif.patched_exif(block, change) if block else b""
    return replace(meta, exif=block, tags=())


def _only_what_it_holds(one: Format, meta: Metadata, lost: list[str]) -> Metadata:
    """Return metadata without the blocks that a format does not hold."""
    if meta.exif and ("exif" not in one.blocks or (one.name == "JPEG" and len(meta.exif) > _JPEG_EXIF)):
        lost.append("EXIF")
        meta = replace(meta, exif=b"")
    if meta.xmp and "xmp" not in one.blocks:
        lost.append("XMP")
        meta = replace(meta, xmp=b"")
    if meta.photoshop and "iptc" not in one.blocks:
        lost += ["IPTC"] * bool(photoshop.iptc(meta.photoshop))
        lost += ["Photoshop's resources"] * any(
            number != photoshop.IPTC for number, _, _ in photoshop.resources(meta.photoshop)
        )
        meta = replace(meta, photoshop=b"")
    if one.name == "JPEG":
        long = [comment for comment in meta.comments if len(comment) > jpeg.ROOM]
        lost += ["a comment"] * bool(long)
        meta = replace(meta, comments=tuple(comment for comment in meta.comments if comment not in long))
    if one.name == "TIFF":
        lost += tiff.page_tags(meta, 1)[2]
    if one.name == "TIFF" and any(meta.delays):
        lost.append("how long and how often frames are shown")
    elif one.name == "AVIF" and meta.delays and meta.loop:
        lost.append("how often frames are shown")
    elif one.name == "GIF" and any(delay % 10 for delay in meta.delays):
        lost.append("how long frames are shown, finer than hundredths of a second")
    return meta


def _resolution(one: Format, picture: Picture, meta: Metadata, lost: list[str]) -> Metadata:
    """Return metadata that states the resolution, where a format has EXIF for it and nothing else."""
    if max(picture.resolution) <= 0 or one.name in ("PNG", "JPEG", "TIFF", "BMP"):
        return meta
    if "exif" in one.blocks and not meta.exif:
        block = exif.patched_exif(exif.made(exif.stated()), _change(picture))
        return replace(meta, exif=block)
    if "exif" not in one.blocks or max(exif.resolution(meta.exif)) <= 0:
        lost.append("the resolution")
    return meta
