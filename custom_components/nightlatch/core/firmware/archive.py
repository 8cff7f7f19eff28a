"""Read a zip that nobody vouches for: bounded, and in one way only.

General zip libraries are lenient, and two lenient readers may see two different
contents in one file. Here every byte of the file must belong to exactly one member, to
the directory or to the comment behind it, and the two descriptions that a zip has of
each member must agree. Section numbers are those of PKWARE's APPNOTE.TXT 6.3.10.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
import stat
import struct
from typing import Final, NamedTuple
import zlib

from ..errors import FirmwareError, FirmwareProblem
from ..phrase import Phrase

MAX_MEMBERS: Final = 64
"""A package has three; more are folders, notes, and what a computer leaves of its own."""
MAX_RATIO: Final = 100
"""Firmware shrinks to a half or a third; a member that shrinks further is a bomb."""
RATIO_MATTERS_FROM: Final = 64 * 1024
"""Bytes; smaller members may shrink as they like."""

# 4.3.16, 4.3.12 and 4.3.7: each begins with its signature.
_END = struct.Struct("<4s4H2LH")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
# 4.4.4: encrypted, strongly encrypted, headers encrypted.
_ENCRYPTED = 1 << 0 | 1 << 6 | 1 << 13
# 4.4.4: sizes follow the data, in 12 bytes or with a signature in 16 (4.3.9).
_HAS_DESCRIPTOR = 1 << 3
_DESCRIPTOR_SIZES = (12, 16)
# 4.4.5
_STORED = 0
_DEFLATED = 8
_MAX_PATH = 255
_SHOWN_NAME = 40


class _Entry(NamedTuple):
    """A central directory header (4.3.12), in the order of its fields."""

    signature: bytes
    made_by: int
    needed: int
    flags: int
    method: int
    time: int
    date: int
    crc: int
    compressed_size: int
    size: int
    name_length: int
    extra_length: int
    comment_length: int
    disk: int
    internal_attributes: int
    external_attributes: int
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A member of a zip, its data not yet inflated."""

    name: str
    size: int
    """Bytes when inflated, as declared; ``read`` proves it."""
    crc: int
    deflated: bool
    raw: bytes

    def read(self, limit: int) -> bytes:
        """Return the data, never inflating more than one byte beyond the declared size.

        Raises ``FirmwareError``: TOO_LARGE for more than ``limit`` bytes,
        MEMBER_REFUSED where the data are not what is declared.
        """
        if self.size > limit:
            raise FirmwareError(FirmwareProblem.TOO_LARGE, size=self.size, limit=limit)
        data = self._inflate() if self.deflated else self.raw
        if len(data) != self.size:
            raise refused(self.name, "its size is not the declared one")
        if zlib.crc32(data) != self.crc:
            raise refused(self.name, "its checksum is wrong")
        return data

    def _inflate(self) -> bytes:
        if self.size >= RATIO_MATTERS_FROM and self.size > len(self.raw) * MAX_RATIO:
            raise refused(
                self.name, "it inflates more than {times} times", times=MAX_RATIO
            )
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            # One byte more than declared, so that a longer stream shows.
            data = inflater.decompress(self.raw, self.size + 1)
        except zlib.error:
            raise refused(self.name, "its data are damaged") from None
        if len(data) <= self.size and (not inflater.eof or inflater.unused_data):
            raise refused(self.name, "its data are damaged")
        return data


def read_archive(data: bytes) -> dict[str, Member]:
    """Return the members of a zip by their paths, without inflating any.

    Folders are no members; what lies in one has its name in front.

    Raises ``FirmwareError``: NOT_A_PACKAGE where the file is no plain zip, MEMBER_REFUSED
    for a member that a firmware package has no reason to contain.
    """
    members: dict[str, Member] = {}
    folders: set[str] = set()
    directory_start, entries = _read_directory(data)
    # Offsets of each member, and of the directory after the last one.
    starts = sorted([entry.offset for _, entry in entries] + [directory_start])
    following = dict(pairwise(starts))
    tiled = starts[0] == 0 and starts[-1] == directory_start
    if not tiled or len(set(starts)) < len(starts):
        raise _no_package("its members overlap or leave gaps")
    for raw_name, entry in entries:
        name = _checked_path(raw_name)
        if name in members or name in folders:
            raise refused(name, "its name comes twice")
        _check_entry(name, entry)
        member = Member(
            name=name,
            size=entry.size,
            crc=entry.crc,
            deflated=entry.method == _DEFLATED,
            raw=_raw_data(data, name, raw_name, entry, following[entry.offset]),
        )
        if not name.endswith("/"):
            members[name] = member
        elif member.size or member.read(0):
            raise refused(name, "it is a folder with data of its own")
        else:
            folders.add(name)
    return members


