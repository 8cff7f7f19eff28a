"""The values that flow through Nightlatch: plain, frozen, without behaviour to speak of."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache
import hashlib
from typing import Final

from .phrase import Phrase
from .revision_text import version_in
from .versions import Version, VersionScheme


class Severity(StrEnum):
    """How much it matters that a release is installed, as its vendor says."""

    NONE = "none"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class LockKind(StrEnum):
    """Who brings firmware to a lock."""

    DIRECT = "direct"
    """Nightlatch, over a radio."""
    GUARDED = "guarded"
    """Another integration; Nightlatch tells it when it may."""
    WATCHED = "watched"
    """A person, with the vendor's own means."""


class Transport(StrEnum):
    """How firmware gets to a lock; that decides how long it takes, and what it costs."""

    NORDIC_DFU = "nordic_dfu"
    SMP = "smp"
    ZWAVE = "zwave"
    ZIGBEE = "zigbee"
    MATTER = "matter"
    NETWORK = "network"
    """Wi-Fi or a cable."""
    OTHER = "other"
    """Another integration's own way, of which nothing is known."""
    BY_HAND = "by_hand"
    """A person, with the vendor's app, a cable, or a tool."""


class Evidence(StrEnum):
    """What proves that a release comes from the vendor of the lock."""

    SIGNATURE_VERIFIED = "signature_verified"
    """Its signature is checked here, under a key that was pinned, before it is sent."""
    SAME_SIGNER = "same_signer"
    """Whoever signed what ran on the lock before signed it, under a key nobody vouches for."""
    SIGNATURE_PRESENT = "signature_present"
    """It carries one, which only the lock itself can check."""
    INTEGRITY_ONLY = "integrity_only"
    """A digest is known: it arrives as it was published, by whomever."""
    NOTHING_KNOWN = "nothing_known"


class PayloadFormat(StrEnum):
    """The format of an artifact that Nightlatch can send."""

    NORDIC_DFU = "nordic-dfu"
    MCUBOOT = "mcuboot"


class Disruption(StrEnum):
    """What a lock cannot do while a release is installed."""

    BLUETOOTH = "bluetooth"
    KEYPAD = "keypad"
    AUTO_LOCK = "auto_lock"
    MOTOR = "motor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """The file of a release: where it lies in its feed, and what it must be."""

    path: str
    length: int
    sha256: str
    """Hexadecimal, lower case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """What the feed says of the inside of an artifact.

    For ``nordic-dfu``: ``hardware_version`` and ``firmware_version`` are the
    ``hw_version`` and ``fw_version`` of the init packet. For ``mcuboot`` there is no
    hardware version, and ``firmware_version`` is the security counter, 0 without one.
    """

    format: PayloadFormat
    hardware_version: int | None = None
    firmware_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Advisory:
    """A published vulnerability that a release closes."""

    id: str
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What is unusual about the locks of a model, as their vendor says."""

    tells_hardware: bool = True
    """Whether a lock says its hardware revision; one that does is held to it anyhow."""
    has_battery: bool = True
    firmware_text: str | None = None
    """How its version stands in what it tells; None where it tells that alone."""
    confirms_itself: bool = False
    """Whether new firmware stays once it has started, and is not told to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """To which share of the locks a vendor lets a release out for now."""

    percent: int
    salt: str | None = None
    """What the lots are drawn by; without one, by the release itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """That who signs for a release has halted it; it stays in the feed."""

    why: str = Phrase("it does not say why")
    """In the words of who says so, without the full stop at their end."""
    keeper: str | None = None
    """Who says so, where that is the keeper of a feed and not the vendor."""
    feed_gone: bool = False
    """Whether the owner has removed the feed that said so, and nobody can lift it any
    more; then a person who knows of it may decide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Where a keeper says that it has found the file of a release."""

    url: str
    """The page of its maker's, https."""
    fetched: date
    digest_published: bool = False
    """Whether the page names the SHA-256 of this very file, as the keeper says."""


USUAL: Final = Traits()
"""Of a model of which nothing is said."""


