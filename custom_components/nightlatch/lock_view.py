"""What others may know of a lock, without knowing the lock."""

from typing import Protocol

from homeassistant.core import HomeAssistant

from .core.records.lock_record import LockRecord


class LockView(Protocol):
    """A lock of the household, as it is now; nothing of it can be changed here."""

    @property
    def hass(self) -> HomeAssistant:
        """Home Assistant."""

    @property
    def subentry_id(self) -> str:
        """What it is known by here."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def record(self) -> LockRecord:
        """What is kept of it."""

    @property
    def update_entity_id(self) -> str | None:
        """Its update entity; None where there is none."""

    @property
    def unsaved(self) -> str | None:
        """Why what is kept of it is not on disk; None where it is."""

    @property
    def progress(self) -> object | None:
        """Where a running installation is; None while nothing is being installed."""
