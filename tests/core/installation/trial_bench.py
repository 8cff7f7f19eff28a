"""A bench for locks that run new firmware on trial: with a bolt that can be seen."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import override

from cryptography.hazmat.primitives import serialization

from custom_components.nightlatch.core.firmware.keys import load_firmware_key
from custom_components.nightlatch.core.installation.direct import (
    DirectTarget,
    direct_installation,
)
from custom_components.nightlatch.core.installation.journal import JournalEntry
from custom_components.nightlatch.core.installation.machine import (
    Installation,
    Job,
    Outcome,
)
from custom_components.nightlatch.core.installation.states import State
from custom_components.nightlatch.core.model import (
    Artifact,
    FirmwareKey,
    LockIdentity,
    Payload,
    PayloadFormat,
    Release,
    Transport,
)
from custom_components.nightlatch.core.preflight.situation import (
    Bolt,
    Door,
    Surroundings,
)
from custom_components.nightlatch.core.schedule.policy import LockPolicy
from custom_components.nightlatch.core.versions import Version, VersionScheme
from tests.rig.image import Behaviour
from tests.rig.lock_body import Mode

from ..trial_doorway import ADDRESS, KEY, NAME, NEW, OLD, TrialDoorway, image, told
from .bench import LONG_AGO, Desk, DeskHouse, MemoryJournal, new_entry

IDENTITY = LockIdentity(
    model="NL-1",
    hardware_revision="A",
    firmware_version=told(OLD),
    manufacturer="Rig Locks",
    serial_number="0001",
    battery=90,
)
RELEASE = Release(
    vendor="Rig Locks",
    model="NL-1",
    hardware_revisions=("A",),
    version=Version.parse(VersionScheme.DOTTED, NEW),
    artifact=Artifact(path="nl-1/1.1.0.bin", length=1, sha256="0" * 64),
    payload=Payload(format=PayloadFormat.MCUBOOT, firmware_version=0),
    transport=Transport.SMP,
)


@cache
def signer() -> FirmwareKey:
    """Return the key that the owner has pinned."""
    return load_firmware_key(
        KEY.public_key()
        .public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        .decode()
    )


@dataclass
class TrialHouse(DeskHouse):
    """A house whose lock entity tells what the bolt of the virtual lock does."""

    door: TrialDoorway = field(kw_only=True)

    @override
    def surroundings(self) -> Surroundings:
        lock = self.door.lock
        here = lock.mode is Mode.APPLICATION
        return Surroundings(
            bolt=Bolt(str(lock.bolt)) if here else Bolt.UNKNOWN,
            bolt_since=LONG_AGO,
            door=Door.CLOSED,
            door_since=LONG_AGO,
        )


@dataclass
class TrialBench:
    """A lock in a doorway, and everything for installing to it."""

    door: TrialDoorway
    behaviour: Behaviour = Behaviour.WELL
    release: Release = RELEASE
    identity: LockIdentity = IDENTITY
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    reports: list[tuple[State, float | None]] = field(default_factory=list)
    keys: Sequence[FirmwareKey] = field(default_factory=lambda: [signer()])

    def __post_init__(self) -> None:
        """Furnish the house."""
        self.supply = Desk(image(NEW, behaviour=self.behaviour))
        self.supply.release = self.release
        self.house = TrialHouse(
            release=self.release,
            policy=LockPolicy(has_door_sensor=True, second_entry=True),
            door=self.door,
        )

    def prepare(self, entry: JournalEntry | None = None) -> Installation:
        """Return an installation: a new one, or what the journal tells of."""
        self.reports.clear()
        return direct_installation(
            Job(
                name=NAME,
                identity=self.identity,
                release=self.release,
                house=self.house,
                policy=self.house.policy,
                journal=self.journal,
                entry=entry or replace(new_entry(self.release), address=ADDRESS),
                report=lambda state, done: self.reports.append((state, done)),
            ),
            target=DirectTarget(address=ADDRESS, floor=None),
            supply=self.supply,
            keys=self.keys,
            radio=self.door.radio,
        )

    async def install(self) -> Outcome:
        """Run an installation."""
        outcome = await self.prepare().run()
        self.door.assert_nothing_left()
        return outcome

    async def go_on(self) -> Outcome:
        """Go on with what the journal tells of, as after a restart."""
        outcome = await self.prepare(self.journal.entry).run()
        self.door.assert_nothing_left()
        return outcome

    @property
    def states(self) -> list[State]:
        """The states in their order."""
        return list(dict.fromkeys(state for state, _ in self.reports))
