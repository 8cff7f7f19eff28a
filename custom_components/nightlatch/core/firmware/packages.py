"""One door for artifacts of every format that Nightlatch sends.

Everything here is synchronous and takes milliseconds of processor time; callers run it
in an executor.
"""

from collections.abc import Sequence
from dataclasses import dataclass
import hashlib
from typing import Final

from ..errors import FirmwareError, FirmwareProblem
from ..model import FirmwareKey, PayloadFormat, Release
from ..phrase import Phrase
from . import mcuboot, nordic
from .foreign import foreign
from .keys import KeyKind
from .mcuboot import (
    MAGIC as MCUBOOT_MAGIC,
    MAX_IMAGE_SIZE,
    McubootImage,
    read_image,
    verify_image,
)
from .mcuboot_package import is_image_package, read_image_package
from .mcuboot_tlv import invalid
from .nordic import MAX_PACKAGE_SIZE, NordicPackage, package_in, verify_package
from .nordic_init import SignatureType, read_init_command, read_init_packet
from .verify import VerifiedArtifact
from .zip_package import read_zip_package

MAX_ARTIFACT_SIZE: Final = max(MAX_PACKAGE_SIZE, MAX_IMAGE_SIZE)
"""Bytes; more than any artifact that is sent."""

_ZIP_MAGIC = b"PK\x03\x04"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What an artifact says of itself; nothing of it is proven."""

    format: PayloadFormat
    hardware_version: int | None
    """``hw_version`` of an init packet; None where the format has none."""
    firmware_version: int
    """What the lock's boot loader compares: ``fw_version`` of an init packet, or the
    security counter of a MCUboot image, 0 without one."""
    version: str | None
    """As a person would write it; None where the format has none."""
    signature: KeyKind
    """What kind of key it is signed with."""
    sha256: str
    """Of the whole artifact; hexadecimal, lower case."""
    size: int
    """Bytes of the whole artifact."""
    zipped: bool
    """Whether it lies in a zip, as a DFU package always does and an image may."""


def verify_artifact(
    data: bytes,
    release: Release,
    *,
    keys: Sequence[FirmwareKey],
    minimum_firmware_version: int | None,
) -> VerifiedArtifact:
    """Prove that an artifact is genuine and is this release; see the formats' own.

    The release must be one that is sent. ``keys`` are the vendor's pinned keys;
    ``minimum_firmware_version`` is the lowest ``Payload.firmware_version`` that may
    still run on the lock. Raises ``FirmwareError``.
    """
    payload = release.payload
    assert payload is not None, "chosen for being sent"
    opened = open_artifact(data)
    if payload.format is PayloadFormat.MCUBOOT:
        if isinstance(opened, NordicPackage):
            raise invalid("it is a DFU package of Nordic's")
        return verify_image(
            opened,
            keys=keys,
            version=release.version,
            security_counter=payload.firmware_version,
            minimum_security_counter=minimum_firmware_version,
        )
    if isinstance(opened, McubootImage):
        raise FirmwareError(
            FirmwareProblem.NOT_A_PACKAGE, detail=Phrase("it is an image of MCUboot")
        )
    assert payload.hardware_version is not None, "the format has one"
    return verify_package(
        opened,
        keys=keys,
        hardware_version=payload.hardware_version,
        firmware_version=payload.firmware_version,
        minimum_firmware_version=minimum_firmware_version,
    )


def open_artifact(data: bytes) -> NordicPackage | McubootImage:
    """Take an artifact apart, as the format that it is; nothing of it is proven.

    Raises ``FirmwareError``: NOT_A_PACKAGE where the format is not known, OWN_HEADER,
    TOO_LARGE, and what the readers of the formats raise.
    """
    if len(data) > MAX_ARTIFACT_SIZE:
        raise FirmwareError(
            FirmwareProblem.TOO_LARGE, size=len(data), limit=MAX_ARTIFACT_SIZE
        )
    if data.startswith(MCUBOOT_MAGIC):
        return read_image(data)
    if not _is_zip(data):
        raise foreign(data)
    package = read_zip_package(data)
    if is_image_package(package):
        return read_image_package(package)
    return package_in(package)


def inspect_artifact(data: bytes) -> Inspection:
    """Return what an artifact says of itself, whoever made it.

    Raises ``FirmwareError``: NOT_SIGNED, SIGNATURE_TYPE, and what ``open_artifact``
    raises.
    """
    opened = open_artifact(data)
    if isinstance(opened, McubootImage):
        return _inspect_mcuboot(data, opened)
    return _inspect_nordic(data, opened)


def signer_of(data: bytes, keys: Sequence[FirmwareKey]) -> FirmwareKey:
    """Return the first of some keys under which an artifact's signature holds.

    Nothing else of it is checked. Raises ``FirmwareError``: SIGNATURE_INVALID where it
    holds under none, and what ``open_artifact`` raises.
    """
    opened = open_artifact(data)
    if isinstance(opened, McubootImage):
        return mcuboot.signer_of(opened, keys)
    return nordic.signer_of(read_init_packet(opened.init_packet), keys)


def _is_zip(data: bytes) -> bool:
    return data.startswith(_ZIP_MAGIC)


def _inspect_nordic(data: bytes, package: NordicPackage) -> Inspection:
    signed = read_init_packet(package.init_packet)
    if signed.signature_type != SignatureType.ECDSA_P256_SHA256:
        raise FirmwareError(FirmwareProblem.SIGNATURE_TYPE, found=signed.signature_type)
    init = read_init_command(signed.signed)
    return Inspection(
        format=PayloadFormat.NORDIC_DFU,
        hardware_version=init.hardware_version,
        firmware_version=init.firmware_version,
        version=None,
        signature=KeyKind.ECDSA_P256,
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        zipped=True,
    )


def _inspect_mcuboot(data: bytes, image: McubootImage) -> Inspection:
    if not image.signatures:
        raise FirmwareError(FirmwareProblem.NOT_SIGNED)
    return Inspection(
        format=PayloadFormat.MCUBOOT,
        hardware_version=None,
        firmware_version=image.security_counter or 0,
        version=str(image.version),
        signature=image.signatures[0].kind,
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        zipped=_is_zip(data),
    )
