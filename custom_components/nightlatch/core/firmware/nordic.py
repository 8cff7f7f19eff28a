"""Packages of Nordic Secure DFU: the zip, and the proof that it is for this lock.

A DFU zip holds ``manifest.json`` and, for each image, a binary and an init packet
(``nordic_init.py``). The signature covers the init packet's InitCommand, which covers
the binary by its hash. Everything here is synchronous and takes milliseconds of
processor time; callers run it in an executor.
"""

from collections.abc import Sequence
from dataclasses import dataclass
import hashlib
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from ..errors import FirmwareError, FirmwareProblem
from ..model import FirmwareKey
from .archive import refused
from .keys import load_public_key
from .nordic_init import (
    HashType,
    ImageType,
    InitCommand,
    SignatureType,
    SignedInitCommand,
    read_init_command,
    read_init_packet,
)
from .verify import VerifiedArtifact
from .zip_package import ZipPackage, manifest_invalid, read_zip_package

MAX_FIRMWARE_SIZE: Final = 2 * 1024 * 1024
"""Bytes; more than the flash of any chip that speaks Secure DFU."""
MAX_PACKAGE_SIZE: Final = MAX_FIRMWARE_SIZE + 64 * 1024
"""Bytes."""

_APPLICATION = "application"
# The other images that a package may hold. Replacing them is not recoverable on every
# chip, so they are left to a person with the vendor's tool.
_OTHER_PARTS = frozenset({"bootloader", "softdevice", "softdevice_bootloader"})
_APPLICATION_FILES = frozenset({"bin_file", "dat_file"})
# What only packages for bootloaders before SDK 12 say.
_LEGACY = "dfu_version"
_LEGACY_APPLICATION = "init_packet_data"
# r and s of ECDSA P-256.
_SIGNATURE_SIZE = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class NordicPackage:
    """What a DFU zip holds; nothing of it is proven yet."""

    init_packet: bytes
    firmware: bytes


def read_package(data: bytes) -> NordicPackage:
    """Take a DFU zip apart; raise what ``package_in`` and ``read_zip_package`` do."""
    _check_size(len(data))
    return package_in(read_zip_package(data))


def package_in(package: ZipPackage) -> NordicPackage:
    """Take a zip as a DFU zip.

    Raises ``FirmwareError``: TOO_LARGE, MEMBER_REFUSED, MANIFEST_INVALID, LEGACY_DFU, or
    WRONG_TYPE for a package with another image than an application.
    """
    _check_size(package.size)
    firmware_name, init_packet_name = _file_names(package.manifest)
    firmware, init_packet = package.take(
        firmware_name, init_packet_name, limit=MAX_FIRMWARE_SIZE
    )
    if not firmware:
        raise refused(firmware_name, "it is empty")
    return NordicPackage(init_packet=init_packet, firmware=firmware)


def _check_size(size: int) -> None:
    if size > MAX_PACKAGE_SIZE:
        raise FirmwareError(
            FirmwareProblem.TOO_LARGE, size=size, limit=MAX_PACKAGE_SIZE
        )


def verify_package(
    package: NordicPackage,
    *,
    keys: Sequence[FirmwareKey],
    hardware_version: int,
    firmware_version: int,
    minimum_firmware_version: int | None,
) -> VerifiedArtifact:
    """Prove that a package is genuine and is the release that the feed describes.

    ``keys`` are the vendor's pinned keys. ``hardware_version`` and ``firmware_version``
    are what the feed says of the init packet; ``minimum_firmware_version`` is the lowest
    that may still run on the lock. The signature comes first, so that no other refusal
    speaks of contents that anybody could have written.

    Raises ``FirmwareError``: INIT_PACKET_INVALID, NOT_SIGNED, SIGNATURE_TYPE,
    SIGNATURE_INVALID, KEY_INVALID, WRONG_TYPE, DEBUG_BUILD, WRONG_HARDWARE,
    WRONG_VERSION, DOWNGRADE, SIZE_MISMATCH, HASH_TYPE, HASH_MISMATCH.
    """
    signed = read_init_packet(package.init_packet)
    signer = signer_of(signed, keys)
    init = read_init_command(signed.signed)
    _check_kind(init)
    _check_versions(init, hardware_version, firmware_version, minimum_firmware_version)
    _check_firmware(init, package.firmware)
    return VerifiedArtifact.seal(
        init_packet=package.init_packet,
        firmware=package.firmware,
        key_fingerprint=signer.fingerprint,
    )


