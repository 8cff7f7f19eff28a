"""Firmware that a virtual lock can run.

Only the header means anything: magic, CRC-32 of all that follows it, version. The rest
is deterministic noise, which compresses and repeats as little as real code does.
"""

import random
import struct
import zlib

_MAGIC = b"RIGLOCK1"
_HEADER = struct.Struct("<8sI20s")
SMALLEST_IMAGE = 64
WORD = 4


def make_image(version: str, size: int, seed: int) -> bytes:
    """Make firmware of exactly ``size`` bytes, a multiple of 4, that boots."""
    text = version.encode("ascii")
    if size < SMALLEST_IMAGE or size % WORD or not 0 < len(text) <= 20:
        raise ValueError(f"no image of {size} bytes for version {version!r}")
    noise = random.Random(f"{version} {size} {seed}")
    body = noise.randbytes(size - _HEADER.size)
    field = text.ljust(20, b"\0")
    return _HEADER.pack(_MAGIC, zlib.crc32(field + body), field) + body


def image_version(image: bytes) -> str | None:
    """Return the version of firmware; None for what does not boot."""
    if len(image) < SMALLEST_IMAGE:
        return None
    magic, crc, field = _HEADER.unpack_from(image)
    if magic != _MAGIC or crc != zlib.crc32(image[12:]):
        return None
    version: str = field.rstrip(b"\0").decode("ascii")
    return version
