"""Images of MCUboot: reading one, and the proof that it is the release of the vendor.

An image is a header, the firmware, an area of protected TLVs and one of others
(``mcuboot_tlv.py``). Hash and signature cover everything up to the end of the protected
ones. Source: MCUboot, docs/design.md, ``bootutil/image.h`` and its signing tool (2.3).
Everything here is synchronous and takes milliseconds of processor time; callers run it
in an executor.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntFlag
import struct
from typing import Final, NamedTuple, override

from ..errors import FirmwareError, FirmwareProblem
from ..model import FirmwareKey, PayloadFormat
from ..phrase import Phrase
from ..versions import Version, VersionScheme
from .foreign import has_own_header
from .mcuboot_signature import HASHES, SIGNATURE_KINDS, Signature, find_signer
from .mcuboot_tlv import (
    ENCRYPTION,
    INFO_MAGIC,
    PROTECTED_INFO_MAGIC,
    Tlv,
    TlvType,
    area_size,
    invalid,
    read_area,
)
from .verify import VerifiedArtifact

MAGIC: Final = b"\x3d\xb8\xf3\x96"
"""The first bytes of every image."""
MAX_IMAGE_SIZE: Final = 4 * 1024 * 1024
"""Bytes; more than a slot for firmware has in any chip of a lock."""

# Magic, load address, sizes of header, protected TLVs and firmware, flags, version,
# padding.
_HEADER = struct.Struct("<4sIHHIIBBHII")
_DEPENDENCY = struct.Struct("<B3xBBHI")
_COUNTER = struct.Struct("<I")
# How the trailer of a slot ends for small and for large units of writing; the two bytes
# before the latter are that unit (``bootutil/bootutil_public.h``, boot_img_magic).
_TRAILER_ENDS = (
    bytes.fromhex("77c295f360d2ef7f3552500f2cb67980"),
    bytes.fromhex("2de15d29410b8d77679c110f1f8a"),
)
# The image that is the application; others are for other processors of the same lock.
_APPLICATION = 0
_MAX_SIGNATURES = 8

_HASH_TYPES = frozenset({TlvType.SHA256, TlvType.SHA384, TlvType.SHA512})
_KEY_TYPES = frozenset({TlvType.KEY_HASH, TlvType.PUBLIC_KEY})
# What the hash does not cover may be nothing else, as MCUboot's list of what it allows
# to be unprotected says.
_UNPROTECTED = (
    _HASH_TYPES | SIGNATURE_KINDS.keys() | _KEY_TYPES | {TlvType.PURE_SIGNATURE}
)


class ImageFlag(IntFlag):
    """Flags of the header that a lock may find in its images."""

    POSITION_INDEPENDENT = 0x001
    ENCRYPTED_AES128 = 0x004
    ENCRYPTED_AES256 = 0x008
    NOT_BOOTABLE = 0x010
    RAM_LOAD = 0x020
    FIXED_ADDRESS = 0x100
    COMPRESSED = 0xE00


_ENCRYPTED = ImageFlag.ENCRYPTED_AES128 | ImageFlag.ENCRYPTED_AES256
_REFUSED_FLAGS = {
    ImageFlag.NOT_BOOTABLE: Phrase("it is not meant to be started"),
    # Such a boot loader has no old firmware to go back to, nor anything to confirm.
    ImageFlag.RAM_LOAD: Phrase("it is meant to be started from RAM"),
    ImageFlag.COMPRESSED: Phrase("it is compressed"),
}
_HARMLESS_FLAGS = ImageFlag.POSITION_INDEPENDENT | ImageFlag.FIXED_ADDRESS


class ImageVersion(NamedTuple):
    """A version as the header has it: ``1.2.3+4``."""

    major: int
    minor: int
    revision: int
    build: int
    """The last that counts; MCUboot itself does not compare it unless it is told to."""

    @override
    def __str__(self) -> str:
        """Return it as MCUboot's signing tool writes it, a build of 0 left out."""
        text = f"{self.major}.{self.minor}.{self.revision}"
        return f"{text}+{self.build}" if self.build else text

    def is_of(self, version: Version) -> bool:
        """Return whether an image with this version is of a release with that one.

        Only ``dotted`` versions can be: their first three numbers are major, minor and
        revision; a fourth, or what stands behind a ``+``, is the build, which otherwise
        may be any.
        """
        if not can_be_version_of_image(version):
            return False
        told = version.written
        mine = self if len(told) == len(self) else self[:3]
        return told + (0,) * (len(mine) - len(told)) == mine


_LARGEST_VERSION: Final = ImageVersion(0xFF, 0xFF, 0xFFFF, 0xFFFF_FFFF)


def can_be_version_of_image(version: Version) -> bool:
    """Return whether the header of an image could hold this version."""
    return (
        version.scheme is VersionScheme.DOTTED
        and version.is_plain
        and len(version.written) <= len(_LARGEST_VERSION)
        and all(
            number <= largest
            for number, largest in zip(version.numbers, _LARGEST_VERSION, strict=False)
        )
    )


