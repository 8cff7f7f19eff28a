"""A vendor with a signed feed: publishes releases, and can turn against its customers.

A TUF repository made with python-tuf's metadata API: root needs two of three keys,
targets two of two, snapshot and timestamp one each; consistent snapshots. It is held in
memory; with a directory it is also kept there, and the vendor is the same one after a
restart. Every order takes effect at once, while the server runs.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
import json
from pathlib import Path
import ssl
from typing import Any, Self

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from .dfu_package import public_pem
from .mcuboot_image import SigningKey
from .vendor_http import Behaviour, Request, VendorServer

DESCRIPTOR = "nightlatch.json"

_KEYS = {Root.type: 3, Targets.type: 2, Snapshot.type: 1, Timestamp.type: 1}
_THRESHOLDS = {Root.type: 2, Targets.type: 2, Snapshot.type: 1, Timestamp.type: 1}
_VALID = {
    Root.type: timedelta(days=365),
    Targets.type: timedelta(days=90),
    Snapshot.type: timedelta(days=7),
    Timestamp.type: timedelta(days=3),
}
# What has to be signed anew after a role, since it names the role's version.
_FOLLOWERS = {
    Root.type: (),
    Targets.type: (Snapshot.type, Timestamp.type),
    Snapshot.type: (Timestamp.type,),
    Timestamp.type: (),
}

MODEL = {
    "model": "ND-100",
    "name": "Acme Night Door 100",
    "version_scheme": "dotted",
    "bluetooth": {"local_name": "ND-100*"},
}


@dataclass(frozen=True, slots=True)
class Kept:
    """All that a vendor served at one moment."""

    files: Mapping[str, bytes]


def computer_clock() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


def new_signer() -> CryptoSigner:
    """Make a key that nobody trusts yet."""
    return CryptoSigner.generate_ed25519()


class Vendor:
    """A vendor of locks, and the server of its feed."""

    def __init__(
        self,
        *,
        name: str = "Acme",
        models: Sequence[Mapping[str, Any]] = (MODEL,),
        clock: Callable[[], datetime] = computer_clock,
        tls: ssl.SSLContext | None = None,
        lists_hashes: bool = True,
        image_key: SigningKey | None = None,
    ) -> None:
        """Make the keys and publish a feed without releases.

        With ``lists_hashes`` the snapshot and the timestamp name the hashes of what
        they list; TUF asks for the versions only. ``image_key`` signs images for
        MCUboot, where the vendor has another key for those.
        """
        self._prepare(name, clock, tls, lists_hashes)
        self.firmware_key = ec.generate_private_key(ec.SECP256R1())
        self._image_key = image_key
        self._found()
        self.describe(
            schema=1,
            kind="feed",
            vendor=name,
            models=[dict(model) for model in models],
            firmware_keys=self.firmware_key_pems,
            releases=[],
        )

    def _prepare(
        self,
        name: str,
        clock: Callable[[], datetime],
        tls: ssl.SSLContext | None,
        lists_hashes: bool,
    ) -> None:
        self.name = name
        self.server = VendorServer(self._served, tls)
        self.overlay: dict[str, bytes] = {}
        """Files that are served in place of the true ones."""
        self._clock = clock
        self._lists_hashes = lists_hashes
        self._directory: Path | None = None
        self._signers: dict[str, CryptoSigner] = {}
        self._files: dict[str, bytes] = {}
        self._replayed: Kept | None = None
        self._delegated: dict[str, Metadata[Targets]] = {}

    @classmethod
    def load_or_create(
        cls,
        directory: Path,
        *,
        name: str = "Acme",
        models: Sequence[Mapping[str, Any]] = (MODEL,),
        clock: Callable[[], datetime] = computer_clock,
        tls: ssl.SSLContext | None = None,
    ) -> Self:
        """Return the vendor that is kept in a directory, signed afresh, or a new one."""
        if (directory / "firmware.pem").exists():
            vendor = cls.__new__(cls)
            vendor._prepare(name, clock, tls, lists_hashes=True)
            vendor._load(directory)
        else:
            vendor = cls(name=name, models=models, clock=clock, tls=tls)
        vendor._directory = directory
        vendor.renew()
        return vendor

    # The server.

    async def start(self, port: int = 0) -> None:
        """Open the server, at any port if none is given."""
        await self.server.start(port)

    async def stop(self) -> None:
        """Close the server; connections are then refused."""
        await self.server.stop()

    @property
    def url(self) -> str:
        """The feed's URL, with a slash at its end."""
        return self.server.url

    @property
    def requests(self) -> list[Request]:
        """The request log."""
        return self.server.requests

    def misbehave(self, pattern: str, behaviour: Behaviour) -> None:
        """Answer requests for some paths otherwise than well."""
        self.server.misbehaviour[pattern] = behaviour

    def behave(self) -> None:
        """Serve honestly what is published."""
        self.server.misbehaviour.clear()
        self.overlay.clear()
        self._replayed = None

    def _served(self, path: str) -> bytes | None:
        files = self._replayed.files if self._replayed else self._files
        return self.overlay.get(path, files.get(path))

    # What the vendor says.

    @property
    def root(self) -> bytes:
        """The first root, which customers pin."""
        return self._files["metadata/1.root.json"]

    @property
    def firmware_key_pem(self) -> str:
        """The public key of the firmware's signatures."""
        return public_pem(self.firmware_key)

    @property
    def image_key(self) -> SigningKey:
        """The key that signs images for MCUboot."""
        return self._image_key or self.firmware_key

    @property
    def firmware_key_pems(self) -> list[str]:
        """The public keys of all signatures of firmware."""
        pems = [self.firmware_key_pem, public_pem(self.image_key)]
        return list(dict.fromkeys(pems))

    @property
    def descriptor(self) -> dict[str, Any]:
        """A copy of what the feed says of itself."""
        return self._custom(Targets.type, DESCRIPTOR)

    def describe(self, **fields: Any) -> None:
        """Change fields of the descriptor, and publish."""
        known = self._targets.signed.targets
        custom = {**(self.descriptor if DESCRIPTOR in known else {}), **fields}
        self._put(Targets.type, DESCRIPTOR, json.dumps(custom).encode(), custom)
        self.renew()

    def release(
        self, path: str, data: bytes, *, role: str = Targets.type, **fields: Any
    ) -> None:
        """Publish a release; ``fields`` are added to what every release has."""
        descriptor = self.descriptor
        model = descriptor["models"][0]
        custom = {
            "schema": 1,
            "kind": "release",
            "vendor": self.name,
            "model": model["model"],
            "hardware_revisions": ["A"],
            "version_scheme": model["version_scheme"],
            "security_version": 1,
            "payload": {
                "format": "nordic-dfu",
                "hardware_version": 52,
                "firmware_version": 1,
            },
            **fields,
        }
        self._put(role, path, data, custom)
        listed = [other for other in descriptor["releases"] if other != path]
        if role != Targets.type:
            self._sign(role)
        self.describe(releases=[*listed, path])

    def advise(self, path: str, **fields: Any) -> None:
        """Publish an advisory, as a CSAF document without what every one has."""
        custom = {"schema": 1, "kind": "advisory", **fields}
        self._put(Targets.type, path, json.dumps(custom).encode(), custom)
        listed = self.descriptor.get("advisories", [])
        self.describe(advisories=[*dict.fromkeys([*listed, path])])

    def amend(self, path: str, *, role: str = Targets.type, **fields: Any) -> None:
        """Say something else of a release; fields that become ``None`` are left out."""
        custom = {**self._custom(role, path), **fields}
        target = self._role(role).signed.targets[path]
        target.unrecognized_fields["custom"] = {
            "nightlatch": {
                key: value for key, value in custom.items() if value is not None
            }
        }
        self.renew(role)

    def replace(self, path: str, data: bytes) -> None:
        """Put another file under the name of a release."""
        self._put(Targets.type, path, data, self._custom(Targets.type, path))
        self.renew()

    def withdraw(self, path: str) -> None:
        """Take a release back; its file stays on the server, as it does with CDNs."""
        self._targets.signed.targets.pop(path, None)
        left = [other for other in self.descriptor["releases"] if other != path]
        self.describe(releases=left)

    def remove_descriptor(self) -> None:
        """Become a TUF repository like any other."""
        del self._targets.signed.targets[DESCRIPTOR]
        self.renew()

    def artifact_path(self, path: str) -> str:
        """Return where on the server the file of a release is."""
        for metadata in (self._targets, *self._delegated.values()):
            if (target := metadata.signed.targets.get(path)) is not None:
                return f"targets/{target.get_prefixed_paths()[0]}"
        raise KeyError(path)

    # Signing.

    def signers(self, role: str) -> list[CryptoSigner]:
        """Return the keys of a role."""
        if role in self._delegated:
            delegations = self._targets.signed.delegations
            assert delegations is not None
            assert delegations.roles is not None
            key_ids = delegations.roles[role].keyids
        else:
            key_ids = self._root.signed.roles[role].keyids
        return [self._signers[key_id] for key_id in key_ids]

    def renew(
        self,
        role: str = Targets.type,
        *,
        valid: timedelta | None = None,
        signed_by: Sequence[CryptoSigner] | None = None,
    ) -> None:
        """Sign a new version of a role, and of those that name its version."""
        self._sign(role, valid=valid, signed_by=signed_by)
        for follower in _FOLLOWERS.get(role, _FOLLOWERS[Targets.type]):
            self._sign(follower)
        self._save()

    def expire(self, role: str) -> None:
        """Publish a version of a role that is out of date already."""
        self.renew(role, valid=-timedelta(hours=1))

    def rotate(self, role: str) -> None:
        """Replace the keys of a role, in a new root."""
        before = self.signers(Root.type)
        for signer in self.signers(role):
            self._root.signed.revoke_key(signer.public_key.keyid, role)
        self._give_keys(role)
        after = self.signers(Root.type)
        both = {signer.public_key.keyid: signer for signer in (*before, *after)}
        self._sign(Root.type, signed_by=list(both.values()))
        if role != Root.type:
            self.renew(role)
        self._save()

    def delegate(self, role: str, paths: Iterable[str]) -> None:
        """Let another role, with a key of its own, sign for some paths."""
        signer = self._new_key()
        targets = self._targets.signed
        if targets.delegations is None:
            targets.delegations = Delegations({}, {})
        assert targets.delegations.roles is not None
        targets.delegations.roles[role] = DelegatedRole(
            role, [], 1, terminating=True, paths=list(paths)
        )
        targets.add_key(signer.public_key, role)
        self._delegated[role] = Metadata(Targets())
        self._sign(role, bump=False)
        self.renew()

    # Treason.

    def keep(self) -> Kept:
        """Remember all that is served now, for ``replay``."""
        return Kept(dict(self._files))

    def replay(self, kept: Kept) -> None:
        """Serve what was served once, until ``behave``."""
        self._replayed = kept

    def jump(self, role: str, versions: int) -> None:
        """Sign a version of a role that is far off."""
        self._role(role).signed.version += versions
        self.renew(role)

    def strip(self, path: str, signatures: int) -> None:
        """Serve a metadata file with fewer signatures, until ``behave``."""
        metadata = json.loads(self._files[path])
        metadata["signatures"] = metadata["signatures"][:signatures]
        self.overlay[path] = json.dumps(metadata).encode()

    # Inside.

    def _found(self) -> None:
        self._root = Metadata(Root(consistent_snapshot=True))
        self._targets = Metadata(Targets())
        self._snapshot = Metadata(Snapshot())
        self._timestamp = Metadata(Timestamp())
        for role in _KEYS:
            self._give_keys(role)
        for role in (Root.type, Targets.type, Snapshot.type, Timestamp.type):
            self._sign(role, bump=False)

    def _give_keys(self, role: str) -> None:
        for _ in range(_KEYS[role]):
            self._root.signed.add_key(self._new_key().public_key, role)
        self._root.signed.roles[role].threshold = _THRESHOLDS[role]

    def _new_key(self) -> CryptoSigner:
        signer = new_signer()
        self._signers[signer.public_key.keyid] = signer
        return signer

    def _role(self, role: str) -> Metadata[Any]:
        top: dict[str, Metadata[Any]] = {
            Root.type: self._root,
            Targets.type: self._targets,
            Snapshot.type: self._snapshot,
            Timestamp.type: self._timestamp,
        }
        return top[role] if role in top else self._delegated[role]

    def _custom(self, role: str, path: str) -> dict[str, Any]:
        target = self._role(role).signed.targets[path]
        custom: dict[str, Any] = target.unrecognized_fields["custom"]["nightlatch"]
        return dict(custom)

    def _put(self, role: str, path: str, data: bytes, custom: dict[str, Any]) -> None:
        target = TargetFile.from_data(path, data, ["sha256"])
        target.unrecognized_fields["custom"] = {"nightlatch": custom}
        self._role(role).signed.targets[path] = target
        self._files[f"targets/{target.get_prefixed_paths()[0]}"] = data

    def _sign(
        self,
        role: str,
        *,
        bump: bool = True,
        valid: timedelta | None = None,
        signed_by: Sequence[CryptoSigner] | None = None,
    ) -> None:
        metadata = self._role(role)
        signed = metadata.signed
        if bump:
            signed.version += 1
        default = _VALID.get(role, _VALID[Targets.type])
        signed.expires = self._clock() + (default if valid is None else valid)
        metadata.signatures.clear()
        for signer in self.signers(role) if signed_by is None else signed_by:
            metadata.sign(signer, append=True)
        data = metadata.to_bytes()
        number = "" if role == Timestamp.type else f"{signed.version}."
        self._files[f"metadata/{number}{role}.json"] = data
        listed = MetaFile(signed.version)
        if self._lists_hashes:
            listed = MetaFile.from_data(signed.version, data, ["sha256"])
        if role == Snapshot.type:
            self._timestamp.signed.snapshot_meta = listed
        elif role not in {Root.type, Timestamp.type}:
            self._snapshot.signed.meta[f"{role}.json"] = listed

    def _save(self) -> None:
        if self._directory is None:
            return
        keys = self._directory / "keys"
        keys.mkdir(parents=True, exist_ok=True)
        for key_id, signer in self._signers.items():
            _write(keys / f"{key_id}.pem", signer.private_bytes)
        # The timestamp comes last, as it leads to all the others.
        for path in sorted(
            self._files, key=lambda path: path.endswith("timestamp.json")
        ):
            _write(self._directory / "repository" / path, self._files[path])
        _write(self._directory / "firmware.pem", _private_pem(self.firmware_key))
        if self._image_key is not None:
            _write(self._directory / "image.pem", _private_pem(self._image_key))

    def _load(self, directory: Path) -> None:
        for file in (directory / "keys").iterdir():
            key = serialization.load_pem_private_key(file.read_bytes(), None)
            assert isinstance(key, ed25519.Ed25519PrivateKey)
            self._signers[file.stem] = CryptoSigner(key)
        firmware_key = serialization.load_pem_private_key(
            (directory / "firmware.pem").read_bytes(), None
        )
        assert isinstance(firmware_key, ec.EllipticCurvePrivateKey)
        self.firmware_key = firmware_key
        self._image_key = None
        if (image := directory / "image.pem").exists():
            image_key = serialization.load_pem_private_key(image.read_bytes(), None)
            assert isinstance(
                image_key,
                ec.EllipticCurvePrivateKey
                | ed25519.Ed25519PrivateKey
                | rsa.RSAPrivateKey,
            )
            self._image_key = image_key
        repository = directory / "repository"
        for file in repository.rglob("*"):
            if file.is_file() and file.suffix != ".new":
                self._files[file.relative_to(repository).as_posix()] = file.read_bytes()

        def metadata(name: str) -> Metadata[Any]:
            return Metadata.from_bytes(self._files[f"metadata/{name}.json"])

        newest = 1
        while f"metadata/{newest + 1}.root.json" in self._files:
            newest += 1
        self._root = metadata(f"{newest}.root")
        self._timestamp = metadata("timestamp")
        version = self._timestamp.signed.snapshot_meta.version
        self._snapshot = metadata(f"{version}.snapshot")
        for name, listed in self._snapshot.signed.meta.items():
            role = name.removesuffix(".json")
            if role == Targets.type:
                self._targets = metadata(f"{listed.version}.{role}")
            else:
                self._delegated[role] = metadata(f"{listed.version}.{role}")


def _private_pem(key: SigningKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write(path: Path, data: bytes) -> None:
    if path.exists() and path.read_bytes() == data:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # Nothing half written is left behind if the demo is stopped at this moment.
    new = path.with_name(f"{path.name}.new")
    new.write_bytes(data)
    new.replace(path)
