"""How a virtual lock takes an update that another integration does."""

import asyncio
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol


class OtaEnding(Enum):
    """What becomes of an update over the air."""

    SUCCESS = auto()
    LIE = auto()
    """Success is told, and the lock reports the old version as before."""
    FALL_BACK = auto()
    """The new version is reported until the lock is back, with the old one."""
    ABORT = auto()
    """The lock gives up halfway."""
    BATTERY_REFUSAL = auto()
    """The lock does not begin."""
    NEVER_ENDS = auto()
    """The transfer stays halfway for good."""
    SILENT = auto()
    """The lock does not hear that there is something for it."""
    BAD_IMAGE = auto()
    """The image cannot be had, or is not what its index says."""
    BROKEN = auto()
    """The lock has the whole image, and does not take it."""


class BoltAfterwards(Enum):
    """How the bolt is found when the lock is back."""

    SAME = auto()
    JAMMED = auto()
    UNLOCKED = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class OtaScript:
    """How a lock takes an update."""

    duration: float = 0.2
    """Seconds of transfer."""
    steps: int = 4
    """How often it tells how far it is."""
    ending: OtaEnding = OtaEnding.SUCCESS
    starts_by_itself: float | None = None
    """Seconds after joining until it updates though nobody asked."""
    silence: float = 0.3
    """Seconds until a lock is given up that does not hear; a minute in earnest."""
    closing: float = 0.3
    """Seconds for which a transfer stays open that was aborted; up to 150 in earnest."""
    reboot: float = 0.1
    """Seconds during which the lock is not available."""
    bolt_afterwards: BoltAfterwards = BoltAfterwards.SAME


class Updatable(Protocol):
    """What happens to a lock in the course of an update."""

    def transferring(self, percent: float, remaining: float) -> None:
        """Tell how far it is, and for how many seconds more."""
        ...

    def failed(self, reason: str) -> None:
        """Tell that it ended halfway."""
        ...

    def not_to_be_had(self) -> None:
        """Tell that there is no image after all."""
        ...

    def transferred(self) -> None:
        """Have the whole image."""
        ...

    async def go_away(self) -> None:
        """Reboot."""
        ...

    async def come_back(self) -> None:
        """Run what was decided in the bootloader."""
        ...


async def play(script: OtaScript, lock: Updatable) -> None:
    """Let an update take its course; cancelled, it leaves the lock as it is."""
    if script.ending is OtaEnding.BATTERY_REFUSAL:
        lock.failed("battery too low")
        return
    if script.ending is OtaEnding.BAD_IMAGE:
        lock.not_to_be_had()
        return
    if script.ending is OtaEnding.SILENT:
        await asyncio.sleep(script.silence)
        lock.failed("Device didn't respond to OTA request")
        return
    for step in range(script.steps):
        done = step / script.steps
        lock.transferring(100 * done, script.duration * (1 - done))
        if 2 * step >= script.steps:
            if script.ending is OtaEnding.ABORT:
                lock.failed("Aborted by device")
                return
            if script.ending is OtaEnding.NEVER_ENDS:
                await asyncio.Event().wait()
        await asyncio.sleep(script.duration / script.steps)
    if script.ending is OtaEnding.BROKEN:
        lock.transferring(100, 0)
        await asyncio.sleep(script.duration / script.steps)
        lock.failed("Target node did not process the update file")
        return
    lock.transferred()
    await lock.go_away()
    await asyncio.sleep(script.reboot)
    await lock.come_back()
