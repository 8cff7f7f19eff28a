"""One artifact in one file: encrypted in chunks, bound to what it is.

After the head (``record.py``), whose record says what the blob is, the artifact follows
in chunks of 64 KiB, each sealed with AES-256-GCM. Their key is new for each blob: HKDF-
SHA256 of the household key and the blob's salt, with the binding as its info. The nonce
is the chunk's number and whether it is the last (STREAM: Hoang, Reyhanitabar, Rogaway
and Vizár, Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance, 2015);
the digest of the head is authenticated along with each. So no chunk can be changed, left
out, moved or taken from elsewhere, and no end can be cut off, without being noticed.

The last chunk is filled up, so that a file's length tells an artifact's only to 64 KiB.
"""

from collections.abc import Iterable, Iterator
import hashlib
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ..errors import VaultError
from .kept import Binding, Kept
from .keys import HouseholdKey
from .record import (
    TAG,
    ByteSource,
    ByteTarget,
    Head,
    RecordKind,
    Where,
    damaged,
    other,
    read_head,
    truncated,
    write_head,
)

CHUNK: Final = 64 * 1024
"""Bytes of an artifact that are sealed together."""


def write_blob(
    target: ByteTarget,
    key: HouseholdKey,
    kept: Kept,
    chunks: Iterable[bytes],
    where: Where,
) -> int:
    """Seal an artifact, whose chunks may have any sizes; return the length of the blob.

    Raises ``VaultError`` DAMAGED where they are not what is bound, with what was written
    until then of no use to anybody; and ``OSError``.
    """
    head = write_head(target, key, RecordKind.BLOB, kept.to_dict())
    stream = _Stream(key, kept, head)
    digest, size = hashlib.sha256(), 0
    waiting = bytearray()
    for chunk in chunks:
        digest.update(chunk)
        size += len(chunk)
        left = memoryview(chunk)
        # What may be the last one waits.
        while len(waiting) + len(left) > CHUNK:
            room = CHUNK - len(waiting)
            waiting += left[:room]
            left = left[room:]
            target.write(stream.seal(waiting, last=False))
            waiting.clear()
        waiting += left
    if size != kept.size or digest.hexdigest() != kept.binding.sha256:
        raise damaged(where)
    target.write(stream.seal(waiting.ljust(CHUNK, b"\0"), last=True))
    return _length(head, kept)


def read_about(
    source: ByteSource, size: int, key: HouseholdKey, where: Where
) -> tuple[Kept, VaultError | None]:
    """Return what a blob is, without reading the artifact.

    ``size`` is how long its file is; the second is what is wrong with that. Raises what
    ``read_head`` does.
    """
    head = read_head(source, key, RecordKind.BLOB, where)
    kept = _kept(head, where)
    length, where = _length(head, kept), where.called(kept.binding.label)
    if size < length:
        return kept, truncated(where)
    return kept, damaged(where) if size > length else None


def read_blob(
    source: ByteSource, key: HouseholdKey, binding: Binding, where: Where
) -> Iterator[bytes]:
    """Yield the artifact of that binding; only when it has ended in peace is it whole.

    Every chunk was authenticated before it is yielded, and their sum afterwards. Raises
    ``VaultError`` as ``read_head`` does, and ``OSError``.
    """
    head = read_head(source, key, RecordKind.BLOB, where)
    kept = _kept(head, where)
    if kept.binding != binding:
        raise other(where)
    stream = _Stream(key, kept, head)
    digest, left = hashlib.sha256(), kept.size
    for number in range(count := _chunks(kept.size)):
        sealed = source.read(CHUNK + TAG)
        if len(sealed) < CHUNK + TAG:
            raise truncated(where)
        try:
            chunk = stream.open(sealed, last=number == count - 1)
        except InvalidTag as err:
            raise damaged(where) from err
        chunk, left = chunk[:left], left - len(chunk)
        digest.update(chunk)
        yield chunk
    if source.read(1) or digest.hexdigest() != kept.binding.sha256:
        raise damaged(where)


def _chunks(size: int) -> int:
    return max(1, -(-size // CHUNK))


def _length(head: Head, kept: Kept) -> int:
    return len(head.raw) + _chunks(kept.size) * (CHUNK + TAG)


def _kept(head: Head, where: Where) -> Kept:
    try:
        return Kept.from_dict(head.record)
    except ValueError as err:
        raise damaged(where) from err


class _Stream:
    """Seals or opens the chunks of one blob, in their order."""

    def __init__(self, key: HouseholdKey, kept: Kept, head: Head) -> None:
        self._cipher = AESGCM(
            key.derive("blob", salt=head.salt, context=kept.binding.canonical())
        )
        self._head = hashlib.sha256(head.raw).digest()
        self._number = 0

    def seal(self, chunk: bytearray, *, last: bool) -> bytes:
        return self._cipher.encrypt(self._nonce(last=last), chunk, self._head)

    def open(self, sealed: bytes, *, last: bool) -> bytes:
        return self._cipher.decrypt(self._nonce(last=last), sealed, self._head)

    def _nonce(self, *, last: bool) -> bytes:
        self._number += 1
        return self._number.to_bytes(11) + bytes([last])
