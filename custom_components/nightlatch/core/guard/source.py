"""The update entity of another integration: what it says, and how it behaves.

How each integration installs was read in Home Assistant 2026.10: some return from the
call when the lock is done, others at once (``components/*/update.py``).
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from ..model import Transport
from ..versions import VersionScheme


class Completion(StrEnum):
    """How an integration tells that an installation is over."""

    RETURNS = "returns"
    """The call returns when it is; or never."""
    REPORTS = "reports"
    """The call returns at once; progress rises, and falls when it is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReading:
    """What a source says at one moment."""

    available: bool
    installed: str | None = None
    offered: str | None = None
    """The newest that it knows; the same as ``installed`` where nothing is newer."""
    says_new: bool = False
    """Whether it counts what it offers as an update that waits."""
    in_progress: bool = False
    percentage: float | None = None
    skipped: str | None = None
    """The version that somebody has skipped there."""
    installs_by_itself: bool = False
    """Whether the lock takes updates without being told."""
    away: bool = False
    """Whether it is not there at all: it need not be known yet what is new."""
    can_install: bool = False
    takes_version: bool = False
    """Whether it can be told which version to install."""
    device_version: str | None = None
    """What the device registry says that the lock runs."""
    release_url: str | None = None
    release_summary: str | None = None

    def has_forgotten(self, before: SourceReading) -> bool:
        """Return whether it knew what runs, and does not any more, though it is there."""
        return (
            before.available
            and before.installed is not None
            and self.available
            and self.installed is None
        )

    @property
    def offers_update(self) -> bool:
        """Return whether something else than what runs is on offer."""
        return (
            self.available
            and self.offered is not None
            and self.installed is not None
            and self.offered != self.installed
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceKind:
    """How an integration updates its locks."""

    transport: Transport
    completion: Completion
    schemes: tuple[VersionScheme, ...]
    """How it writes versions; the first counts in which both can be read."""
    tells_progress: bool = False
    """Whether all of its locks tell how far they are: then silence is an end."""
    begins_with_lock: bool = False
    """Whether it says that it is at work only once the lock was told of its image."""
    tells_image: bool = False
    """Whether it tells the version of the image as what runs, whatever the lock says."""

    def build(self, reading: SourceReading) -> str | None:
        """Return what the lock calls what it runs, where its version is just a number.

        Zigbee numbers images with 32 bits, and the basic cluster's software build id,
        which the device registry shows, is what people know it by. What other numbers
        are, and what stands there then, nobody knows.
        """
        installed, build = reading.installed, reading.device_version
        if self.transport is not Transport.ZIGBEE or installed is None:
            return None
        return build if installed.isdecimal() and build != installed else None


_DOTTED, _INTEGER = VersionScheme.DOTTED, VersionScheme.INTEGER
_HEX, _TEXT_INTEGER = VersionScheme.HEX, VersionScheme.TEXT_INTEGER

_UNKNOWN = SourceKind(
    transport=Transport.OTHER,
    completion=Completion.REPORTS,
    schemes=(_DOTTED, _INTEGER, _HEX),
)
_KINDS = {
    "esphome": SourceKind(
        transport=Transport.NETWORK,
        completion=Completion.REPORTS,
        schemes=(_DOTTED,),
    ),
    "matter": SourceKind(
        transport=Transport.MATTER,
        completion=Completion.RETURNS,
        schemes=(_TEXT_INTEGER, _DOTTED, _INTEGER),
    ),
    "shelly": SourceKind(
        transport=Transport.NETWORK,
        completion=Completion.REPORTS,
        schemes=(_DOTTED,),
    ),
    "zha": SourceKind(
        transport=Transport.ZIGBEE,
        completion=Completion.RETURNS,
        schemes=(_HEX,),
        tells_progress=True,
    ),
    "zwave_js": SourceKind(
        transport=Transport.ZWAVE,
        completion=Completion.RETURNS,
        schemes=(_DOTTED,),
        tells_progress=True,
    ),
}
_ZIGBEE2MQTT = SourceKind(
    transport=Transport.ZIGBEE,
    completion=Completion.RETURNS,
    schemes=(_INTEGER, _DOTTED),
    begins_with_lock=True,
    tells_image=True,
)
_SILENT_ZIGBEE2MQTT = replace(_ZIGBEE2MQTT, completion=Completion.REPORTS)
# ESPHome's dashboard compiles and uploads within the call; the entity that a device
# brings itself has a key of its own (components/esphome/update.py).
_ESPHOME_DASHBOARD = SourceKind(
    transport=Transport.NETWORK,
    completion=Completion.RETURNS,
    schemes=(_DOTTED,),
)


def source_kind(
    integration: str,
    unique_id: str,
    *,
    zigbee2mqtt: bool = False,
    answers: bool = False,
) -> SourceKind:
    """Return how an integration updates; ``unique_id`` is that of its update entity.

    ``answers`` is whether Zigbee2MQTT itself can be asked, and so says when it is over.
    """
    if integration == "esphome" and "-update-" not in unique_id:
        return _ESPHOME_DASHBOARD
    if zigbee2mqtt:
        return _ZIGBEE2MQTT if answers else _SILENT_ZIGBEE2MQTT
    return _KINDS.get(integration, _UNKNOWN)


class Delegate(Protocol):
    """What updates a guarded lock."""

    @property
    def kind(self) -> SourceKind:
        """Return how it updates."""

    @property
    def can_abort(self) -> bool:
        """Return whether it can be told to stop, leaving the old firmware."""

    def reading(self) -> SourceReading:
        """Return what it says now."""

    async def changed(self, timeout: float) -> None:
        """Return when it says something new, or after ``timeout`` seconds."""

    async def install(self, version: str | None) -> None:
        """Tell it to install; raise ``DelegateError`` with REFUSED where it refuses."""

    @property
    def can_ask(self) -> bool:
        """Return whether the lock itself can be asked what it runs.

        Where it can, what is told before is not believed.
        """

    async def ask(self) -> None:
        """Let the lock be asked; return when it has answered, and that is told.

        Raises ``DelegateError`` with REFUSED where it does not.
        """

    async def abort(self) -> None:
        """Tell it to stop; raise ``DelegateError`` with REFUSED where it refuses.

        Return when it has stopped: nothing may begin beside what still goes on.
        """
