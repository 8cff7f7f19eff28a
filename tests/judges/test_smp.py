"""Other people's clients of SMP, and what they make of the virtual lock with MCUboot."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
import json
from pathlib import Path
import re
from typing import Any, override

import pytest

from tests.home.flows import until
from tests.rig.lock_body import Mode
from tests.rig.mcuboot_flash import SECTOR, SLOT_SECTORS
from tests.rig.mcuboot_image import image_hash
from tests.rig.mcuboot_lock import VirtualMcubootLock
from tests.rig.radio import RigRadio
from tests.rig.scene import (
    MCUBOOT_MODELS,
    MODELS,
    VENDOR,
    make_mcuboot_firmware,
    make_mcuboot_lock,
)
from tests.rig.smp_messages import Group, OsCommand, Rc
from tests.rig.smp_server import SmpFault
from tests.rig.vendor import Vendor

from .programs import install, run
from .smp_bridge import SmpBridge, smp_bridge

ADDRESS = "C0:11:22:33:44:77"
OLD, NEW = "1.0.0", "1.1.0"
MARKS = ("active", "confirmed", "pending", "permanent")
MAKER = Vendor(name=VENDOR, models=(*MODELS, *MCUBOOT_MODELS))
NEW_IMAGE = make_mcuboot_firmware(MAKER, NEW, size=20_000)
NEW_HASH = image_hash(NEW_IMAGE)


class Refused(Exception):
    """A client says that something could not be done."""


@dataclass(frozen=True)
class Judge:
    """A client; it makes a new connection for each thing that it is asked to do."""

    host: str
    script: str = ""

    async def _ask(self, command: str, argument: str = "") -> Any:
        code, told = await run("python", self.script, self.host, command, argument)
        if code:
            raise Refused(told)
        return json.loads(told)

    async def echo(self, text: str) -> str:
        """Return what comes back."""
        answer: str = await self._ask("echo", text)
        return answer

    async def states(self) -> list[tuple[int, str, str]]:
        """Return slots, versions and marks."""
        answer = await self._ask("states")
        return [
            (image["slot"], image["version"], " ".join(image["marks"]))
            for image in answer
        ]

    async def upload(self, file: Path) -> None:
        """Upload an image."""
        await self._ask("upload", str(file))

    async def test(self) -> None:
        """Have the new image tried at the next start."""
        await self._ask("test", NEW_HASH.hex())

    async def confirm(self) -> None:
        """Keep what runs."""
        await self._ask("confirm")

    async def reset(self) -> None:
        """Restart the lock."""
        await self._ask("reset")


class Smpmgr(Judge):
    """The command line program; it prints what it was answered for people to read."""

    async def _say(self, *arguments: str) -> str:
        options = ("--timeout", "20", "--ip", self.host)
        code, told = await run("smpmgr", *options, *arguments)
        if code or re.search(r"\brc\W+[1-9]|Error", told):
            raise Refused(told)
        return told

    @override
    async def _ask(self, command: str, argument: str = "") -> Any:
        match command:
            case "echo":
                told = await self._say("os", "echo", argument)
                (said,) = re.findall(r"\br: (\S+)|r='([^']*)'", told)
                return "".join(said)
            case "states":
                return _read_states(await self._say("image", "state-read"))
            case "upload":
                return await self._say("image", "upload", argument)
            case "test":
                return await self._say("image", "state-write", argument)
            case "confirm":
                return await self._say("image", "state-write", "--confirm")
        return await self._say("os", "reset")


def _read_states(told: str) -> list[dict[str, Any]]:
    """Return what is printed of images."""
    return [
        {
            "slot": int(block.split(maxsplit=1)[0].strip(",")),
            "version": re.findall(r"version[=:] ?'?([\w.]+)", block)[0],
            "marks": [mark for mark in MARKS if re.search(rf"{mark}[=:] ?True", block)],
        }
        for block in re.split(r"slot[=:] ?", told)[1:]
    ]


@dataclass
class Door:
    """A lock, and who judges it."""

    lock: VirtualMcubootLock
    judge: Judge
    bridge: SmpBridge

    async def until_runs(self, version: str) -> None:
        """Wait until a version runs, and can be spoken to."""
        await until(
            lambda: (
                self.lock.mode is Mode.APPLICATION
                and self.lock.running is not None
                and self.lock.running.version_text == version
                and self.lock.advertising is not None
            )
        )


JUDGES: dict[str, Callable[[str], Judge]] = {
    "smpclient": lambda host: Judge(host, "with_smpclient.py"),
    "smpmgr": Smpmgr,
    "mcumgr-toolkit": lambda host: Judge(host, "with_toolkit.py"),
}


@pytest.fixture(params=JUDGES)
async def door(
    request: pytest.FixtureRequest, socket_enabled: None
) -> AsyncGenerator[Door]:
    """Install the judge, and a lock that it reaches."""
    await install()
    # Nobody here asks again where a lock is busy, or waits for one that is late.
    lock = make_mcuboot_lock(MAKER, ADDRESS, size=6000, kind=True)
    radio = RigRadio()
    radio.add(lock)
    async with smp_bridge(radio, ADDRESS) as (host, bridge):
        yield Door(lock, JUDGES[request.param](host), bridge)
    radio.close()
    lock.cut_power()


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """The new image, in a file."""
    path = tmp_path / "new.bin"
    path.write_bytes(NEW_IMAGE)
    return path


@pytest.mark.timeout(1200)
async def test_a_client_takes_the_lock_through_a_trial(door: Door, image: Path) -> None:
    """It reads each state as it is meant, and what it asks for happens."""
    judge = door.judge
    assert await judge.echo("hello") == "hello"
    assert await judge.states() == [(0, OLD, "active confirmed")]
    await judge.upload(image)
    slot = door.lock.bootloader.application_flash.secondary
    assert slot.read(0, len(NEW_IMAGE)) == NEW_IMAGE
    old = (0, OLD, "active confirmed")
    assert await judge.states() == [old, (1, NEW, "")]
    await judge.test()
    assert await judge.states() == [old, (1, NEW, "pending")]
    await judge.reset()
    await door.until_runs(NEW)
    assert await judge.states() == [(0, NEW, "active"), (1, OLD, "confirmed")]
    await judge.confirm()
    assert (await judge.states())[0] == (0, NEW, "active confirmed")
    await judge.reset()
    await until(lambda: door.lock.bootloader.counters.boots == 3)
    await door.until_runs(NEW)


@pytest.mark.timeout(1200)
async def test_a_client_sees_a_lock_go_back(door: Door, image: Path) -> None:
    """Nobody has confirmed what was on trial."""
    await door.judge.upload(image)
    await door.judge.test()
    await door.judge.reset()
    await door.until_runs(NEW)
    await door.judge.reset()
    await door.until_runs(OLD)
    assert await door.judge.states() == [(0, OLD, "active confirmed"), (1, NEW, "")]


@pytest.mark.timeout(1200)
async def test_a_client_is_told_of_an_image_that_is_too_large(
    door: Door, tmp_path: Path
) -> None:
    """At once; nothing is written."""
    path = tmp_path / "large.bin"
    size = SLOT_SECTORS * SECTOR
    path.write_bytes(make_mcuboot_firmware(MAKER, NEW, size=size))
    before = door.lock.flash.operations.count
    with pytest.raises(Refused):
        await door.judge.upload(path)
    assert door.lock.flash.operations.count == before


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("rc", [Rc.NOT_SUPPORTED, Rc.BUSY])
async def test_a_client_is_told_of_a_reset_that_is_refused(door: Door, rc: Rc) -> None:
    """The lock goes on."""
    reset = (Group.OS, OsCommand.RESET)
    door.lock.server.order(SmpFault.ERROR, reset, times=100, rc=rc)
    with pytest.raises(Refused):
        await door.judge.reset()
    assert door.lock.bootloader.counters.boots == 1


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("door", ["mcumgr-toolkit"], indirect=True)
async def test_slot_info_is_understood(door: Door) -> None:
    """By the one of them that knows it."""
    size = SLOT_SECTORS * SECTOR
    assert await door.judge._ask("slots") == [[0, size], [1, size]]


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("door", ["mcumgr-toolkit"], indirect=True)
async def test_an_update_in_one_piece_needs_to_know_the_boot_loader(
    door: Door, image: Path
) -> None:
    """It asks for it, sends, has it tried and restarts; and sends nothing untold."""
    with pytest.raises(Refused, match="Failed to detect bootloader"):
        await door.judge._ask("whole", str(image))
    assert door.lock.flash.operations.count == 0
    door.lock.server.tells_bootloader = True
    await door.judge._ask("whole", str(image))
    await door.until_runs(NEW)
