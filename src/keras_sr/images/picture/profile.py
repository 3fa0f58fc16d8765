"""ICC profiles: whether one is whole. ICC.1:2022, section 7.2."""

#: What is said of one that is not.
DAMAGED_PROFILE = "the colour profile (damaged)"


def whole(profile: bytes) -> bytes:
    """Return a profile without what stands behind its end; b"" of one that is damaged.

    Writers of PNG refuse a picture whose profile does not have the length that it states.
    """
    if len(profile) < 132 or profile[36:40] != b"acsp":
        return b""
    length = int.from_bytes(profile[:4])
    return profile[:length] if 132 <= length <= len(profile) else b""


def in_fours(profile: bytes) -> bytes:
    """Return a profile whose length is a multiple of 4, as version 4 has it and writers of PNG ask for."""
    more = -len(profile) % 4
    return (len(profile) + more).to_bytes(4) + profile[4:] + bytes(more) if more else profile