def _read_directory(data: bytes) -> tuple[int, list[tuple[bytes, _Entry]]]:
    """Return the directory's offset and its entries."""
    if len(data) < _END.size or not data.startswith(b"PK\x03\x04"):
        raise _no_package("it is no zip file")
    # The last one in the file, so that no comment can hold another.
    end_start = data.rfind(b"PK\x05\x06")
    if not 0 <= end_start <= len(data) - _END.size:
        raise _no_package("it does not end with its directory")
    _, disk, directory_disk, on_disk, count, size, start, comment_length = (
        _END.unpack_from(data, end_start)
    )
    if end_start + _END.size + comment_length != len(data):
        raise _no_package("it does not end with its directory")
    if disk or directory_disk or on_disk != count or start + size != end_start:
        raise _no_package("its directory is wrong")
    if count > MAX_MEMBERS:
        raise _no_package("it has {count} members", count=count)
    return start, list(_entries(data, start, end_start, count))


def _entries(
    data: bytes, start: int, end: int, count: int
) -> Iterator[tuple[bytes, _Entry]]:
    position = start
    for _ in range(count):
        if position + _ENTRY.size > end:
            raise _no_package("its directory is wrong")
        entry = _Entry(*_ENTRY.unpack_from(data, position))
        name_start = position + _ENTRY.size
        name_end = name_start + entry.name_length
        position = name_end + entry.extra_length + entry.comment_length
        if entry.signature != b"PK\x01\x02" or entry.disk:
            raise _no_package("its directory is wrong")
        yield data[name_start:name_end], entry
    if position != end:
        raise _no_package("its directory is wrong")


def _checked_path(raw: bytes) -> str:
    """Return the path of a member, which stays within the zip."""
    path = raw.decode("utf-8", "replace")
    if not raw or len(raw) > _MAX_PATH or "\ufffd" in path or not path.isprintable():
        raise refused(path, "its name is no plain file name")
    parts = path.removesuffix("/").split("/")
    if set(path) & set("\\:") or not {"", ".", ".."}.isdisjoint(parts):
        raise refused(path, "its name leads elsewhere")
    return path


def _check_entry(name: str, entry: _Entry) -> None:
    if entry.flags & _ENCRYPTED:
        raise refused(name, "it is encrypted")
    if entry.method not in (_STORED, _DEFLATED):
        raise refused(name, "its compression is unknown")
    # The upper half is the file mode where the zip was made on a Unix.
    kind = stat.S_IFMT(entry.external_attributes >> 16)
    if kind not in (0, stat.S_IFDIR if name.endswith("/") else stat.S_IFREG):
        raise refused(name, "it is no regular file")


def _raw_data(
    data: bytes, name: str, raw_name: bytes, entry: _Entry, region_end: int
) -> bytes:
    """Return a member's data as stored, after checking the header before them.

    The header may overlap what follows, but it never reaches beyond the file: at least
    the directory with this member's entry lies behind it.
    """
    (
        signature,
        _,
        flags,
        method,
        _,
        _,
        crc,
        compressed_size,
        size,
        name_length,
        extra_length,
    ) = _LOCAL.unpack_from(data, entry.offset)
    name_start = entry.offset + _LOCAL.size
    name_end = name_start + name_length
    if (signature, flags, method, data[name_start:name_end]) != (
        b"PK\x03\x04",
        entry.flags,
        entry.method,
        raw_name,
    ):
        raise refused(name, "the zip describes it in two ways")
    gaps: tuple[int, ...] = _DESCRIPTOR_SIZES
    if not flags & _HAS_DESCRIPTOR:
        gaps = (0,)
        if (crc, compressed_size, size) != (
            entry.crc,
            entry.compressed_size,
            entry.size,
        ):
            raise refused(name, "the zip describes it in two ways")
    data_start = name_end + extra_length
    data_end = data_start + entry.compressed_size
    if region_end - data_end not in gaps:
        raise _no_package("its members overlap or leave gaps")
    return data[data_start:data_end]


def _no_package(template: str, **values: object) -> FirmwareError:
    return FirmwareError(
        FirmwareProblem.NOT_A_PACKAGE, detail=Phrase(template, **values)
    )


def refused(name: str, template: str, **values: object) -> FirmwareError:
    """Return the error for a member, its name made fit to be shown."""
    shown = ascii(name[:_SHOWN_NAME])[1:-1]
    detail = Phrase(template, **values)
    return FirmwareError(FirmwareProblem.MEMBER_REFUSED, member=shown, detail=detail)