def signer_of(signed: SignedInitCommand, keys: Sequence[FirmwareKey]) -> FirmwareKey:
    """Return the first of some keys under which a signature holds.

    Raises ``FirmwareError``: SIGNATURE_TYPE, SIGNATURE_INVALID, KEY_INVALID.
    """
    signature = encode_dss_signature(*signature_numbers(signed))
    for key in keys:
        public_key = load_public_key(key)
        if not isinstance(public_key, ec.EllipticCurvePublicKey):
            # The vendor's for other locks; no bootloader of Nordic's knows its kind.
            continue
        try:
            public_key.verify(signature, signed.signed, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            continue
        return key
    raise FirmwareError(FirmwareProblem.SIGNATURE_INVALID)


def signature_numbers(signed: SignedInitCommand) -> tuple[int, int]:
    """Return r and s of a signature; raise SIGNATURE_TYPE or SIGNATURE_INVALID.

    They come one after the other, each with its last byte first (nRF5 SDK,
    nrf_dfu_validation.c).
    """
    if signed.signature_type != SignatureType.ECDSA_P256_SHA256:
        raise FirmwareError(FirmwareProblem.SIGNATURE_TYPE, found=signed.signature_type)
    if len(signed.signature) != _SIGNATURE_SIZE:
        raise FirmwareError(FirmwareProblem.SIGNATURE_INVALID)
    half = _SIGNATURE_SIZE // 2
    return (
        int.from_bytes(signed.signature[:half], "little"),
        int.from_bytes(signed.signature[half:], "little"),
    )


def _file_names(manifest: dict[str, Any]) -> tuple[str, str]:
    """Return the names of the binary and of the init packet."""
    if manifest.keys() != {"manifest"}:
        raise manifest_invalid("it has other keys than manifest")
    parts = manifest["manifest"]
    if not isinstance(parts, dict) or not parts:
        raise manifest_invalid("it names no image")
    files = parts.get(_APPLICATION)
    if _LEGACY in parts or (isinstance(files, dict) and _LEGACY_APPLICATION in files):
        raise FirmwareError(FirmwareProblem.LEGACY_DFU)
    if unknown := parts.keys() - _OTHER_PARTS - {_APPLICATION}:
        raise manifest_invalid(
            "it names {count} images of an unknown kind", count=len(unknown)
        )
    if others := parts.keys() & _OTHER_PARTS:
        raise FirmwareError(FirmwareProblem.WRONG_TYPE, found=", ".join(sorted(others)))
    if not isinstance(files, dict) or files.keys() != _APPLICATION_FILES:
        raise manifest_invalid("its application has other keys than its two files")
    if not all(isinstance(name, str) for name in files.values()):
        raise manifest_invalid("a file name is no text")
    return files["bin_file"], files["dat_file"]


def _check_kind(init: InitCommand) -> None:
    if init.image_type != ImageType.APPLICATION:
        raise FirmwareError(FirmwareProblem.WRONG_TYPE, found=_kind(init.image_type))
    # A bootloader skips the checks of hardware and version for a debug build (SDK 15.3).
    if init.is_debug:
        raise FirmwareError(FirmwareProblem.DEBUG_BUILD)


def _kind(image_type: int) -> str:
    try:
        return ImageType(image_type).name.lower()
    except ValueError:
        return str(image_type)


def _check_versions(
    init: InitCommand,
    hardware_version: int,
    firmware_version: int,
    minimum_firmware_version: int | None,
) -> None:
    if init.hardware_version != hardware_version:
        raise FirmwareError(
            FirmwareProblem.WRONG_HARDWARE,
            expected=hardware_version,
            found=init.hardware_version,
        )
    if init.firmware_version != firmware_version:
        raise FirmwareError(
            FirmwareProblem.WRONG_VERSION,
            expected=firmware_version,
            found=init.firmware_version,
        )
    if (
        minimum_firmware_version is not None
        and init.firmware_version < minimum_firmware_version
    ):
        raise FirmwareError(
            FirmwareProblem.DOWNGRADE,
            minimum=minimum_firmware_version,
            found=init.firmware_version,
        )


def _check_firmware(init: InitCommand, firmware: bytes) -> None:
    if init.application_size != len(firmware):
        raise FirmwareError(
            FirmwareProblem.SIZE_MISMATCH,
            expected=init.application_size,
            found=len(firmware),
        )
    if init.hash_type != HashType.SHA256:
        raise FirmwareError(FirmwareProblem.HASH_TYPE, found=init.hash_type)
    digest = hashlib.sha256(firmware).digest()
    if init.hash[::-1] != digest:
        raise FirmwareError(
            FirmwareProblem.HASH_MISMATCH,
            expected=init.hash[::-1].hex(),
            found=digest.hex(),
        )
