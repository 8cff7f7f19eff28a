"""A vendor who signs with MCUboot's own tool, and the question put to each image."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives import serialization
from imgtool import image as imgtool_image, keys as imgtool_keys  # type: ignore[import-untyped]
from imgtool.version import decode_version  # type: ignore[import-untyped]
import pytest

from custom_components.nightlatch.core.errors import FirmwareError, FirmwareProblem
from custom_components.nightlatch.core.firmware.keys import KeyKind, load_firmware_key
from custom_components.nightlatch.core.firmware.mcuboot import read_image, verify_image
from custom_components.nightlatch.core.firmware.verify import VerifiedArtifact
from custom_components.nightlatch.core.model import FirmwareKey
from custom_components.nightlatch.core.versions import Version, VersionScheme
from tests.rig.dfu_package import public_pem

from .vendor import IMAGE, PRIVATE_KEYS

PINNED_KEYS: Final = {
    kind: load_firmware_key(public_pem(key)) for kind, key in PRIVATE_KEYS.items()
}
VERSION: Final = "1.2.3+4"


def tool_key(kind: KeyKind, directory: Path) -> Any:
    """Return a key of the vendor's as the tool has it."""
    file = directory / f"{kind}.pem"
    file.write_bytes(
        PRIVATE_KEYS[kind].private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return imgtool_keys.load(str(file))


def tool_image(
    directory: Path,
    kind: KeyKind = KeyKind.ECDSA_P256,
    *,
    version: str = VERSION,
    firmware: bytes = IMAGE,
    dependencies: Sequence[tuple[int, str]] = (),
    public_key_format: str = "hash",
    enckey: Any = None,
    key: Any = None,
    pad: bool = False,
    signing: dict[str, Any] | None = None,
    **options: Any,
) -> bytes:
    """Return an image that the tool has made.

    ``signing`` goes to its ``create``, ``options`` to its ``Image``.
    """
    image = imgtool_image.Image(
        version=decode_version(version),
        header_size=0x200,
        pad_header=True,
        slot_size=0x20000,
        **options,
    )
    file = directory / "firmware.bin"
    file.write_bytes(firmware)
    image.load(str(file))
    image.create(
        key or tool_key(kind, directory),
        public_key_format,
        enckey,
        {
            "images": [number for number, _ in dependencies],
            "versions": [decode_version(least) for _, least in dependencies],
        }
        if dependencies
        else None,
        **(signing or {}),
    )
    if pad:
        image.pad_to(0x20000)
    return bytes(image.payload)


def verify(
    data: bytes,
    *,
    keys: Sequence[FirmwareKey] = tuple(PINNED_KEYS.values()),
    version: str = "1.2.3",
    scheme: VersionScheme = VersionScheme.DOTTED,
    security_counter: int = 0,
    minimum_security_counter: int | None = None,
) -> VerifiedArtifact:
    """Verify as for the release that the feed describes."""
    return verify_image(
        read_image(data),
        keys=keys,
        version=Version.parse(scheme, version),
        security_counter=security_counter,
        minimum_security_counter=minimum_security_counter,
    )


def refusal(data: bytes, **expected: Any) -> FirmwareError:
    """Return why an image is refused; it must be."""
    with pytest.raises(FirmwareError) as refused:
        verify(data, **expected)
    return refused.value


def reason(data: bytes, **expected: Any) -> FirmwareProblem:
    """Return the reason for which an image is refused."""
    return refusal(data, **expected).reason


def detail(data: bytes, **expected: Any) -> str:
    """Return what is wrong with an image that is none."""
    error = refusal(data, **expected)
    assert error.reason is FirmwareProblem.IMAGE_INVALID
    return error.details["detail"]
