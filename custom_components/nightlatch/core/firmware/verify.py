"""What a transport accepts: firmware whose proofs have been checked."""

from dataclasses import dataclass
import hashlib

from ..errors import FirmwareError, FirmwareProblem
from ..model import PayloadFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedArtifact:
    """The very bytes that were verified, and their digest at that moment.

    Only the verifiers in this package make one.
    """

    init_packet: bytes
    """Empty where the format has none."""
    firmware: bytes
    digest: str
    """SHA-256 over init packet, image hash and firmware, hexadecimal, lower case."""
    key_fingerprint: str
    """The vendor key under which the signature holds."""
    format: PayloadFormat = PayloadFormat.NORDIC_DFU
    image_hash: bytes = b""
    """Of a MCUboot image: what SMP knows it by, 32 or 64 bytes; else empty."""

    @classmethod
    def seal(
        cls,
        *,
        init_packet: bytes = b"",
        firmware: bytes,
        key_fingerprint: str,
        format: PayloadFormat = PayloadFormat.NORDIC_DFU,
        image_hash: bytes = b"",
    ) -> VerifiedArtifact:
        """Take the bytes as verified."""
        return cls(
            init_packet=init_packet,
            firmware=firmware,
            digest=_digest(init_packet, image_hash, firmware),
            key_fingerprint=key_fingerprint,
            format=format,
            image_hash=image_hash,
        )

    def check(self) -> None:
        """Check at the door of a transport that the bytes are still the verified ones."""
        if _digest(self.init_packet, self.image_hash, self.firmware) != self.digest:
            raise FirmwareError(FirmwareProblem.CHANGED_AFTER_VERIFYING)


def _digest(init_packet: bytes, image_hash: bytes, firmware: bytes) -> str:
    digest = hashlib.sha256()
    for part in (init_packet, image_hash, firmware):
        digest.update(len(part).to_bytes(4, "little"))
        digest.update(part)
    return digest.hexdigest()
