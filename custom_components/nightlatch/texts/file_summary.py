"""What a person reads of a file with firmware before it goes anywhere, in words."""

from homeassistant.core import HomeAssistant

from ..core.from_file import FileReading, Proof
from ..core.model import Evidence, PayloadFormat, Purpose, Release
from ..core.schedule.policy import ApprovalNeed
from ..locks.lock import ManagedLock
from ..markup import neutral
from ..planning.planner import Planner
from ..translation import async_sentence, or_not_known
from .risk_summary import async_risk_summary

# By format, and whether it lies in a zip.
_FORMATS = {
    (PayloadFormat.NORDIC_DFU, True): "file_is_package",
    (PayloadFormat.MCUBOOT, False): "file_is_image",
    (PayloadFormat.MCUBOOT, True): "file_is_zipped_image",
}
_PROOFS = {
    Proof.PINNED: "file_proof_pinned",
    Proof.CONTINUITY: "file_proof_continuity",
    Proof.NONE: "file_proof_none",
}


async def async_file_summary(
    hass: HomeAssistant,
    lock: ManagedLock,
    reading: FileReading,
    release: Release,
    planner: Planner,
) -> list[str]:
    """Return a sentence for each thing that a person should know of a file."""
    inspection = reading.inspection
    names = {
        "lock": lock.name,
        "key": reading.signer.fingerprint,
        "ran": or_not_known(hass, reading.compared_with),
        "model": release.model,
        "hardware": ", ".join(release.hardware_revisions),
        "hardware_version": str(inspection.hardware_version),
        "counter": str(inspection.firmware_version),
        "feed": lock.feed_title,
        "version": release.version.text,
        "installed": lock.record.identity.firmware_version,
        "words": await async_words(hass, lock, reading) or "",
    }

    async def told(key: str) -> str:
        return await async_sentence(hass, key, names)

    sentences = [
        await told(_FORMATS[inspection.format, inspection.zipped]),
        await told("file_is_listed" if reading.listed else "file_is_said"),
    ]
    if reading.listed is None and inspection.hardware_version is not None:
        sentences.append(
            await told(
                "file_hardware_as_before"
                if reading.hardware_version_known
                else "file_hardware_not_compared"
            )
        )
    sentences.append(await told(_PROOFS[reading.proof]))
    if reading.purpose is Purpose.RECOVERY:
        sentences.append(await told("file_next_recovery"))
    else:
        sentences.extend(await async_risk_summary(hass, planner.risk(lock, release)))
        needs_code = lock.policy.approval is ApprovalNeed.SECOND_FACTOR
        next_step = "file_next_with_code" if needs_code else "file_next"
        sentences.append(await told(next_step))
    if names["words"]:
        sentences.append(await told("file_say_words"))
    return sentences


async def async_words(
    hass: HomeAssistant, lock: ManagedLock, reading: FileReading
) -> str | None:
    """Return what a person has to write to accept a file that nothing proves."""
    if reading.evidence is not Evidence.SIGNATURE_PRESENT:
        return None
    return await async_sentence(hass, "file_words", {"lock": lock.name})


def says(text: str, words: str) -> bool:
    """Return whether a person has written the words, however spaced."""
    return neutral(text).casefold() == neutral(str(words)).casefold()
