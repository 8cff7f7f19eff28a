"""The household's key, and the wrapped keys that it is kept in.

The key itself never changes. What changes, when the owner wants it otherwise, is the
wrapped key: what of the key lies in Home Assistant's storage.

- ``STORAGE``: the key itself. It protects copies that lie elsewhere (a share, a disk
  that is sold), not against whoever reads Home Assistant's own disk or backups.
- ``PASSPHRASE``: the key, sealed under Argon2id (RFC 9106) of a passphrase. It protects
  the disk and the backups too; after each start a person has to type it in.
- ``KEY_FILE``: the key, sealed under the bytes of a file. It protects what is taken
  without the file; whoever has both has the key.
"""

from collections.abc import Mapping
from enum import StrEnum
import errno
import hashlib
import hmac
import json
import os
from pathlib import Path
import stat
from typing import Any, Final, NoReturn, Self, override
import unicodedata

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ..errors import VaultError, VaultProblem
from ..records.stored import as_text, as_whole

PASSPHRASE_LEAST: Final = 12
"""Characters."""
KEY_FILE_LEAST: Final = 32
KEY_FILE_MOST: Final = 64 * 1024
"""Bytes."""

_SIZE = 32
_SALT = 16
_NONCE = 12
_FORMAT = 1
# RFC 9106, 4: the second recommended option, for where 2 GiB is too much to ask.
_MEMORY = 64 * 1024  # KiB
_PASSES = 3
_LANES = 4
# A wrapped key is read before anything proves it: more than this is not computed.
_MOST = {"memory": 1024 * 1024, "passes": 16, "lanes": 16}


class KeySource(StrEnum):
    """Where the household key comes from at a start."""

    STORAGE = "storage"
    """Home Assistant's own storage: the key lies beside what it opens."""
    PASSPHRASE = "passphrase"  # noqa: S105
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
        if len(secret) != _SIZE:
            raise ValueError("A household key has 32 bytes")
        self._secret = bytes(secret)
        self.key_id = self.derive("key id", length=8).hex()

    @classmethod
    def new(cls) -> Self:
        """Return a key that nobody has had before."""
        return cls(os.urandom(_SIZE))

    def derive(
        self,
        purpose: str,
        *,
        salt: bytes | None = None,
        context: bytes = b"",
        length: int = _SIZE,
    ) -> bytes:
        """Return a key for one purpose: HKDF-SHA256 (RFC 5869).

        ``info`` is the purpose and the context, each with its length in front.
        """
        info = b"".join(
            len(part).to_bytes(4) + part
            for part in (f"nightlatch vault {purpose}".encode(), context)
        )
        return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(
            self._secret
        )

    def reveal(self) -> bytes:
        """Return the bytes themselves: to be wrapped, and for nothing else."""
        return self._secret

    @override
    def __repr__(self) -> str:
        """Show which key it is, and nothing of it."""
        return f"<HouseholdKey {self.key_id}>"

    @override
    def __reduce__(self) -> NoReturn:
        """Refuse to be written down in passing."""
        raise TypeError("A household key is kept wrapped")


def lock_in_storage(key: HouseholdKey) -> dict[str, Any]:
    """Return the key as it is, in the form of a wrapped one."""
    return _closed(
        {**_label(key, KeySource.STORAGE), "key": key.reveal().hex()},
    )


def lock_with_passphrase(key: HouseholdKey, passphrase: str) -> dict[str, Any]:
    """Return a wrapped key that only the passphrase opens.

    Takes a good part of a second and 64 MiB, on purpose. Raises ``VaultError``
    PASSPHRASE_TOO_SHORT.
    """
    if len(_normal(passphrase)) < PASSPHRASE_LEAST:
        raise VaultError(VaultProblem.PASSPHRASE_TOO_SHORT, least=PASSPHRASE_LEAST)
    label = {
        **_label(key, KeySource.PASSPHRASE),
        "salt": os.urandom(_SALT).hex(),
        "memory": _MEMORY,
        "passes": _PASSES,
        "lanes": _LANES,
    }
    return _sealed(key, label, _from_passphrase(label, passphrase))


def lock_with_key_file(key: HouseholdKey, path: Path) -> dict[str, Any]:
    """Return a wrapped key that only the bytes of a file open; where it lies is not kept.

    Any file from 32 bytes to 64 KiB will do. Raises ``VaultError``
    KEY_FILE_UNREADABLE.
    """
    label = {**_label(key, KeySource.KEY_FILE), "salt": os.urandom(_SALT).hex()}
    return _sealed(key, label, _from_key_file(label, path))


def source_of(wrapped: Mapping[str, Any]) -> KeySource:
    """Return what opens a wrapped key; raise ``VaultError`` KEY_LOST where it is none."""
    return KeySource(_checked(wrapped)["source"])


