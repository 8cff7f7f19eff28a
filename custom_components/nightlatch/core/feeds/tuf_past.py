"""What a feed said when it could last be relied upon, out of what is cached of it.

For a start at which the feed cannot be asked. It is proven as at a check, from the root
that the owner has pinned; only the moment that it is proven for is that of the check, and
nobody is asked anything.
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, override

import aiohttp
from tuf.api.exceptions import DownloadHTTPError
from tuf.api.metadata import Timestamp
from tuf.ngclient.updater import Updater

from ..records.stored import as_time
from .transfer import Limits, Transfers

_CHECKED_AT = "checked_at"
_NOT_FOUND = 404


def note_checked(cache: Path, moment: datetime) -> None:
    """Write down when the feed was relied upon last; raise ``OSError``."""
    (cache / _CHECKED_AT).write_text(moment.isoformat(), encoding="ascii")


def last_checked(cache: Path) -> datetime | None:
    """Return when the feed was relied upon last; None where that is not known."""
    try:
        return as_time((cache / _CHECKED_AT).read_text(encoding="ascii"))
    except OSError, ValueError:
        return None


class CachedTransfers(Transfers):
    """What has come before, in place of a server."""

    def __init__(
        self, session: aiohttp.ClientSession, host: str, limits: Limits, cache: Path
    ) -> None:
        """Take where it was put; the session is not used."""
        super().__init__(session, host, limits)
        self._metadata_dir = cache / "metadata"

    @override
    def _fetch(self, url: str) -> Iterator[bytes]:
        """Return the timestamp, which is asked for in any case; nothing else is new."""
        self.last = url.rpartition("/")[2]
        if self.last != f"{Timestamp.type}.json":
            raise DownloadHTTPError("Nobody is asked", _NOT_FOUND)
        body = (self._metadata_dir / self.last).read_bytes()
        self.received[self.last] = body
        return iter((body,))


class PastUpdater(Updater):
    """A client of tuf whose clock shows the moment of an earlier check."""

    def __init__(self, *args: Any, moment: datetime, **kwargs: Any) -> None:
        """Take the moment; all else as ``Updater``."""
        super().__init__(*args, **kwargs)
        self._trusted_set.reference_time = moment
