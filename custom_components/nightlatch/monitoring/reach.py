"""Saying in the log when a lock goes out of reach, and when it is back: once each."""

import logging

from ..locks.lock import ManagedLock

_LOGGER = logging.getLogger(__name__)


class ReachLog:
    """Remembers which locks were in reach when somebody looked last."""

    def __init__(self) -> None:
        """Begin with nothing: a lock that was never heard has not gone."""
        self._heard: dict[str, bool] = {}

    def look(self, lock: ManagedLock) -> None:
        """Look once at a lock; while it is updated its silence means nothing."""
        if lock.progress is not None:
            return
        heard = lock.kind.radio().heard
        before = self._heard.get(lock.subentry_id)
        if heard == before or (before is None and not heard):
            return
        self._heard[lock.subentry_id] = heard
        if not heard:
            _LOGGER.info("%s is out of reach", lock.name)
        elif before is not None:
            _LOGGER.info("%s is in reach again", lock.name)
