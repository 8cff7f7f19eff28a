"""Does a package come from whoever signed what ran on the lock before.

Most makers publish no key. Still, an ECDSA P-256 signature leaves only two public keys
under which it holds (``p256_recovery.py``), so two packages of one signer have one in
common, and those of two signers have none but by a chance of about 2⁻²⁵⁵. That is
evidence of continuity and of nothing else: it does not say who the signer is. Nobody can
sign under the other one of the two, for its secret follows from that of the real one
only.

Ed25519 and RSA leave nothing to be compared, unless one of two images of MCUboot carries
the whole key, and the other one names it and is signed with it too. That two images name
the same hash of a key is a hint at most: anybody can write it.
Everything here is synchronous and takes milliseconds of processor time.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
import hashlib

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from ..errors import FirmwareError, FirmwareProblem
from ..model import FirmwareKey
from .keys import KeyKind, PublicKey, load_firmware_key
from .mcuboot import McubootImage
from .mcuboot_signature import ecdsa_numbers
from .mcuboot_tlv import TlvType
from .nordic import signature_numbers
from .nordic_init import read_init_packet
from .p256_recovery import recover_keys
from .packages import inspect_artifact, open_artifact, signer_of


class Signer(StrEnum):
    """Who has signed a package, measured by what ran before."""

    SAME = "same"
    OTHER = "other"
    NOT_COMPARABLE = "not_comparable"
    """Neither can be shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuity:
    """What the signatures of a package, and of what ran before, have in common."""

    signer: Signer
    key: FirmwareKey | None = None
    """The one key under which both hold, where the signer is the same."""
    names_same_key: bool = False
    """Whether both name the same key, without proving it; a hint that can be copied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A package that has run on the lock."""

    data: bytes
    signer: FirmwareKey | None = None
    """The key that it was signed with, where that is known for sure."""


def same_signer(before: Sequence[Ran], after: bytes) -> Continuity:
    """Return whether a package comes from the signer of what ran before.

    ``before`` has what ran last first, which is what counts; older ones only help to
    tell which of its two possible keys is the real one. So they do where ``after`` is
    signed alike, as it is the same firmware: that shares both keys, and shows nothing.

    Raises ``FirmwareError`` where ``after``, or what ran last, cannot be read.
    """
    inspect_artifact(after)
    if not before:
        return Continuity(signer=Signer.NOT_COMPARABLE)
    last = before[0]
    keys: tuple[FirmwareKey, ...] = (last.signer,) if last.signer else ()
    keys = keys or possible_signers(last.data)
    if not keys:
        return _compare_without_key(last.data, after)
    shared = _shared(keys, after)
    for older in before[1:]:
        if len(shared) < 2:
            break
        shared = _narrowed(shared, older)
    if not shared:
        return Continuity(signer=Signer.OTHER)
    if len(shared) > 1:
        return Continuity(signer=Signer.NOT_COMPARABLE)
    return Continuity(signer=Signer.SAME, key=shared[0])


def _compare_without_key(before: bytes, after: bytes) -> Continuity:
    """Compare with a package whose signature shows no key."""
    kinds = {inspect_artifact(data).signature for data in (before, after)}
    if len(kinds) > 1:
        # Another kind of key is another key.
        return Continuity(signer=Signer.OTHER)
    if carried := possible_signers(after):
        # The one before has named it by its hash, for which nobody finds another key.
        shared = _shared(carried, before)
        return Continuity(
            signer=Signer.SAME if shared else Signer.OTHER, key=next(iter(shared), None)
        )
    return Continuity(
        signer=Signer.NOT_COMPARABLE,
        names_same_key=bool(_named(before) & _named(after)),
    )


def possible_signers(data: bytes) -> tuple[FirmwareKey, ...]:
    """Return the keys of which one has signed a package; none where none can be found.

    Two for a DFU package. An image of MCUboot names its key, so one. For Ed25519 and RSA
    only the key that the image carries, if it does and the signature holds under it.

    Raises ``FirmwareError``: SIGNATURE_INVALID where no key of its kind could have signed
    it, and what ``inspect_artifact`` raises.
    """
    kind = inspect_artifact(data).signature
    keys = _shared(tuple(dict.fromkeys(_candidates(data))), data)
    if not keys and kind is KeyKind.ECDSA_P256:
        raise FirmwareError(FirmwareProblem.SIGNATURE_INVALID)
    return keys


def _shared(keys: Sequence[FirmwareKey], data: bytes) -> tuple[FirmwareKey, ...]:
    """Return those keys under which the signature of a package holds."""
    return tuple(key for key in keys if _is_signed_with(data, key))


def _is_signed_with(data: bytes, key: FirmwareKey) -> bool:
    try:
        signer_of(data, (key,))
    except FirmwareError as err:
        if err.reason is not FirmwareProblem.SIGNATURE_INVALID:
            raise
        return False
    return True


def _narrowed(keys: tuple[FirmwareKey, ...], older: Ran) -> tuple[FirmwareKey, ...]:
    """Return those keys that an older package was signed with too.

    All of them where it was signed with none, or cannot be read: then it is of another
    signer, and tells nothing of this one.
    """
    try:
        known = (older.signer,) if older.signer else possible_signers(older.data)
    except FirmwareError:
        return keys
    return tuple(key for key in keys if key in known) or keys


def _candidates(data: bytes) -> Iterator[FirmwareKey]:
    """Yield every public key that can be read out of a package."""
    opened = open_artifact(data)
    if isinstance(opened, McubootImage):
        yield from _candidates_of_image(opened)
        return
    signed = read_init_packet(opened.init_packet)
    digest = hashlib.sha256(signed.signed).digest()
    yield from map(_as_firmware_key, recover_keys(*signature_numbers(signed), digest))


def _candidates_of_image(image: McubootImage) -> Iterator[FirmwareKey]:
    for signature in image.signatures:
        if signature.kind is KeyKind.ECDSA_P256:
            keys = recover_keys(*ecdsa_numbers(signature.value), image.digest())
            yield from map(_as_firmware_key, keys)
        elif signature.key.type == TlvType.PUBLIC_KEY:
            with suppress(ValueError, UnsupportedAlgorithm, FirmwareError):
                key = serialization.load_der_public_key(signature.key.value)
                if isinstance(key, (ed25519.Ed25519PublicKey, rsa.RSAPublicKey)):
                    yield _as_firmware_key(key)


def _as_firmware_key(key: PublicKey) -> FirmwareKey:
    return load_firmware_key(
        key.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ).decode("ascii")
    )


def _named(data: bytes) -> set[bytes]:
    """Return the hashes of the keys that an image says it is signed with."""
    image = open_artifact(data)
    assert isinstance(image, McubootImage), "all DFU packages show keys"
    return {
        signature.key.value
        if signature.key.type == TlvType.KEY_HASH
        else hashlib.sha256(signature.key.value).digest()
        for signature in image.signatures
    }
