"""What an installation needs of the house around the lock."""

from collections.abc import Sequence
from typing import Protocol

from ..model import FirmwareKey, LockIdentity, Release
from ..preflight.base import Check
from ..preflight.situation import Surroundings


class House(Protocol):
    """The house around one lock."""

    async def checks(
        self, identity: LockIdentity, *, stranded: bool
    ) -> Sequence[Check]:
        """Ask all rules of preflight; ``identity`` is what the lock has just told.

        Or told last, where it is ``stranded``: left in its bootloader by an installation
        that has to come to an end.
        """

    def surroundings(self) -> Surroundings:
        """Return what other integrations know of the lock now."""

    async def move_bolt(self, locked: bool) -> None:
        """Lock or unlock; return when it was asked for. May raise anything."""

    async def remember_settings(self, attempt: str) -> None:
        """Keep how the lock is set, as far as that can be seen; raises nothing.

        ``attempt`` names the installation. One that goes on after a restart asks again;
        what was seen first counts.
        """

    async def compare_settings(self, attempt: str) -> None:
        """Look what an installation has changed of the settings; raises nothing.

        Called once the lock has proven that it works. It may take its time in the
        background: other integrations find a lock again only after a while.
        """


class Supply(Protocol):
    """Where the firmware of one installation comes from, and where it is kept."""

    async def fetch(self, release: Release) -> bytes:
        """Return the artifact of a release.

        Raises ``FeedError`` or ``VaultError``.
        """

    async def keep(
        self, release: Release, artifact: bytes, signer: FirmwareKey
    ) -> None:
        """Keep what was proven, before it is sent, for the way out of a bootloader.

        And what the lock runs now, for the way back, as long as that can be had. What
        cannot be kept is told elsewhere: it holds up nothing, so this raises nothing.
        """
