"""Signing keys as files: those of people behind a passphrase, those of machines not.

A file is called by the role that its key was made for and the beginning of its key id, so
that the right one is found without opening any.
"""

from collections.abc import Callable, Sequence
import os
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from securesystemslib.signer import CryptoSigner, Key, SSlibKey

from .problem import FeedToolError

type AskPassphrase = Callable[[str], str]
"""Asks for a passphrase, told what it is for."""

_ID_SHOWN = 12
_SHORTEST = 12


class KeyStore:
    """The folders that private keys lie in."""

    def __init__(self, folders: Sequence[Path], ask: AskPassphrase) -> None:
        """Take folders, new keys being made in the first one."""
        self._folders = tuple(folders)
        self._ask = ask
        self._known: str | None = None
        self._opened: dict[str, CryptoSigner] = {}

    def make(self, role: str, *, offline: bool) -> CryptoSigner:
        """Make an Ed25519 key and keep it; raise ``FeedToolError``."""
        private = ed25519.Ed25519PrivateKey.generate()
        signer = CryptoSigner(private)
        encryption: serialization.KeySerializationEncryption
        if offline:
            encryption = serialization.BestAvailableEncryption(self._new_passphrase())
        else:
            encryption = serialization.NoEncryption()
        pem = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
        )
        key_id = signer.public_key.keyid
        self._folders[0].mkdir(parents=True, exist_ok=True)
        path = self._folders[0] / f"{role}-{key_id[:_ID_SHOWN]}.pem"
        # Nobody else may read it, from its first moment on.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(pem)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            path.unlink()
            raise
        self._opened[key_id] = signer
        return signer

    def signer(self, key: Key) -> CryptoSigner | None:
        """Return what signs with a key; None where its file is in none of the folders."""
        if key.keyid in self._opened:
            return self._opened[key.keyid]
        for folder in self._folders:
            for path in sorted(folder.glob(f"*-{key.keyid[:_ID_SHOWN]}.pem")):
                signer = self._open(path)
                if signer.public_key.keyid != key.keyid:
                    raise FeedToolError(
                        f"{path} holds another key than it is called by."
                    )
                self._opened[key.keyid] = signer
                return signer
        return None

    def _open(self, path: Path) -> CryptoSigner:
        data = path.read_bytes()
        if b"ENCRYPTED" not in data:
            return _signer(data, None, path)
        if self._known is not None:
            try:
                return _signer(data, self._known, path)
            except FeedToolError:
                self._known = None
        passphrase = self._ask(f"Passphrase of {path.name}")
        signer = _signer(data, passphrase, path)
        self._known = passphrase
        return signer

    def _new_passphrase(self) -> bytes:
        if self._known is None:
            chosen = self._ask("Passphrase for the keys that people keep")
            # A slip that nobody sees would lose the key for good.
            if self._ask("The same once more") != chosen:
                raise FeedToolError("These were two passphrases. No key was made.")
            self._known = chosen
        if len(self._known) < _SHORTEST:
            raise FeedToolError(
                f"A passphrase needs {_SHORTEST} characters: whoever finds the file can"
                " try as many as they like."
            )
        return self._known.encode()


def read_public_key(path: Path) -> SSlibKey:
    """Return a public key for a role out of a PEM file; raise ``FeedToolError``."""
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except ValueError as err:
        raise FeedToolError(f"{path} is no public key in PEM form.") from err
    if not isinstance(
        key, (ec.EllipticCurvePublicKey, ed25519.Ed25519PublicKey, rsa.RSAPublicKey)
    ):
        raise FeedToolError(f"{path} is none of an Ed25519, ECDSA and RSA key.")
    return SSlibKey.from_crypto(key)


def _signer(data: bytes, passphrase: str | None, path: Path) -> CryptoSigner:
    try:
        key = serialization.load_pem_private_key(
            data, None if passphrase is None else passphrase.encode()
        )
    except ValueError as err:
        raise FeedToolError(f"{path} cannot be opened with this passphrase.") from err
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise FeedToolError(f"{path} holds no Ed25519 key.")
    return CryptoSigner(key)
