"""What every feed promises."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ..advisories.published import PublishedAdvisory
from ..errors import FeedError, FeedProblem
from ..model import FirmwareKey, Model, Release


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedContent:
    """What a feed said at one check, all of it proven."""

    vendor: str
    models: tuple[Model, ...]
    releases: tuple[Release, ...]
    problems: tuple[tuple[str, FeedError], ...]
    """The path of each release or advisory that was left out, and what is wrong."""
    firmware_keys: tuple[FirmwareKey, ...]
    checked_at: datetime
    expires_at: datetime
    """When the feed must have been signed anew, or it counts as stale."""
    advisories: tuple[PublishedAdvisory, ...] = ()
    """Those that could be read."""
    reports: str | None = None
    """An https address where its vendor takes how installations ended, if it wants that."""
    keeper: str | None = None
    """Who signs it, where that is not the vendor."""
    tells_advisories: bool = False
    """Whether it says what is known of its locks, and all of it could be read."""

    @property
    def refused(self) -> tuple[str, ...]:
        """Return one line for each release or advisory that was left out."""
        return tuple(_line(path, err) for path, err in self.problems)


class Feed(Protocol):
    """Where releases come from."""

    async def check(self) -> FeedContent:
        """Ask the feed what is on offer; raise ``FeedError``."""

    async def fetch(self, release: Release, *, begun: bool = False) -> bytes:
        """Fetch the artifact of a release, after asking again whether it still holds.

        ``begun`` tells that the lock was touched already: no halt leaves it as it is.

        Raises ``FeedError``; RELEASE_WITHDRAWN when the feed no longer lists it,
        RELEASE_CHANGED when it lists another file under its name, and RELEASE_HALTED
        when it was halted meanwhile.
        """


def _line(path: str, err: FeedError) -> str:
    if err.reason is FeedProblem.FIELD_INVALID:
        return f"{path}: {err.details['field']} {err.details['problem']}"
    return f"{path}: {err}"
