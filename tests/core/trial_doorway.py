"""A lock with MCUboot in a doorway, within reach of a radio, and images to bring to it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
import pytest

from custom_components.nightlatch.core.errors import TransportError
from custom_components.nightlatch.core.firmware.mcuboot import read_image
from custom_components.nightlatch.core.firmware.verify import VerifiedArtifact
from custom_components.nightlatch.core.model import PayloadFormat
from custom_components.nightlatch.core.transports.base import (
    ProgressCallback,
    TransferReport,
)
from custom_components.nightlatch.core.transports.smp import SmpTransport
from tests.rig.image import Behaviour, make_image
from tests.rig.link import Link, LinkModel
from tests.rig.lock_body import Mode
from tests.rig.mcuboot_bootloader import McubootBootloader
from tests.rig.mcuboot_flash import McubootFlash
from tests.rig.mcuboot_image import make_mcuboot_image
from tests.rig.mcuboot_lock import VirtualMcubootLock
from tests.rig.mcuboot_offset import OffsetBootloader
from tests.rig.radio import RigRadio
from tests.rig.smp_images import SmpImages
from tests.rig.smp_messages import HEADER, Group, ImageCommand
from tests.rig.smp_server import SmpServer

from .doorway import until

ADDRESS = "C0:11:22:33:44:66"
NAME = "Garden door"
OLD, NEW, OTHER = "1.0.0", "1.1.0", "1.2.0"
SIZE = 20_000
"""Bytes of the new firmware."""
BUFFER = 2475
KEY = ec.derive_private_key(0x6E6C, ec.SECP256R1())


def told(version: str) -> str:
    """Return what the lock itself says that it runs, with the build."""
    return f"{version}+0"


@cache
def image(
    version: str, size: int = SIZE, behaviour: Behaviour = Behaviour.WELL
) -> bytes:
    """Return the signed image of a version."""
    firmware = make_image(version, size, 1, behaviour=behaviour)
    return make_mcuboot_image(firmware, key=KEY, version=version)


def artifact_of(data: bytes) -> VerifiedArtifact:
    """Return an image as if it had been verified."""
    return VerifiedArtifact.seal(
        firmware=data,
        key_fingerprint="",
        format=PayloadFormat.MCUBOOT,
        image_hash=read_image(data).hash.value,
    )


@cache
def artifact(
    version: str = NEW, size: int = SIZE, behaviour: Behaviour = Behaviour.WELL
) -> VerifiedArtifact:
    """Return verified firmware."""
    return artifact_of(image(version, size, behaviour))


class TrialDoorway:
    """A lock, and everything between it and the transport."""

    def __init__(
        self,
        *,
        model: LinkModel | None = None,
        seed: int = 0,
        old: bytes | None = None,
        images: dict[str, Any] | None = None,
        lock: dict[str, Any] | None = None,
        boot_loader: type[McubootBootloader] = OffsetBootloader,
        **options: Any,
    ) -> None:
        """Hang the lock into the door, with the old firmware and fresh batteries.

        ``options`` are the server's, ``images`` those of its image group, ``lock`` the
        lock's own.
        """
        bootloader = boot_loader(
            McubootFlash(old or image(OLD)), public_key=KEY.public_key()
        )
        self.images = SmpImages(bootloader.application_flash, **(images or {}))
        self.server = SmpServer(self.images, **{"tells_bootloader": False, **options})
        self.lock = VirtualMcubootLock(
            ADDRESS,
            bootloader,
            server=self.server,
            **(lock or {}),
        )
        self.lock.restore_power()
        self.radio = RigRadio()
        self.link: Link = self.radio.add(self.lock, model, seed=seed)
        self.transport = SmpTransport(self.radio, ADDRESS, NAME)
        self.progress: list[float] = []
        self.activations = 0
        self.activated_at = 0.0
        self.sizes: list[int] = []
        """Bytes of each request for an upload."""
        self._receive, self.server.receive = self.server.receive, self._listen  # type: ignore[method-assign]

    def _listen(self, data: bytes) -> None:
        if len(data) >= HEADER.size:
            first, _, length, group, _, command = HEADER.unpack_from(data)
            upload = (Group.IMAGE, ImageCommand.UPLOAD)
            if first & 7 == 2 and (group, command) == upload:
                self.sizes.append(HEADER.size + length)
        self._receive(data)

    def note(self, percent: float) -> None:
        """Take note of progress, which never falls."""
        assert not self.progress or percent >= self.progress[-1]
        assert 0 <= percent <= 100
        self.progress.append(percent)

    async def activating(self) -> None:
        """Be told that the lock is about to restart; up to here it has been usable."""
        assert self.lock.mode is Mode.APPLICATION
        self.activations += 1
        self.activated_at = asyncio.get_running_loop().time()

    # What the transport does.

    async def transfer(
        self,
        wanted: VerifiedArtifact | None = None,
        progress: ProgressCallback | None = None,
    ) -> TransferReport:
        """Send the artifact with a new transport, as each installation has one."""
        self.transport = SmpTransport(self.radio, ADDRESS, NAME)
        self.progress.clear()
        return await self.transport.transfer(
            wanted or artifact(), progress or self.note, self.activating
        )

    async def fails(self, wanted: VerifiedArtifact | None = None) -> TransportError:
        """Send the artifact and return what it failed with; it must."""
        with pytest.raises(TransportError) as failed:
            await self.transfer(wanted)
        self.assert_nothing_left()
        return failed.value

    # What the lock is.

    @property
    def runs(self) -> str | None:
        """The version that runs; None where the lock is not in its application."""
        return self.lock.version if self.lock.mode is Mode.APPLICATION else None

    async def restarted(self) -> None:
        """Wait until the lock has restarted and is usable again."""
        await asyncio.sleep(1)
        await until(lambda: self.lock.serves)

    async def assert_on_trial(self, wanted: bytes | None = None) -> None:
        """Check that the lock runs the very image on trial, and would go back."""
        await self.restarted()
        wanted = image(NEW) if wanted is None else wanted
        assert self.lock.flash.primary.read(0, len(wanted)) == wanted
        running = await self.transport.running()
        assert running.hash == read_image(wanted).hash.value
        assert not running.confirmed
        self.assert_nothing_left()

    async def assert_as_before(self) -> None:
        """Check that the lock runs its old firmware, and does so after a restart too."""
        await self.restarted()
        assert self.runs == told(OLD)
        self.lock.reset()
        await self.restarted()
        assert self.runs == told(OLD)
        assert (await self.transport.running()).confirmed

    def assert_nothing_left(self) -> None:
        """Check that no connection and no task is left behind."""
        assert not self.link.connected
        assert asyncio.all_tasks() == {asyncio.current_task()}

    def behave(self) -> None:
        """Let link and server have no more faults."""
        self.link._orders._orders.clear()
        self.server._orders.clear()
        self.link.model.loss = 0.0

    def close(self) -> None:
        """Leave nothing that runs."""
        self.radio.close()
        self.lock.cut_power()


@asynccontextmanager
async def trial_doorway(**options: Any) -> AsyncIterator[TrialDoorway]:
    """Have a doorway for a while, with a lock that advertises."""
    door = TrialDoorway(**options)
    try:
        await asyncio.sleep(1)
        yield door
    finally:
        door.close()


def radio_link(**fields: Any) -> LinkModel:
    """Return a link with a usual interval, that the lock does not shorten."""
    fields = {
        "connection_interval": 0.015,
        "honours_fast_interval": False,
        **fields,
    }
    return LinkModel(**fields)
