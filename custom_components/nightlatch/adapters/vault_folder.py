"""Where the vault's places lie on the disks of this system."""

from pathlib import Path
from typing import Final

from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import STORAGE_DIR

from ..const import DOMAIN

FIRST: Final = "first"
SECOND: Final = "second"
"""The names of the places."""


def first_folder(hass: HomeAssistant, entry_id: str) -> Path:
    """Return the folder of the first place, in Home Assistant's own storage."""
    return Path(hass.config.path(STORAGE_DIR, f"{DOMAIN}.{entry_id}.vault"))


def has_content(folder: Path) -> bool:
    """Return whether there is anything in a folder; for a thread."""
    try:
        return any(folder.iterdir())
    except FileNotFoundError:
        return False
    except OSError:
        # Whoever opens it will say what is wrong.
        return True


def overlap(one: Path, other: Path) -> bool:
    """Return whether two folders are the same, or one lies in the other.

    Whatever links lead there; for a thread.
    """
    one, other = one.resolve(), other.resolve()
    return one.is_relative_to(other) or other.is_relative_to(one)
