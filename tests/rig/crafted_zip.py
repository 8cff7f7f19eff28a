"""Zips that no honest tool makes, written byte by byte (PKWARE APPNOTE 6.3.10)."""

from collections.abc import Sequence
from dataclasses import dataclass
import struct
import zlib

STORED = 0
DEFLATED = 8


def deflate(data: bytes) -> bytes:
    """Compress without header, as zips do."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return deflater.compress(data) + deflater.flush()


@dataclass(frozen=True, slots=True, kw_only=True)
class CraftedMember:
    """A member, and the lies told of it; ``None`` means the truth."""

    name: bytes
    data: bytes = b""
    method: int = DEFLATED
    raw: bytes | None = None
    """What lies in the file instead of the compressed data."""
    size: int | None = None
    compressed_size: int | None = None
    crc: int | None = None
    flags: int = 0
    external_attributes: int = 0
    disk: int = 0
    offset: int | None = None
    extra: bytes = b""
    signature: bytes = b"PK\x01\x02"
    absent: bool = False
    """Whether it stands in the directory only."""
    local_signature: bytes = b"PK\x03\x04"
    local_name: bytes | None = None
    local_size: int | None = None
    local_method: int | None = None
    descriptor: bytes = b""
    """What follows the data."""

    @property
    def stored(self) -> bytes:
        """What lies in the file."""
        if self.raw is not None:
            return self.raw
        return deflate(self.data) if self.method == DEFLATED else self.data

    def _sizes(self) -> tuple[int, int, int]:
        return (
            zlib.crc32(self.data) if self.crc is None else self.crc,
            len(self.stored) if self.compressed_size is None else self.compressed_size,
            len(self.data) if self.size is None else self.size,
        )

    def local_part(self) -> bytes:
        """Return the local header, the data and the descriptor."""
        if self.absent:
            return b""
        name = self.name if self.local_name is None else self.local_name
        method = self.method if self.local_method is None else self.local_method
        crc, compressed_size, size = self._sizes()
        size = size if self.local_size is None else self.local_size
        header = self.local_signature + struct.pack(
            "<5H3L2H",
            20,
            self.flags,
            method,
            0,
            0x21,
            crc,
            compressed_size,
            size,
            len(name),
            len(self.extra),
        )
        return header + name + self.extra + self.stored + self.descriptor

    def directory_part(self, offset: int) -> bytes:
        """Return the entry of the central directory."""
        return (
            struct.pack(
                "<4s6H3L5H2L",
                self.signature,
                3 << 8 | 20,
                20,
                self.flags,
                self.method,
                0,
                0x21,
                *self._sizes(),
                len(self.name),
                0,
                0,
                self.disk,
                0,
                self.external_attributes,
                offset if self.offset is None else self.offset,
            )
            + self.name
        )


def craft_zip(
    members: Sequence[CraftedMember],
    *,
    prefix: bytes = b"",
    before_directory: bytes = b"",
    after_directory: bytes = b"",
    comment: bytes = b"",
    count: int | None = None,
    disk: int = 0,
    directory_offset: int | None = None,
    directory_size: int | None = None,
    end_signature: bytes = b"PK\x05\x06",
    comment_length: int | None = None,
) -> bytes:
    """Write the members one after the other, then the directory and its end record."""
    body = bytearray(prefix)
    directory = bytearray()
    for member in members:
        directory += member.directory_part(len(body))
        body += member.local_part()
    body += before_directory
    total = len(members) if count is None else count
    end = struct.pack(
        "<4s4H2LH",
        end_signature,
        disk,
        disk,
        total,
        total,
        len(directory + after_directory) if directory_size is None else directory_size,
        len(body) if directory_offset is None else directory_offset,
        len(comment) if comment_length is None else comment_length,
    )
    return bytes(body) + bytes(directory) + after_directory + end + comment
