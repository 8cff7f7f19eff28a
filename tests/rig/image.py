"""Firmware that a virtual lock can run.

Only the header means anything: magic, CRC-32 of all that follows it, version; and after
it, in firmware that is no good, how it behaves. The rest is deterministic noise, which
compresses and repeats as little as real code does.
"""

from enum import IntFlag
import random
import struct
import zlib

_MAGIC = b"RIGLOCK1"
_HEADER = struct.Struct("<8sI20s")
_BEHAVES = struct.Struct("<8sB3x")
_BEHAVES_MAGIC = b"BEHAVES1"
SMALLEST_IMAGE = 64
WORD = 4


class Behaviour(IntFlag):
    """How firmware behaves once it runs, apart from well."""

    WELL = 0
    JAMS_BOLT = 1
    """It starts, and drives the bolt into something; better firmware frees it."""
    NEVER_STARTS = 2
    """It hangs until the watchdog restarts the lock."""
    CRASHES = 4
    """It runs for a while, and then the lock restarts."""
    CANNOT_BE_UPDATED = 8
    """It has no service for updates any more."""
    CONFIRMS_ITSELF = 16
    """It does not wait for anybody to find it good."""


def make_image(
    version: str, size: int, seed: int, *, behaviour: Behaviour = Behaviour.WELL
) -> bytes:
    """Make firmware of exactly ``size`` bytes, a multiple of 4, that boots."""
    text = version.encode("ascii")
    if size < SMALLEST_IMAGE or size % WORD or not 0 < len(text) <= 20:
        raise ValueError(f"no image of {size} bytes for version {version!r}")
    noise = random.Random(f"{version} {size} {seed}")
    body = noise.randbytes(size - _HEADER.size)
    if behaviour:
        body = _BEHAVES.pack(_BEHAVES_MAGIC, behaviour) + body[_BEHAVES.size :]
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


def image_behaviour(image: bytes) -> Behaviour:
    """Return how firmware behaves that boots."""
    magic, behaviour = _BEHAVES.unpack_from(image, _HEADER.size)
    return Behaviour(behaviour) if magic == _BEHAVES_MAGIC else Behaviour.WELL