def unlock(
    wrapped: Mapping[str, Any],
    *,
    passphrase: str | None = None,
    key_file: Path | None = None,
) -> HouseholdKey:
    """Return the key, unwrapped.

    Raises ``VaultError``: LOCKED where what opens it was not given, WRONG_PASSPHRASE,
    KEY_FILE_UNREADABLE, WRONG_KEY_FILE, or KEY_LOST where the wrapped key itself is damaged.
    """
    label = dict(_checked(wrapped))
    try:
        match KeySource(label["source"]):
            case KeySource.STORAGE:
                return _same(label, bytes.fromhex(as_text(label["key"])))
            case KeySource.PASSPHRASE:
                if passphrase is None:
                    raise VaultError(VaultProblem.LOCKED, source=label["source"])
                opener = _from_passphrase(label, passphrase)
                refusal = VaultError(VaultProblem.WRONG_PASSPHRASE)
            case KeySource.KEY_FILE:
                if key_file is None:
                    raise VaultError(VaultProblem.LOCKED, source=label["source"])
                opener = _from_key_file(label, key_file)
                refusal = VaultError(VaultProblem.WRONG_KEY_FILE, path=str(key_file))
        nonce = bytes.fromhex(as_text(label.pop("nonce")))
        sealed = bytes.fromhex(as_text(label.pop("wrapped")))
        try:
            secret = AESGCM(opener).decrypt(nonce, sealed, _canonical(label))
        except InvalidTag:
            raise refusal from None
        return _same(label, secret)
    except (KeyError, TypeError, ValueError) as err:
        raise _lost(f"it cannot be read: {err!r}") from err


def _label(key: HouseholdKey, source: KeySource) -> dict[str, Any]:
    return {"format": _FORMAT, "source": source.value, "key_id": key.key_id}


def _sealed(key: HouseholdKey, label: dict[str, Any], opener: bytes) -> dict[str, Any]:
    nonce = os.urandom(_NONCE)
    wrapped = AESGCM(opener).encrypt(nonce, key.reveal(), _canonical(label))
    return _closed({**label, "nonce": nonce.hex(), "wrapped": wrapped.hex()})


def _closed(content: dict[str, Any]) -> dict[str, Any]:
    """Add what tells a damaged wrapped key from a wrong passphrase; it proves nothing."""
    return {**content, "check": hashlib.sha256(_canonical(content)).hexdigest()}


def _checked(wrapped: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        content = {key: value for key, value in wrapped.items() if key != "check"}
        if as_whole(content["format"]) > _FORMAT:
            raise _lost("a newer version of Nightlatch has written it")
        whole = hmac.compare_digest(
            hashlib.sha256(_canonical(content)).hexdigest().encode(),
            as_text(wrapped["check"]).encode(),
        )
        KeySource(content["source"])
    except (AttributeError, KeyError, TypeError, ValueError) as err:
        raise _lost(f"it cannot be read: {err!r}") from err
    if not whole:
        raise _lost("it has been changed")
    return content


def _same(label: Mapping[str, Any], secret: bytes) -> HouseholdKey:
    key = HouseholdKey(secret)
    if key.key_id != label["key_id"]:
        raise _lost("it holds another key than it says")
    return key


def _canonical(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def _normal(passphrase: str) -> str:
    """Return the one form of a passphrase, whatever keyboard it came from (RFC 8265)."""
    return unicodedata.normalize("NFC", passphrase)


def _from_passphrase(label: Mapping[str, Any], passphrase: str) -> bytes:
    cost = {name: as_whole(label[name]) for name in _MOST}
    if any(not 1 <= value <= _MOST[name] for name, value in cost.items()):
        raise ValueError("it asks for too much work")
    return Argon2id(
        salt=bytes.fromhex(as_text(label["salt"])),
        length=_SIZE,
        iterations=cost["passes"],
        lanes=cost["lanes"],
        memory_cost=cost["memory"],
    ).derive(_normal(passphrase).encode("utf-8", "surrogatepass"))


def _from_key_file(label: Mapping[str, Any], path: Path) -> bytes:
    return HKDF(
        algorithm=SHA256(),
        length=_SIZE,
        salt=bytes.fromhex(as_text(label["salt"])),
        info=b"nightlatch vault key file",
    ).derive(_read_key_file(path))


def _read_key_file(path: Path) -> bytes:
    try:
        # Not blocking: a pipe of that name must not hold up a start for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise _unreadable(path, "it is no file")
            raw = file.read(KEY_FILE_MOST + 1)
    except OSError as err:
        raise _unreadable(path, os.strerror(err.errno or errno.EIO)) from err
    except ValueError as err:
        # A name with a zero character in it.
        raise _unreadable(path, str(err)) from err
    if len(raw) < KEY_FILE_LEAST:
        raise _unreadable(path, f"it has fewer than {KEY_FILE_LEAST} bytes")
    if len(raw) > KEY_FILE_MOST:
        raise _unreadable(path, f"it has more than {KEY_FILE_MOST} bytes")
    return raw


def _unreadable(path: Path, detail: str) -> VaultError:
    return VaultError(VaultProblem.KEY_FILE_UNREADABLE, path=str(path), detail=detail)


def _lost(detail: str) -> VaultError:
    return VaultError(VaultProblem.KEY_LOST, detail=detail)
