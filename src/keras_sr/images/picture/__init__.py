"""Pictures that survive: every band and bit of a file, its profile and its metadata, in and out.

libvips reads and writes PNG, JPEG, TIFF, WebP and GIF; Pillow and its plugins the rest (docs/decisions/0008
has the comparison); metadata is read from and put into files by hand, byte for byte. `images.plain` is the
plain 8-bit view of the same files, for training and measuring.
"""

from keras_sr.images.formats import FORMATS, NOT_READ, READ, WRITTEN, Format, format_of
from keras_sr.images.picture.header import Header, header
from keras_sr.images.picture.limits import bytes_to_write, refuse_too_large_for_memory, refuse_too_long
from keras_sr.images.picture.model import Metadata, Picture
from keras_sr.images.picture.pillow import from_pillow
from keras_sr.images.picture.reading import MAX_PIXELS, read
from keras_sr.images.picture.vips import import_vips
from keras_sr.images.picture.writing import encode, made_to_fit, opaque, write

__all__ = [
    "FORMATS",
    "MAX_PIXELS",
    "NOT_READ",
    "READ",
    "WRITTEN",
    "Format",
    "Header",
    "Metadata",
    "Picture",
    "bytes_to_write",
    "encode",
    "format_of",
    "from_pillow",
    "header",
    "import_vips",
    "made_to_fit",
    "opaque",
    "read",
    "refuse_too_large_for_memory",
    "refuse_too_long",
    "write",
]
