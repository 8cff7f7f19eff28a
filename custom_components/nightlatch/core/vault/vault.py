"""The vault: artifacts, encrypted, in one or two places that hold the same."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from ..errors import VaultError
from .kept import Kept
from .keys import HouseholdKey
from .place import Place
from .reports import OpenReport, TestReport


class Vault:
    """Keeps artifacts; what one place lacks or has damaged comes from the other.

    The first place is the one that counts: what could not be written there was not
    kept. Trouble with the others is told by ``troubles``.
    """

    def __init__(
        self,
        key: HouseholdKey,
        places: Sequence[Place],
        *,
        limit: int,
        clock: Callable[[], datetime],
    ) -> None:
        """Prepare; ``open`` reads what is there.

        ``limit`` is in bytes, for each place; ``clock`` gives aware times, UTC.
        """
        raise NotImplementedError

    @property
    def limit(self) -> int:
        """Bytes that the files of one place may have; what is wanted may have more."""
        raise NotImplementedError

    @property
    def size(self) -> int:
        """Bytes that the files of one place have."""
        raise NotImplementedError

    @property
    def troubles(self) -> Mapping[str, VaultError]:
        """What is wrong with places now, by their names."""
        raise NotImplementedError

    async def open(self) -> OpenReport:
        """Read what all places hold, and bring each up to what the others have.

        Never raises for a place that cannot be used: the report says so. May be called
        again, as when a place is back.
        """
        raise NotImplementedError

    def kept(self) -> tuple[Kept, ...]:
        """Return all of which there is a copy that is not known to be damaged."""
        raise NotImplementedError

    def find(
        self,
        *,
        vendor: str | None = None,
        model: str,
        version: str,
        sha256: str | None = None,
    ) -> Kept | None:
        """Return what is kept of a version, the newest where there are several.

        Of any vendor where none is named.
        """
        raise NotImplementedError

    def by_digest(self, sha256: str) -> Kept | None:
        """Return what is kept under the digest of an artifact."""
        raise NotImplementedError

    async def put(self, kept: Kept, data: bytes) -> None:
        """Keep an artifact in all places; return when it is on disk.

        Raises ``VaultError`` where the first place could not take it (nothing has
        changed then), and DAMAGED where the bytes are not those that are bound.
        """
        raise NotImplementedError

    async def get(self, sha256: str) -> bytes:
        """Return an artifact whose every byte was checked.

        A damaged copy is replaced on the way. Raises ``VaultError``: NOT_KEPT, or what
        is wrong with the first of the copies where none is whole.
        """
        raise NotImplementedError

    async def test(
        self,
        prove: Callable[[Kept, bytes], None],
        refetch: Callable[[Kept], Awaitable[bytes | None]],
    ) -> TestReport:
        """Open again, then read and prove every copy in every place.

        ``prove`` is called in a thread and raises ``NightlatchError`` where the
        artifact's own proof does not hold. A copy that is damaged or missing is
        replaced from another place, else by what ``refetch`` gets; it returns ``None``
        or raises ``NightlatchError`` where there is nothing to get.
        """
        raise NotImplementedError

    async def prune(self, wanted: Mapping[str, int]) -> tuple[Kept, ...]:
        """Drop what nobody wants, the oldest first, until the limit is kept.

        ``wanted`` gives the rank of an artifact by its digest, 0 for the most wanted;
        none of these is dropped, and the most wanted are copied first to a place that
        lacks them. Returns what was dropped.
        """
        raise NotImplementedError

    async def drop_damaged(self) -> int:
        """Remove the copies that nothing could replace; return how many.

        For when a person has been told of them.
        """
        raise NotImplementedError

    async def write_ledger(self, ledger: Mapping[str, Any]) -> None:
        """Write down, in every place, what must not sink when a backup is restored.

        Raises ``VaultError`` where the first place could not take it; the others are
        written all the same.
        """
        raise NotImplementedError

    async def read_ledgers(self) -> tuple[Mapping[str, Any], ...]:
        """Return what was written down, of every place that has it; the newest first."""
        raise NotImplementedError

    async def close(self) -> None:
        """Wait for what is still being written, within its deadline."""
        raise NotImplementedError
