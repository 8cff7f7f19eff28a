"""What can happen to a lock, in the words of entities, triggers, logbook and bus."""

from collections.abc import Callable
from enum import StrEnum
from typing import Final

from .core.model import OutcomeKind


class Happening(StrEnum):
    """What has happened to the firmware of a lock."""

    UPDATE_AVAILABLE = "update_available"
    ANNOUNCED = "update_announced"
    """People were told when it will be installed."""
    STARTED = "update_started"
    """The transfer begins: from now on the lock may be out of order."""
    INSTALLED = "update_installed"
    """The lock has proven that it runs the release and works."""
    FAILED = "update_failed"
    ROLLED_BACK = "update_rolled_back"
    """The new firmware did not prove itself; the lock runs its old one, and works."""
    HELD = "update_held"
    """Something has to be put right first; nothing was touched."""
    CANCELLED = "update_cancelled"
    MANUAL_STEP_NEEDED = "manual_step_needed"
    BOOTLOADER_FOUND = "bootloader_found"
    INSTALLED_ELSEWHERE = "installed_elsewhere"
    """It runs other firmware, and it was not Nightlatch that installed it."""
    UNGUARDED = "unguarded_update"
    """The integration that updates the lock does what it was not told to."""
    OVERRUNS = "update_overruns"
    """It goes on though the quiet hours are over: stopping it would be worse."""
    BATTERY_DRAINING = "battery_draining"
    """Since an installation the battery falls faster than before."""
    SETTINGS_DIFFER = "settings_differ"
    """After an installation its settings are not as they were."""


BACKUP_RESTORED: Final = "backup_restored"
"""To the whole household: what it keeps was older than its vault knows."""

ENDINGS = {
    OutcomeKind.SUCCEEDED: Happening.INSTALLED,
    OutcomeKind.FAILED: Happening.FAILED,
    OutcomeKind.ROLLED_BACK: Happening.ROLLED_BACK,
    OutcomeKind.NEEDS_HAND: Happening.MANUAL_STEP_NEEDED,
    OutcomeKind.CANCELLED: Happening.CANCELLED,
    OutcomeKind.POSTPONED: Happening.HELD,
}

type HappeningCallback = Callable[[Happening, dict[str, str]], None]