class Dependency(NamedTuple):
    """Another image that the lock has to have."""

    image: int
    least: ImageVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class McubootImage:
    """What an image holds; nothing of it is proven yet."""

    data: bytes
    """The whole file."""
    signed_size: int
    """How many bytes of it hash and signature cover, from the first one on."""
    version: ImageVersion
    flags: int
    hash: Tlv
    """SHA-256 or SHA-512, as the image says; what SMP calls its hash."""
    signatures: tuple[Signature, ...]
    is_pure: bool
    """Whether the bytes themselves are signed, in place of their hash."""
    security_counter: int | None
    dependencies: tuple[Dependency, ...]

    def digest(self) -> bytes:
        """Return the hash that the image should say it has."""
        return HASHES[self.hash.type](self.data[: self.signed_size])


def read_image(data: bytes) -> McubootImage:
    """Take an image apart, every byte of which has to belong to it.

    Behind it there may be nothing but erased flash (0xFF): a boot loader's trailer there
    would tell the lock by itself what to do with the image.

    Raises ``FirmwareError``: TOO_LARGE, IMAGE_INVALID, HASH_TYPE, PADDED where there is
    such a trailer, OWN_HEADER where a maker has put something in front, or ENCRYPTED for
    an image that only the lock can look into.
    """
    if len(data) > MAX_IMAGE_SIZE:
        raise FirmwareError(
            FirmwareProblem.TOO_LARGE, size=len(data), limit=MAX_IMAGE_SIZE
        )
    if has_own_header(data):
        raise FirmwareError(FirmwareProblem.OWN_HEADER)
    if len(data) < _HEADER.size or not data.startswith(MAGIC):
        raise invalid("it does not begin as one")
    _, _, header_size, protected_size, size, flags, *version, _ = _HEADER.unpack_from(
        data
    )
    if flags & _ENCRYPTED:
        raise FirmwareError(FirmwareProblem.ENCRYPTED)
    if header_size < _HEADER.size or not size:
        raise invalid("its header is wrong")
    position = header_size + size
    protected: tuple[Tlv, ...] = ()
    if protected_size:
        if area_size(data, position, PROTECTED_INFO_MAGIC) != protected_size:
            raise invalid("its header is wrong")
        protected = read_area(data, position, protected_size)
        position += protected_size
    end = position + (unprotected_size := area_size(data, position, INFO_MAGIC))
    if data[end:].strip(b"\xff"):
        if data[end:].endswith(_TRAILER_ENDS):
            raise FirmwareError(FirmwareProblem.PADDED)
        raise invalid("something stands behind its end")
    unprotected = read_area(data, position, unprotected_size)
    if any(tlv.type in ENCRYPTION for tlv in (*protected, *unprotected)):
        raise FirmwareError(FirmwareProblem.ENCRYPTED)
    _check_places(protected, unprotected)
    return McubootImage(
        data=data,
        signed_size=position,
        version=ImageVersion(*version),
        flags=flags,
        hash=_hash(unprotected),
        signatures=_signatures(unprotected),
        is_pure=_is_pure(unprotected),
        security_counter=_security_counter(protected),
        dependencies=_dependencies(protected),
    )


def verify_image(
    image: McubootImage,
    *,
    keys: Sequence[FirmwareKey],
    version: Version,
    security_counter: int,
    minimum_security_counter: int | None,
) -> VerifiedArtifact:
    """Prove that an image is genuine and is the release that the feed describes.

    ``keys`` are the vendor's pinned keys. ``version`` and ``security_counter`` (0 for an
    image without one) are what the feed says of it; ``minimum_security_counter`` is the
    lowest that may still run on the lock. The signature comes first, so that no other
    refusal speaks of contents that anybody could have written.

    Raises ``FirmwareError``: NOT_SIGNED, SIGNATURE_INVALID, HASH_TYPE, KEY_INVALID,
    HASH_MISMATCH, IMAGE_INVALID, WRONG_VERSION, DOWNGRADE, NEEDS_OTHER_IMAGE.
    """
    digest = image.digest()
    signer = signer_of(image, keys)
    if image.hash.value != digest:
        raise FirmwareError(FirmwareProblem.HASH_MISMATCH)
    _check_flags(image.flags)
    _check_versions(image, version, security_counter, minimum_security_counter)
    _check_dependencies(image)
    return VerifiedArtifact.seal(
        firmware=image.data,
        key_fingerprint=signer.fingerprint,
        format=PayloadFormat.MCUBOOT,
        image_hash=digest,
    )


def signer_of(image: McubootImage, keys: Sequence[FirmwareKey]) -> FirmwareKey:
    """Return the first of some keys under which one of the signatures holds.

    Raises ``FirmwareError``: NOT_SIGNED, SIGNATURE_INVALID, HASH_TYPE, KEY_INVALID, or
    IMAGE_INVALID.
    """
    return find_signer(
        image.signatures,
        keys,
        signed=image.data[: image.signed_size] if image.is_pure else None,
        digest=Tlv(image.hash.type, image.digest()),
    )


