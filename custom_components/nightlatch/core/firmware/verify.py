"""What a transport accepts: firmware whose proofs have been checked."""

from dataclasses import dataclass
import hashlib

from ..errors import FirmwareError, FirmwareProblem


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedArtifact:
    """The very bytes that were verified, and their digest at that moment.

    Only the verifiers in this package make one.
    """

    init_packet: bytes
    firmware: bytes
    digest: str
    """SHA-256 over init packet and firmware, hexadecimal, lower case."""
    key_fingerprint: str
    """The vendor key under which the signature holds."""

    @classmethod
    def seal(
        cls, *, init_packet: bytes, firmware: bytes, key_fingerprint: str
    ) -> VerifiedArtifact:
        """Take the bytes as verified."""
        return cls(
            init_packet=init_packet,
            firmware=firmware,
            digest=_digest(init_packet, firmware),
            key_fingerprint=key_fingerprint,
        )

    def check(self) -> None:
        """Check at the door of a transport that the bytes are still the verified ones."""
        if _digest(self.init_packet, self.firmware) != self.digest:
            raise FirmwareError(FirmwareProblem.CHANGED_AFTER_VERIFYING)


def _digest(init_packet: bytes, firmware: bytes) -> str:
    digest = hashlib.sha256(len(init_packet).to_bytes(4, "little"))
    digest.update(init_packet)
    digest.update(firmware)
    return digest.hexdigest()
