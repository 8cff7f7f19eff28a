"""How long a door is without its lock: from the restart to the application's answer.

    .venv/bin/python -m benchmarks.door

It runs on virtual time over the rig's link model, with the transports and the proof of
an installation as they are. The parts, of which the lock's own are marked with a star:

*enter*     the application has left, and the bootloader does not advertise yet (*)
*find*      until the bootloader is asked for the first time
*transfer*  until the image is accepted
*activate*  until the new application advertises (*)
*come back* until that has answered who it is

A lock with MCUboot takes the image while it works, so there nothing but *activate* and
*come back* is time without the lock.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
import sys

from custom_components.nightlatch.core.firmware.verify import VerifiedArtifact
from custom_components.nightlatch.core.installation.verification import await_return
from custom_components.nightlatch.core.model import PayloadFormat
from custom_components.nightlatch.core.transports.base import FirmwareTransport
from custom_components.nightlatch.core.transports.nordic_dfu import NordicDfuTransport
from custom_components.nightlatch.core.transports.smp import SmpTransport
from tests.rig.bootloader import Flash, SecureDfuBootloader
from tests.rig.dfu_package import generate_key, make_init_packet
from tests.rig.image import make_image
from tests.rig.link import LinkModel
from tests.rig.lock import VirtualLock
from tests.rig.lock_body import LockBody, Mode
from tests.rig.mcuboot_bootloader import McubootBootloader
from tests.rig.mcuboot_flash import McubootFlash
from tests.rig.mcuboot_image import image_hash, make_mcuboot_image
from tests.rig.mcuboot_lock import VirtualMcubootLock
from tests.rig.radio import RigRadio
from tests.rig.smp_images import SmpImages
from tests.rig.smp_server import SmpServer
from tests.rig.virtual_time import run_virtual

from . import dfu
from .shape import Found, Row, Table, main

ADDRESS = "C0:11:22:33:44:55"
NAME = "lock"
SIZE = 98_032
KEY = generate_key()
PARTS = ("enter", "find", "transfer", "activate", "come back")


def links() -> dict[str, LinkModel]:
    """Return the links that are tried."""
    proxy = LinkModel(connection_interval=0.015, honours_fast_interval=False)
    proxy.way_there = 0.01
    return {
        "15 ms, 4 packets": LinkModel(
            connection_interval=0.015, honours_fast_interval=False
        ),
        "15 ms, 4 packets, 10 ms each way": proxy,
        "30 ms, 2 packets": LinkModel(
            connection_interval=0.03,
            packets_per_interval=2,
            honours_fast_interval=False,
        ),
    }


def nordic() -> tuple[LockBody, VerifiedArtifact]:
    """Return a lock with a Nordic bootloader, and firmware for it."""
    image = make_image("1.1.0", SIZE, seed=2)
    bootloader = SecureDfuBootloader(
        Flash(bytearray(make_image("1.0.0", 4096, seed=1)), 1),
        public_key=KEY.public_key(),
    )
    bootloader.hold_buffers()
    artifact = VerifiedArtifact.seal(
        init_packet=make_init_packet(image, key=KEY, fw_version=2),
        firmware=image,
        key_fingerprint="",
    )
    return VirtualLock(ADDRESS, bootloader), artifact


def mcuboot() -> tuple[LockBody, VerifiedArtifact]:
    """Return a lock with MCUboot, and firmware for it."""

    def image(version: str, size: int) -> bytes:
        return make_mcuboot_image(
            make_image(version, size, seed=2), key=KEY, version=version
        )

    firmware = image("1.1.0", SIZE)
    flash = McubootFlash(image("1.0.0", 4096))
    lock = VirtualMcubootLock(
        ADDRESS,
        McubootBootloader(flash, public_key=KEY.public_key()),
        server=SmpServer(SmpImages(flash)),
    )
    artifact = VerifiedArtifact.seal(
        firmware=firmware,
        key_fingerprint="",
        format=PayloadFormat.MCUBOOT,
        image_hash=image_hash(firmware),
    )
    return lock, artifact


Made = Callable[[], tuple[LockBody, VerifiedArtifact]]
KINDS: dict[str, tuple[Made, type[FirmwareTransport]]] = {
    "Secure DFU": (nordic, NordicDfuTransport),
    "SMP": (mcuboot, SmpTransport),
}


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Seconds of each part."""

    parts: dict[str, float]

    @property
    def without(self) -> float:
        """The seconds without the lock."""
        return sum(self.parts.values())


async def measure(
    made: Made, kind: type[FirmwareTransport], model: LinkModel
) -> Figures:
    """Bring new firmware to a lock, and watch it."""
    lock, artifact = made()
    lock.restore_power()
    radio = RigRadio()
    radio.add(lock, model)
    loop = asyncio.get_running_loop()
    moments: dict[str, float] = {}

    def reached(part: str) -> None:
        moments.setdefault(part, loop.time())

    def changed() -> None:
        if lock.mode is Mode.APPLICATION:
            reached("activate")
        elif lock.mode is Mode.BOOTLOADER:
            reached("enter")
        elif lock.mode is Mode.ACTIVATING:
            reached("transfer")
        elif lock.mode is Mode.STARTING:
            reached("left")

    if isinstance(lock, VirtualLock):
        request = lock.bootloader.request

        def asked(data: bytes) -> None:
            reached("find")
            request(data)

        lock.bootloader.request = asked  # type: ignore[method-assign]
    await asyncio.sleep(2)
    stop = lock.on_change(changed)
    transport = kind(radio, ADDRESS, NAME)  # type: ignore[call-arg]
    await transport.transfer(artifact, lambda _: None)
    back = await await_return(radio, ADDRESS, NAME)
    reached("come back")
    stop()
    assert back.firmware_version == lock.version
    assert lock.mode is Mode.APPLICATION
    radio.close()
    lock.cut_power()
    before = moments.get("left", min(moments.values()))
    parts = {}
    for part in PARTS:
        if part in moments:
            parts[part] = max(0.0, moments[part] - before)
            before = max(before, moments[part])
        else:
            parts[part] = 0.0
    return Figures(parts=parts)


def least_of(found: Figures, model: LinkModel) -> float:
    """Return the lock's own time, and what the protocol cannot do without."""
    own = found.parts["enter"] + found.parts["activate"]
    if not found.parts["transfer"]:
        return own
    case = dfu.Case(
        name="least",
        interval=model.connection_interval,
        packets_per_interval=model.packets_per_interval,
    )
    return own + dfu.least(case, SIZE).seconds


def run(short: bool) -> Found:
    """Measure both transports over all links; there is nothing to leave out."""
    rows = []
    for kind, (made, transport) in KINDS.items():
        for link, model in links().items():
            name = f"{kind}, {link}"
            found = run_virtual(measure(made, transport, model))
            rows.append(
                Row(
                    name=name,
                    figures={"without": found.without, **found.parts},
                    baseline=least_of(found, model),
                )
            )
    table = Table(
        name=f"Seconds without the lock, {SIZE} bytes",
        of="the lock's own time, and the least transfer that the protocol allows",
        rows=rows,
    )
    return Found(tables=[table])


if __name__ == "__main__":
    sys.exit(main(__doc__, run))
