"""Addresses of pictures in a store (`s3://bucket/photos/`), told from paths and kept free of secrets."""

import os
import re

from keras_sr.errors import KerasSRError

_ADDRESS = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]+)://(.*)", re.DOTALL)

#: What says who somebody is: in an address's query, and in the words of stores' errors.
_SECRET = re.compile(
    r"(?i)((?:[\w-]*(?:signature|credential|security-token|secret|access[_-]?key(?:[_-]?id)?|password|token)|sig)"
    r"[\"']?\s*[=:]\s*[\"']?)[^&\s\"',;<>]+"
)
_LOGIN = re.compile(r"(?<=://)[^/@\s]*:[^/@\s]*@")


def is_address(given: object) -> bool:
    """Return whether something names a place in a store and not a path.

    Examples:
        >>> is_address("s3://bucket/a.png"), is_address("photos/a.png"), is_address("C:/a.png")
        (True, False, False)
    """
    return isinstance(given, str) and _ADDRESS.match(given) is not None


def parts(address: str) -> tuple[str, str]:
    """Return the scheme of an address, and the rest.

    Raises:
        KerasSRError: It holds a password, which reports and logs would repeat.

    Examples:
        >>> parts("S3://bucket/photos/")
        ('s3', 'bucket/photos/')
    """
    found = _ADDRESS.match(address)
    if found is None:
        raise KerasSRError(f"{address!r} is not an address: write it like s3://bucket/photos/")
    scheme, rest = found[1].lower(), found[2]
    if _LOGIN.search(address):
        raise KerasSRError(
            f"an address of {scheme}:// contains a password, which reports would repeat: pass it through the "
            "environment or the store's own settings"
        )
    if not rest.strip("/"):
        raise KerasSRError(f"{address!r} names no bucket: write it like {scheme}://bucket/photos/")
    return scheme, rest


def redacted(text: str) -> str:
    """Return text without what says who somebody is: passwords, keys, tokens and signatures.

    Examples:
        >>> redacted("403 of https://host/a.png?X-Amz-Signature=b1c2&part=3")
        '403 of https://host/a.png?X-Amz-Signature=...&part=3'
        >>> redacted("ftp://me:mine@host/a.png")
        'ftp://...@host/a.png'
    """
    text = _LOGIN.sub("...@", _SECRET.sub(r"\1...", text))
    for name, value in os.environ.items():
        if len(value) >= 8 and re.search(
            "SECRET|TOKEN|PASSWORD|ACCESS_KEY|ACCOUNT_KEY|CONNECTION_STRING", name
        ):
            text = text.replace(value, "...")
    return text
