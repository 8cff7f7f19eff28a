"""The vendor whose packages these tests look at, and the question put to each."""

from collections.abc import Sequence
from random import Random
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
import pytest

from custom_components.nightlatch.core.errors import FirmwareError, FirmwareProblem
from custom_components.nightlatch.core.firmware.keys import KeyKind, load_firmware_key
from custom_components.nightlatch.core.firmware.nordic import (
    NordicPackage,
    read_package,
    verify_package,
)
from custom_components.nightlatch.core.firmware.verify import VerifiedArtifact
from custom_components.nightlatch.core.model import FirmwareKey
from tests.rig.dfu_package import public_pem

type PrivateKey = (
    ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
)

# Fixed, so that a package that breaks something can be made again.
KEY: Final = ec.derive_private_key(0x6E69676874, ec.SECP256R1())
OTHER_KEY: Final = ec.derive_private_key(0x6C61746368, ec.SECP256R1())
PINNED: Final = load_firmware_key(public_pem(KEY))
OTHER_PINNED: Final = load_firmware_key(public_pem(OTHER_KEY))
PRIVATE_KEYS: Final[dict[KeyKind, PrivateKey]] = {
    KeyKind.ECDSA_P256: KEY,
    KeyKind.ED25519: ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32))),
    KeyKind.RSA_2048: rsa.generate_private_key(65537, 2048),
    KeyKind.RSA_3072: rsa.generate_private_key(65537, 3072),
}
"""One of each kind; the RSA ones are new with each run."""
IMAGE: Final = Random(1).randbytes(5_001)
FW_VERSION: Final = 0x0002_0100
HW_VERSION: Final = 52


def verify(
    package: NordicPackage,
    *,
    keys: Sequence[FirmwareKey] = (PINNED,),
    hardware_version: int = HW_VERSION,
    firmware_version: int = FW_VERSION,
    minimum_firmware_version: int | None = None,
) -> VerifiedArtifact:
    """Verify as for the release that the feed describes."""
    return verify_package(
        package,
        keys=keys,
        hardware_version=hardware_version,
        firmware_version=firmware_version,
        minimum_firmware_version=minimum_firmware_version,
    )


def refusal(package: bytes | NordicPackage) -> FirmwareError:
    """Return why a package is refused; it must be."""
    with pytest.raises(FirmwareError) as refused:
        verify(read_package(package) if isinstance(package, bytes) else package)
    return refused.value


def reason(package: bytes | NordicPackage) -> FirmwareProblem:
    """Return the reason for which a package is refused."""
    return refusal(package).reason
