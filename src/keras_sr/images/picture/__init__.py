"""Pictures that survive: every band and bit of a file, its profile and its metadata, in and out.

libvips reads and writes PNG, JPEG, TIFF, WebP, GIF and AVIF; Pillow the rest (docs/decisions/0008 has
the comparison). `images.plain` is the plain 8-bit view of the same files, for training and measuring.
"""

from keras_sr.images.picture.model import Picture
from keras_sr.images.picture.reading import MAX_PIXELS, from_pillow, read
from keras_sr.images.picture.vips import import_vips
from keras_sr.images.picture.writing import PLAIN, SAVERS, encode, made_to_fit, opaque, write

__all__ = [
    "MAX_PIXELS",
    "PLAIN",
    "SAVERS",
    "Picture",
    "encode",
    "from_pillow",
    "import_vips",
    "made_to_fit",
    "opaque",
    "read",
    "write",
]
