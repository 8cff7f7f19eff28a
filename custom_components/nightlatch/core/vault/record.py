"""The head of every file in the vault: a header in the clear, then a sealed record.

The header (big-endian): the magic ``nlvault``, the format's number, the kind of file,
the id of the household key, 32 random bytes of salt, and the length of what follows.
The record is JSON, filled up with blanks so that its length tells little, and sealed
with AES-256-GCM under a key of its own: HKDF-SHA256 of the household key and the salt.
The header is authenticated along with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
import json
import os
import struct
from typing import Any, Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ..errors import VaultError, VaultProblem
from .keys import HouseholdKey

MAGIC: Final = b"nlvault"
FORMAT: Final = 1
TAG: Final = 16
"""Bytes that sealing adds."""

_HEADER = struct.Struct(">7sBc8s32sI")
_SALT = 32
# What a record is filled up to a multiple of.
_GRAIN = 4096
MOST: Final = 1024 * 1024
"""Bytes that a record may have."""
# Each key seals one record.
_NONCE = bytes(12)


class ByteSource(Protocol):
    """What a file is read from."""

    def read(self, size: int, /) -> bytes:
        """Return so many bytes; fewer only at the end."""


class ByteTarget(Protocol):
    """What a file is written to."""

    def write(self, data: bytes, /) -> object:
        """Write all of this."""


class RecordKind(Enum):
    """What a file of the vault is."""

    BLOB = b"b"
    LEDGER = b"l"


@dataclass(frozen=True, slots=True)
class Where:
    """What an error names."""

    place: str
    artifact: str

    def called(self, artifact: str) -> Where:
        """Return the same place, with what the artifact turned out to be."""
        return replace(self, artifact=artifact)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The head of a file, whose record was sealed under the household's key."""

    salt: bytes
    raw: bytes
    """As it stands in the file."""
    record: Mapping[str, Any]


def write_head(
    target: ByteTarget, key: HouseholdKey, kind: RecordKind, record: Mapping[str, Any]
) -> Head:
    """Seal a record; raise ``ValueError`` where it is too long or no JSON."""
    text = json.dumps(record, separators=(",", ":"), allow_nan=False).encode()
    if len(text) > MOST:
        raise ValueError(f"A record has at most {MOST} bytes, not {len(text)}")
    text = text.ljust(_grains(len(text)))
    salt = os.urandom(_SALT)
    header = _HEADER.pack(
        MAGIC, FORMAT, kind.value, bytes.fromhex(key.key_id), salt, len(text) + TAG
    )
    sealed = _cipher(key, kind, salt).encrypt(_NONCE, text, header)
    raw = header + sealed
    target.write(raw)
    return Head(salt=salt, raw=raw, record=record)


def read_head(
    source: ByteSource, key: HouseholdKey, kind: RecordKind, where: Where
) -> Head:
    """Open a record.

    Raises ``VaultError`` NOT_A_BLOB, TOO_NEW, OTHER_BLOB (of another kind or household),
    TRUNCATED or DAMAGED; and ``OSError``.
    """
    header = source.read(_HEADER.size)
    if header[: len(MAGIC)] != MAGIC[: len(header)]:
        raise VaultError(
            VaultProblem.NOT_A_BLOB, place=where.place, artifact=where.artifact
        )
    if len(header) < _HEADER.size:
        raise truncated(where)
    _, form, raw_kind, key_id, salt, length = _HEADER.unpack(header)
    if form > FORMAT:
        raise VaultError(
            VaultProblem.TOO_NEW, place=where.place, artifact=where.artifact
        )
    if raw_kind != kind.value or key_id.hex() != key.key_id:
        raise other(where)
    if form < FORMAT or (length - TAG) % _GRAIN or not 0 < length - TAG <= MOST:
        raise damaged(where)
    sealed = source.read(length)
    if len(sealed) < length:
        raise truncated(where)
    try:
        text = _cipher(key, kind, salt).decrypt(_NONCE, sealed, header)
        record = json.loads(text)
    except (InvalidTag, ValueError) as err:
        raise damaged(where) from err
    return Head(salt=salt, raw=header + sealed, record=record)


def truncated(where: Where) -> VaultError:
    """Return that a file ends too early."""
    return VaultError(
        VaultProblem.TRUNCATED, place=where.place, artifact=where.artifact
    )


def damaged(where: Where) -> VaultError:
    """Return that a file is not as it was written."""
    return VaultError(VaultProblem.DAMAGED, place=where.place, artifact=where.artifact)


def other(where: Where) -> VaultError:
    """Return that a file is another one than its name says."""
    return VaultError(
        VaultProblem.OTHER_BLOB, place=where.place, artifact=where.artifact
    )


def _grains(size: int) -> int:
    return max(1, -(-size // _GRAIN)) * _GRAIN


def _cipher(key: HouseholdKey, kind: RecordKind, salt: bytes) -> AESGCM:
    return AESGCM(key.derive("record", salt=salt, context=kind.value))
