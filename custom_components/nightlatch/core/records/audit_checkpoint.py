"""Signed checkpoints of the audit log: what it held up to an entry.

A checkpoint names an entry by its number and its hash, which stands for all entries up
to it. It is signed (Ed25519, RFC 8032) with the household's own audit key, so that it
can be shown to somebody who trusts the key and nobody else. As a line it is canonical
JSON, as entries are:

    {"checkpoint": {"at", "hash", "key", "n"}, "signature"}

The signature is over a fixed line of text and the canonical JSON of what it is of.
docs/verify_audit_log.py checks the same, without us.

One that stands for entries which were cut off (a cut) is signed over another line of
text: checkpoints leave the house in exports, and none of those lets anybody cut.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
import json
from typing import Any, Final, NoReturn, override

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from .stored import as_text, as_time, as_whole

_PURPOSE: Final = b"nightlatch audit checkpoint 1\n"
_CUT: Final = b"nightlatch audit cut 1\n"
# 128 bits: nobody makes another entry that has these.
_SHORT = 32
_GROUP = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What the log held up to an entry, signed."""

    number: int
    """Of the entry; 0 before the first."""
    hash: str
    at: datetime
    """When it was signed; aware, UTC."""
    key: str
    """The public key, 64 hexadecimal digits."""
    signature: str

    @property
    def is_genuine(self) -> bool:
        """Return whether it was signed with the key that it names, to be shown."""
        return self._is_signed(_PURPOSE)

    @property
    def is_cut(self) -> bool:
        """Return whether it was signed with that to stand for what was cut off."""
        return self._is_signed(_CUT)

    def _is_signed(self, purpose: bytes) -> bool:
        try:
            key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.key))
            key.verify(bytes.fromhex(self.signature), self._signed(purpose))
        except InvalidSignature, ValueError:
            return False
        return True

    def _signed(self, purpose: bytes) -> bytes:
        return purpose + canonical(self._content)

    @property
    def _content(self) -> dict[str, Any]:
        return {
            "at": self.at.isoformat(),
            "hash": self.hash,
            "key": self.key,
            "n": self.number,
        }

    def line(self) -> bytes:
        """Return its line, with its end."""
        return (
            canonical({"checkpoint": self._content, "signature": self.signature})
            + b"\n"
        )


class AuditKey:
    """The key that the household signs checkpoints with."""

    __slots__ = ("_private", "public")

    public: str
    """64 hexadecimal digits."""

    def __init__(self, seed: bytes) -> None:
        """Take 32 secret bytes."""
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self._private.public_key().public_bytes_raw().hex()

    def sign(self, number: int, digest: str, at: datetime) -> Checkpoint:
        """Return a checkpoint at an entry, to be shown."""
        return self._sign(_PURPOSE, number, digest, at)

    def sign_cut(self, number: int, digest: str, at: datetime) -> Checkpoint:
        """Return a checkpoint at the last entry that is cut off."""
        return self._sign(_CUT, number, digest, at)

    def _sign(
        self, purpose: bytes, number: int, digest: str, at: datetime
    ) -> Checkpoint:
        blank = Checkpoint(
            number=number,
            hash=digest,
            at=at.astimezone(UTC),
            key=self.public,
            signature="",
        )
        signature = self._private.sign(blank._signed(purpose)).hex()  # noqa: SLF001
        return Checkpoint(
            number=number,
            hash=digest,
            at=blank.at,
            key=self.public,
            signature=signature,
        )

    @override
    def __repr__(self) -> str:
        """Show which key it is, and nothing of it."""
        return f"<AuditKey {self.public}>"

    @override
    def __reduce__(self) -> NoReturn:
        """Refuse to be written down in passing."""
        raise TypeError("An audit key is not kept")


def parse_checkpoint(text: bytes | None) -> Checkpoint | None:
    """Return the checkpoint that a line is; None where it is none.

    Whether it is genuine is another question.
    """
    if text is None:
        return None
    try:
        raw = json.loads(text)
        content = raw["checkpoint"]
        found = Checkpoint(
            number=as_whole(content["n"]),
            hash=bytes.fromhex(as_text(content["hash"])).hex(),
            at=as_time(content["at"]),
            key=as_text(content["key"]),
            signature=bytes.fromhex(as_text(raw["signature"])).hex(),
        )
        exact = found.line() == text + b"\n"
    except KeyError, RecursionError, TypeError, ValueError:
        return None
    return found if exact and found.number >= 0 else None


def short_form(number: int, digest: str) -> str:
    """Return a checkpoint as a person keeps it: ``12:0123-4567-...``."""
    groups = [digest[start : start + _GROUP] for start in range(0, _SHORT, _GROUP)]
    return f"{number}:{'-'.join(groups)}"


def canonical(content: dict[str, Any]) -> bytes:
    """Return JSON of which there is one form only."""
    return json.dumps(
        content, sort_keys=True, separators=(",", ":"), allow_nan=False
    ).encode()
