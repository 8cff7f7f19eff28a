"""Which rules of the world's time zones this machine goes by.

Quiet hours end by them. Python reads those of the operating system where it has any, and
those that come with Home Assistant only where it has none; on a machine that is seldom
updated they may be years old.
"""

from dataclasses import dataclass
from pathlib import Path
import zoneinfo

import tzdata  # type: ignore[import-untyped]

_FIRST_LINE = "# version "


@dataclass(frozen=True, slots=True)
class ZoneData:
    """Versions as IANA counts them: the year, and a letter."""

    used: str | None
    """None where the operating system does not tell which it has."""
    brought: str
    """What comes with Home Assistant."""

    @property
    def is_old(self) -> bool:
        """Return whether Home Assistant has newer ones, which are not used."""
        return self.used is not None and self.used < self.brought


def read_zone_data() -> ZoneData:
    """Find out which are used; to be called in a thread."""
    for folder in map(Path, zoneinfo.TZPATH):
        if not (folder / "UTC").exists():
            continue
        try:
            with (folder / "tzdata.zi").open(encoding="utf-8") as told:
                first = told.readline(64).strip()
        except OSError, UnicodeDecodeError:
            first = ""
        used = (
            first.removeprefix(_FIRST_LINE) if first.startswith(_FIRST_LINE) else None
        )
        return ZoneData(used, tzdata.IANA_VERSION)
    return ZoneData(tzdata.IANA_VERSION, tzdata.IANA_VERSION)