@lru_cache(maxsize=1024)
def _digest_of(told: str) -> str:
    return hashlib.sha256(told.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One firmware version for one model, as a feed describes it."""

    vendor: str
    model: str
    hardware_revisions: tuple[str, ...]
    version: Version
    security_version: int = 0
    """Rises when older firmware must never run again; it need not rise with each release."""
    artifact: Artifact | None = None
    """None where another integration keeps it to itself."""
    payload: Payload | None = None
    """None where Nightlatch does not send it itself."""
    transport: Transport = Transport.NORDIC_DFU
    evidence: Evidence = Evidence.NOTHING_KNOWN
    """What is known of its origin before it is fetched."""
    minimum_installed_version: Version | None = None
    minimum_battery: int | None = None
    """Percent."""
    expected_duration: int | None = None
    """Seconds."""
    disrupts: tuple[Disruption, ...] = ()
    release_notes: str = ""
    """Text of several lines; what of its form is kept, says ``markup.quoted``."""
    release_url: str | None = None
    advisories: tuple[Advisory, ...] = ()
    severity: Severity = Severity.NONE
    support_end: date | None = None
    released: date | None = None
    traits: Traits = USUAL
    """Of the locks that it is for."""
    rollout: Rollout | None = None
    """None where it is let out to all."""
    halted: Halt | None = None
    """Set where its vendor wants it installed nowhere, for the time being."""
    keeper: str | None = None
    """Who has chosen it and signed for it, where that is not its maker."""
    found: Found | None = None
    """Of a keeper's."""
    extra: Mapping[str, object] = field(default_factory=dict)
    """Fields of the feed that this version of Nightlatch does not know."""

    @property
    def key(self) -> str:
        """Return what decisions and records know this release by; 64 hexadecimal digits.

        The artifact's SHA-256, so that a release that changes is another one. Where
        there is no artifact here, a digest of what the other integration tells.
        """
        if self.artifact is not None:
            return self.artifact.sha256
        return _digest_of(f"{self.vendor}\0{self.model}\0{self.version.text}")

    @property
    def is_halted(self) -> bool:
        """Return whether it is halted, and nobody here knows better."""
        return self.halted is not None and not self.halted.feed_gone

    @property
    def was_halted(self) -> bool:
        """Return whether a feed that is gone has halted it."""
        return self.halted is not None and self.halted.feed_gone

    @property
    def rests_on_keeper(self) -> bool:
        """Return whether nothing but a keeper's word says that its maker has made it."""
        return (
            self.keeper is not None
            and self.payload is not None
            and self.evidence is not Evidence.SAME_SIGNER
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BluetoothMatch:
    """How a lock of a model looks in Bluetooth advertisements; all given parts must match."""

    local_name: str | None = None
    """A pattern with ``*``; at least three characters before the first one."""
    service_uuid: str | None = None
    manufacturer_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A lock model that a feed has releases for."""

    model: str
    """As in the Device Information service's Model Number String."""
    name: str
    version_scheme: VersionScheme
    bluetooth: BluetoothMatch | None = None
    recovery: str = ""
    """What a person does when a lock does not come back, as the vendor says."""
    support_end: date | None = None
    """The last day on which it gets security updates, as the vendor says."""
    support_url: str | None = None
    """A page where its vendor can be asked."""
    traits: Traits = USUAL


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmwareKey:
    """A vendor's key for signing firmware."""

    fingerprint: str
    """SHA-256 over the DER SubjectPublicKeyInfo, hexadecimal, lower case."""
    pem: str
    """SubjectPublicKeyInfo, PEM; ECDSA P-256, Ed25519, RSA-2048 or RSA-3072."""


NO_MODEL: Final = "?"
"""What is kept for the model of a lock of which nobody tells one; never shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockIdentity:
    """What a lock says of itself.

    A direct one in its Device Information service (0x180A); others through the
    integration that knows them.
    """

    model: str
    hardware_revision: str | None
    firmware_version: str
    """The version in what it tells, where its vendor says how to find it."""
    manufacturer: str | None = None
    serial_number: str | None = None
    battery: int | None = None
    """Percent, from the Battery service (0x180F); ``None`` where there is none."""
    firmware_text: str | None = None
    """All that it tells, where the version is only a part of that."""
    firmware_form: str | None = None
    """How the version was looked for in it, see ``Traits.firmware_text``."""

    @property
    def told_model(self) -> str | None:
        """What the lock calls its model; None where nobody tells."""
        return None if self.model == NO_MODEL else self.model

    def read_as(self, form: str | None) -> LockIdentity:
        """Return this with the version as a form finds it in what the lock has told."""
        told = self.firmware_text or self.firmware_version
        version = version_in(told, form)
        return replace(
            self,
            firmware_version=version,
            firmware_text=None if version == told else told,
            firmware_form=form,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryReading:
    """What was last known of a lock's battery."""

    level: int | None
    """Percent; None while nobody knows."""
    low: bool = False
    """Whether the lock, or a sensor, says by itself that it is low."""
    at: datetime | None = None
    """When the level was told; aware, UTC."""


class Purpose(StrEnum):
    """What an installation is for."""

    UPDATE = "update"
    ROLLBACK = "rollback"
    """A person wants a version back that ran on the lock before."""
    RECOVERY = "recovery"
    """The lock waits in its bootloader: anything proven that makes the door open again."""


class Manner(StrEnum):
    """How objects are sent to a Nordic bootloader, as far as was learned of a lock."""

    AHEAD = "ahead"
    """EXECUTE follows the last packet at once."""
    WAITING = "waiting"
    """EXECUTE follows the receipt of the last packet."""
    GENTLE = "gentle"
    """That, and each packet follows when the slowest flash has written the last one."""


class Source(StrEnum):
    """Where the bytes of an artifact come from."""

    FEED = "feed"
    VAULT = "vault"
    FILE = "file"
    """A person has brought it; from then on it lies in the vault."""


class OutcomeKind(StrEnum):
    """How an installation ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"
    """The new firmware did not prove itself; the lock runs its old one again, and works."""
    NEEDS_HAND = "needs_hand"
    CANCELLED = "cancelled"
    POSTPONED = "postponed"
    """Preflight held it: nothing was touched, and it may run another time."""


class Origin(StrEnum):
    """Who asked for an installation."""

    PERSON = "person"
    AUTOMATION = "automation"
    """An action that nobody called in person."""
    SCHEDULE = "schedule"
    """Nightlatch itself, with the owner's consent."""
    EXTERNAL = "external"
    """Somebody else installed it: the vendor's app, another tool."""
