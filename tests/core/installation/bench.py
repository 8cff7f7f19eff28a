"""A bench: a lock in a doorway, and everything for installing to it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, override

from custom_components.nightlatch.core.firmware.keys import load_firmware_key
from custom_components.nightlatch.core.installation.direct import (
    DirectTarget,
    direct_installation,
)
from custom_components.nightlatch.core.installation.journal import Journal, JournalEntry
from custom_components.nightlatch.core.installation.machine import (
    Installation,
    Job,
    Outcome,
)
from custom_components.nightlatch.core.installation.ports import House, Supply
from custom_components.nightlatch.core.installation.states import State
from custom_components.nightlatch.core.model import (
    Artifact,
    FirmwareKey,
    LockIdentity,
    Manner,
    Origin,
    OutcomeKind,
    Payload,
    PayloadFormat,
    Purpose,
    Release,
    Source,
)
from custom_components.nightlatch.core.preflight.base import Check
from custom_components.nightlatch.core.preflight.rules import run_checks
from custom_components.nightlatch.core.preflight.situation import (
    FeedState,
    HouseState,
    RadioState,
    Situation,
    Surroundings,
)
from custom_components.nightlatch.core.records.decisions import Decisions
from custom_components.nightlatch.core.records.trust import LockFloor
from custom_components.nightlatch.core.schedule.policy import LockPolicy
from custom_components.nightlatch.core.versions import Version, VersionScheme
from tests.rig.dfu_package import make_package
from tests.rig.image import make_image
from tests.rig.lock import Mode, VirtualLock
from tests.rig.scene import (
    HARDWARE_REVISION,
    HARDWARE_VERSION,
    MODEL,
    VENDOR,
    firmware_version,
)

from ..doorway import ADDRESS, NAME, NEW, OLD, SIZE, Doorway, vendor

NOW = datetime(2026, 11, 24, 2, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=30)

OLD_IDENTITY = LockIdentity(
    model=MODEL,
    hardware_revision=HARDWARE_REVISION,
    firmware_version=OLD,
    manufacturer=VENDOR,
    serial_number="0001",
    battery=90,
)
NEW_IDENTITY = replace(OLD_IDENTITY, firmware_version=NEW)
RELEASE = Release(
    vendor=VENDOR,
    model=MODEL,
    hardware_revisions=(HARDWARE_REVISION,),
    version=Version.parse(VersionScheme.DOTTED, NEW),
    security_version=1,
    artifact=Artifact(path="kl-1/1.1.0.zip", length=1, sha256="0" * 64),
    payload=Payload(
        format=PayloadFormat.NORDIC_DFU,
        hardware_version=HARDWARE_VERSION,
        firmware_version=firmware_version(NEW),
    ),
    minimum_battery=40,
)


@cache
def good_package() -> bytes:
    """Return what the vendor has released."""
    return package_of(make_image(NEW, SIZE, seed=2))


def package_of(firmware: bytes, **knobs: Any) -> bytes:
    """Return firmware as the vendor packs it."""
    return make_package(
        firmware,
        **{
            "key": vendor().firmware_key,
            "fw_version": firmware_version(NEW),
            "hw_version": HARDWARE_VERSION,
            **knobs,
        },
    )


class Desk(Supply):
    """A supply that gives what lies on the desk."""

    def __init__(self, given: bytes | Exception) -> None:
        """Lay something on the desk."""
        self.given = given
        self.release = RELEASE
        """The only one that may be asked for."""
        self.kept: list[tuple[Release, bytes, FirmwareKey]] = []

    @override
    async def fetch(self, release: Release) -> bytes:
        assert release == self.release
        if isinstance(self.given, Exception):
            raise self.given
        return self.given

    @override
    async def keep(
        self, release: Release, artifact: bytes, signer: FirmwareKey
    ) -> None:
        self.kept.append((release, artifact, signer))


class MemoryJournal(Journal):
    """A journal that survives as long as the test."""

    def __init__(self) -> None:
        """Begin with nothing under way."""
        self.entry: JournalEntry | None = None
        self.written: list[State] = []
        self.full_from: State | None = None
        """From which state on the disk is full."""

    @override
    async def write(self, entry: JournalEntry) -> None:
        if entry.state is self.full_from:
            raise OSError(28, "No space left on device")
        self.entry = entry
        self.written.append(entry.state)

    @override
    async def clear(self) -> None:
        self.entry = None


@dataclass
class DeskHouse(House):
    """A house in which everything is as it was laid down."""

    release: Release
    policy: LockPolicy
    floor: LockFloor | None = None
    seen: Surroundings = field(default_factory=Surroundings)
    window_end: datetime | None = None
    unattended: bool = False
    purpose: Purpose = Purpose.UPDATE
    moved: list[bool] = field(default_factory=list)
    when_moved: Callable[[bool], None] = lambda _: None
    remembered: list[str] = field(default_factory=list)
    """The attempts before which the settings were looked at."""
    compared: list[str] = field(default_factory=list)
    """The attempts after which they were."""

    @override
    async def checks(
        self, identity: LockIdentity, *, stranded: bool
    ) -> Sequence[Check]:
        return run_checks(
            Situation(
                now=NOW,
                identity=identity,
                identity_at=NOW,
                release=self.release,
                floor=self.floor,
                policy=self.policy,
                decisions=Decisions(first_seen={self.release.key: LONG_AGO}),
                soak_days=3,
                unattended=self.unattended,
                surroundings=self.surroundings(),
                radio=RadioState(heard=True, rssi=-60),
                house=HouseState(),
                feed=FeedState(checked_at=NOW, expires_at=NOW + timedelta(days=1)),
                expected=timedelta(minutes=10),
                window_end=self.window_end,
                stranded=stranded,
                purpose=self.purpose,
            )
        )

    @override
    def surroundings(self) -> Surroundings:
        return self.seen

    @override
    async def move_bolt(self, locked: bool) -> None:
        self.moved.append(locked)
        self.when_moved(locked)

    @override
    async def remember_settings(self, attempt: str) -> None:
        self.remembered.append(attempt)

    @override
    async def compare_settings(self, attempt: str) -> None:
        self.compared.append(attempt)


@dataclass
class Bench:
    """A lock in a doorway, and everything for installing to it."""

    door: Doorway
    supply: Desk = field(default_factory=lambda: Desk(good_package()))
    release: Release = RELEASE
    identity: LockIdentity = OLD_IDENTITY
    floor: LockFloor | None = None
    surroundings: Surroundings = field(default_factory=Surroundings)
    policy: LockPolicy = field(
        default_factory=lambda: LockPolicy(has_door_sensor=False, second_entry=True)
    )
    in_bootloader: bool = False
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    reports: list[tuple[State, float | None]] = field(default_factory=list)
    learned: list[Manner] = field(default_factory=list)
    """What was learned of how the lock takes what is sent."""

    @property
    def house(self) -> DeskHouse:
        """The house as it is now."""
        return DeskHouse(
            release=self.release,
            policy=self.policy,
            floor=self.floor,
            seen=self.surroundings,
        )

    def prepare(
        self,
        entry: JournalEntry | None = None,
        house: House | None = None,
        purpose: Purpose = Purpose.UPDATE,
    ) -> Installation:
        """Return an installation: a new one, or what the journal tells of."""
        self.reports.clear()
        return direct_installation(
            Job(
                name=NAME,
                identity=self.identity,
                release=self.release,
                house=house or self.house,
                policy=self.policy,
                journal=self.journal,
                entry=entry
                or replace(
                    new_entry(self.release),
                    purpose=purpose,
                    source=Source.FEED if purpose is Purpose.UPDATE else Source.VAULT,
                    from_version=self.identity.firmware_version,
                ),
                report=lambda state, done: self.reports.append((state, done)),
            ),
            target=DirectTarget(
                address=ADDRESS,
                floor=self.floor,
                in_bootloader=self.in_bootloader,
                manner=self.learned[-1] if self.learned else None,
                learned=self.learned.append,
            ),
            supply=self.supply,
            keys=[load_firmware_key(vendor().firmware_key_pem)],
            radio=self.door.radio,
        )

    async def install(
        self, house: House | None = None, purpose: Purpose = Purpose.UPDATE
    ) -> Outcome:
        """Run an installation."""
        house = house or replace(self.house, purpose=purpose)
        outcome = await self.prepare(house=house, purpose=purpose).run()
        self.door.assert_nothing_left()
        return outcome

    async def go_on(self, house: House | None = None) -> Outcome:
        """Go on with what the journal tells of, as after a restart."""
        outcome = await self.prepare(self.journal.entry, house).run()
        self.door.assert_nothing_left()
        return outcome

    def when_it_activates(self, do: Callable[[VirtualLock], object]) -> None:
        """Do something once the lock has accepted the firmware."""
        lock = self.door.lock

        def changed() -> None:
            if lock.mode is Mode.ACTIVATING:
                stop()
                do(lock)

        stop = lock.on_change(changed)

    @property
    def states(self) -> list[State]:
        """The states in their order."""
        return list(dict.fromkeys(state for state, _ in self.reports))

    def assert_untouched(self) -> None:
        """Check that the lock was at most looked at."""
        assert self.door.link.counters.writes == 0
        assert self.door.link.counters.packets == 0
        self.door.assert_as_before()

    async def bring_out(self) -> Outcome:
        """Bring a lock out of its bootloader, because a person wants that."""
        return await self.install(purpose=Purpose.RECOVERY)

    async def assert_second_installation_succeeds(self) -> None:
        """Check that nothing stands in the way of another attempt."""
        self.supply.given = good_package()
        self.surroundings = Surroundings()
        outcome = await (self.bring_out() if self.in_bootloader else self.install())
        assert outcome.kind is OutcomeKind.SUCCEEDED
        assert self.door.runs == NEW


def new_entry(release: Release = RELEASE) -> JournalEntry:
    """Return the entry of an installation that has not begun."""
    return JournalEntry(
        attempt="1",
        lock_id="lock",
        name=NAME,
        address=ADDRESS,
        feed_id="feed",
        model=release.model,
        version=release.version.text,
        sha256=release.key,
        origin=Origin.PERSON,
        started=NOW,
        from_version=OLD,
    )
