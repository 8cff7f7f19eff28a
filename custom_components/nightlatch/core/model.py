"""The values that flow through Nightlatch: plain, frozen, without behaviour to speak of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from .versions import Version, VersionScheme


class Severity(StrEnum):
    """How much it matters that a release is installed, as its vendor says."""

    NONE = "none"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class PayloadFormat(StrEnum):
    """The format of an artifact."""

    NORDIC_DFU = "nordic-dfu"


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
    ``hw_version`` and ``fw_version`` of the init packet.
    """

    format: PayloadFormat
    hardware_version: int
    firmware_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Advisory:
    """A published vulnerability that a release closes."""

    id: str
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One firmware version for one model, as a feed describes it."""

    vendor: str
    model: str
    hardware_revisions: tuple[str, ...]
    version: Version
    security_version: int
    """Rises when older firmware must never run again; it need not rise with each release."""
    artifact: Artifact
    payload: Payload
    minimum_installed_version: Version | None = None
    minimum_battery: int | None = None
    """Percent."""
    expected_duration: int | None = None
    """Seconds."""
    disrupts: tuple[Disruption, ...] = ()
    release_notes: str = ""
    """Markdown."""
    release_url: str | None = None
    advisories: tuple[Advisory, ...] = ()
    severity: Severity = Severity.NONE
    support_end: date | None = None
    released: date | None = None
    extra: Mapping[str, object] = field(default_factory=dict)
    """Fields of the feed that this version of Nightlatch does not know."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmwareKey:
    """A vendor's key for signing firmware."""

    fingerprint: str
    """SHA-256 over the DER SubjectPublicKeyInfo, hexadecimal, lower case."""
    pem: str
    """SubjectPublicKeyInfo, PEM; ECDSA P-256."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockIdentity:
    """What a lock says of itself in its Device Information service (0x180A)."""

    model: str
    hardware_revision: str | None
    firmware_version: str
    manufacturer: str | None = None
    serial_number: str | None = None
    battery: int | None = None
    """Percent, from the Battery service (0x180F); ``None`` where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryReading:
    """What was last known of a lock's battery."""

    level: int | None
    """Percent; None while nobody knows."""
    low: bool = False
    """Whether the lock, or a sensor, says by itself that it is low."""
    at: datetime | None = None
    """When the level was told; aware, UTC."""


class OutcomeKind(StrEnum):
    """How an installation ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
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
