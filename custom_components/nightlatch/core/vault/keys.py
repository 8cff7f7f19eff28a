"""The household's key, and the lockboxes that it is kept in.

The key itself never changes. What changes, when the owner wants it otherwise, is the
lockbox: what of the key lies in Home Assistant's storage.
"""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Self, override


class KeySource(StrEnum):
    """Where the household key comes from at a start."""

    STORAGE = "storage"
    """Home Assistant's own storage: the key lies beside what it opens."""
    PASSPHRASE = "passphrase"
    """A person, who types it in after every start."""
    KEY_FILE = "key_file"
    """A file that lies elsewhere, as on a stick."""


class HouseholdKey:
    """The 32 random bytes that everything in the vault is sealed under."""

    __slots__ = ("_secret", "key_id")

    key_id: str
    """16 hexadecimal digits that tell this key from others, and nothing of it."""

    def __init__(self, secret: bytes) -> None:
        """Take 32 bytes; raise ``ValueError`` for any other number."""
        raise NotImplementedError

    @classmethod
    def new(cls) -> Self:
        """Return a key that nobody has had before."""
        raise NotImplementedError

    @override
    def __repr__(self) -> str:
        """Show which key it is, and nothing of it."""
        raise NotImplementedError


def lock_in_storage(key: HouseholdKey) -> dict[str, Any]:
    """Return a lockbox that holds the key itself."""
    raise NotImplementedError


def lock_with_passphrase(key: HouseholdKey, passphrase: str) -> dict[str, Any]:
    """Return a lockbox that only the passphrase opens.

    Takes a good part of a second and 64 MiB, on purpose. Raises ``VaultError``
    PASSPHRASE_TOO_SHORT.
    """
    raise NotImplementedError


def lock_with_key_file(key: HouseholdKey, path: Path) -> dict[str, Any]:
    """Return a lockbox that only the bytes of a file open; where it lies is not kept.

    Any file from 32 bytes to 64 KiB will do. Raises ``VaultError``
    KEY_FILE_UNREADABLE.
    """
    raise NotImplementedError


def source_of(lockbox: Mapping[str, Any]) -> KeySource:
    """Return what opens a lockbox; raise ``VaultError`` KEY_LOST where it is none."""
    raise NotImplementedError


def unlock(
    lockbox: Mapping[str, Any],
    *,
    passphrase: str | None = None,
    key_file: Path | None = None,
) -> HouseholdKey:
    """Return the key out of its lockbox.

    Raises ``VaultError``: LOCKED where what opens it was not given, WRONG_PASSPHRASE,
    KEY_FILE_UNREADABLE, WRONG_KEY_FILE, or KEY_LOST where the lockbox itself is damaged.
    """
    raise NotImplementedError
