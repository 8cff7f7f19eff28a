"""What an installation needs of the house around the lock."""

from collections.abc import Sequence
from typing import Protocol

from ..model import LockIdentity
from ..preflight.base import Check
from ..preflight.situation import Surroundings


class House(Protocol):
    """The house around one lock."""

    async def checks(
        self, identity: LockIdentity, *, in_bootloader: bool
    ) -> Sequence[Check]:
        """Ask all rules of preflight; ``identity`` is what the lock has just told."""

    def surroundings(self) -> Surroundings:
        """Return what other integrations know of the lock now."""

    async def move_bolt(self, locked: bool) -> None:
        """Lock or unlock; return when it was asked for. May raise anything."""
