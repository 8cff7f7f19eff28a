"""What was found in the vault, and what was done about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ..errors import NightlatchError, VaultError
from .kept import Kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """A copy that cannot be used as it is."""

    place: str
    """The name of the place."""
    name: str
    """Of the file; it tells nothing."""
    kept: Kept | None
    """What it was a copy of; None where nothing tells any more."""
    error: VaultError


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceReport:
    """What was found in one place."""

    error: VaultError | None = None
    """Why the place could not be read or brought up to date."""
    blobs: int = 0
    """Whole copies that were found, by what their heads say."""
    damaged: tuple[Damage, ...] = ()
    """Those that were, before anything was done about them."""
    merged: int = 0
    """Copies that were written here from another place: missing, damaged or older ones."""
    foreign: int = 0
    """Files of another household, or of a lost key: left alone."""
    behind: bool = False
    """Whether its ledger is older than another's, or missing.

    It is new, or was away, or has been restored out of a backup.
    """
    ledger: VaultError | None = None
    """What is wrong with its ledger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenReport:
    """What was found when the vault was opened."""

    at: datetime
    """Aware, UTC."""
    places: Mapping[str, PlaceReport]


class Replacement(StrEnum):
    """Where a sound copy came from."""

    COPY = "copy"
    """Another place."""
    FEED = "feed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """A copy that was damaged or missing and is whole again."""

    place: str
    kept: Kept
    source: Replacement


@dataclass(frozen=True, slots=True, kw_only=True)
class Unproven:
    """An artifact that is what was kept, and whose proof no longer holds."""

    kept: Kept
    error: NightlatchError


@dataclass(frozen=True, slots=True, kw_only=True)
class TestReport:
    """What a test of all copies has found."""

    at: datetime
    """Aware, UTC; when it began."""
    places: Mapping[str, PlaceReport]
    """As at opening: a test begins with it."""
    sound: int = 0
    """Copies that were found whole, or are so again."""
    replaced: tuple[Replaced, ...] = ()
    damaged: tuple[Damage, ...] = ()
    """Copies that nothing could replace."""
    unproven: tuple[Unproven, ...] = ()