def _check_places(protected: tuple[Tlv, ...], unprotected: tuple[Tlv, ...]) -> None:
    """Check that what proves stands outside what it proves, and the rest inside."""
    for tlv in unprotected:
        if tlv.type not in _UNPROTECTED:
            raise invalid(
                "its value {value} is not protected", value=f"0x{tlv.type:02x}"
            )
    for tlv in protected:
        if tlv.type in _UNPROTECTED:
            raise invalid(
                "its value {value} stands in the wrong place", value=f"0x{tlv.type:02x}"
            )


def _single(tlvs: tuple[Tlv, ...], kind: TlvType, size: int) -> bytes | None:
    """Return the one value of a type and size; None where there is none."""
    found = [tlv.value for tlv in tlvs if tlv.type == kind]
    if not found:
        return None
    if len(found) > 1 or len(found[0]) != size:
        raise _wrong(kind)
    return found[0]


def _hash(unprotected: tuple[Tlv, ...]) -> Tlv:
    found = [tlv for tlv in unprotected if tlv.type in _HASH_TYPES]
    if len(found) != 1:
        raise invalid("it has {count} hashes", count=len(found))
    (tlv,) = found
    if tlv.type not in HASHES:
        raise FirmwareError(
            FirmwareProblem.HASH_TYPE, found=TlvType(tlv.type).name.lower()
        )
    return tlv


def _is_pure(unprotected: tuple[Tlv, ...]) -> bool:
    value = _single(unprotected, TlvType.PURE_SIGNATURE, 1)
    if value not in (None, b"\x01"):
        raise _wrong(TlvType.PURE_SIGNATURE)
    return value is not None


def _signatures(unprotected: tuple[Tlv, ...]) -> tuple[Signature, ...]:
    """Return the signatures, each of which follows what tells its key."""
    signatures: list[Signature] = []
    key: Tlv | None = None
    for tlv in unprotected:
        if tlv.type in _KEY_TYPES:
            if key is not None:
                raise invalid("it names a key for no signature")
            key = tlv
        elif tlv.type in SIGNATURE_KINDS:
            if key is None:
                raise invalid("it has a signature of no key")
            signatures.append(Signature(TlvType(tlv.type), tlv.value, key))
            key = None
    if key is not None:
        raise invalid("it names a key for no signature")
    if len(signatures) > _MAX_SIGNATURES:
        raise invalid("it has {count} signatures", count=len(signatures))
    return tuple(signatures)


def _security_counter(protected: tuple[Tlv, ...]) -> int | None:
    value = _single(protected, TlvType.SECURITY_COUNTER, _COUNTER.size)
    return None if value is None else int(_COUNTER.unpack(value)[0])


def _dependencies(protected: tuple[Tlv, ...]) -> tuple[Dependency, ...]:
    dependencies = []
    for tlv in protected:
        if tlv.type == TlvType.DEPENDENCY:
            if len(tlv.value) != _DEPENDENCY.size:
                raise _wrong(TlvType.DEPENDENCY)
            image, *version = _DEPENDENCY.unpack(tlv.value)
            dependencies.append(Dependency(image, ImageVersion(*version)))
    return tuple(dependencies)


def _wrong(kind: int) -> FirmwareError:
    return invalid("its value {value} is wrong", value=f"0x{kind:02x}")


def _check_flags(flags: int) -> None:
    for refused, detail in _REFUSED_FLAGS.items():
        if flags & refused:
            raise FirmwareError(FirmwareProblem.IMAGE_INVALID, detail=detail)
    # A flag's complement would have the bits of known flags only.
    if unknown := flags & ~int(_HARMLESS_FLAGS):
        raise invalid("its flags {flags} are not known", flags=f"0x{unknown:x}")


def _check_versions(
    image: McubootImage, version: Version, counter: int, minimum: int | None
) -> None:
    if not image.version.is_of(version):
        raise FirmwareError(
            FirmwareProblem.WRONG_VERSION,
            expected=version.text,
            found=str(image.version),
        )
    found = image.security_counter or 0
    if found != counter:
        raise FirmwareError(
            FirmwareProblem.WRONG_VERSION, expected=counter, found=found
        )
    if minimum is not None and found < minimum:
        raise FirmwareError(FirmwareProblem.DOWNGRADE, minimum=minimum, found=found)


def _check_dependencies(image: McubootImage) -> None:
    """Check that the image needs no other one than itself.

    What runs on a lock's other processors Nightlatch neither knows nor updates.
    """
    for dependency in image.dependencies:
        if dependency.image != _APPLICATION or dependency.least[:3] > image.version[:3]:
            raise FirmwareError(
                FirmwareProblem.NEEDS_OTHER_IMAGE,
                image=dependency.image,
                version=str(dependency.least),
            )
