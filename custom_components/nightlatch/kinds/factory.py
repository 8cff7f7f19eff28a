"""Which kind a lock is of."""

from homeassistant.config_entries import ConfigSubentry

from ..const import CONF_KIND
from ..core.model import LockKind
from ..locks.lock import ManagedLock
from .base import HouseKind, KindServices
from .direct import DirectKind
from .guarded import GuardedKind
from .watched import WatchedKind

_KINDS: dict[str, type[HouseKind]] = {
    LockKind.DIRECT: DirectKind,
    LockKind.GUARDED: GuardedKind,
    LockKind.WATCHED: WatchedKind,
}


def make_kind(
    lock: ManagedLock, subentry: ConfigSubentry, services: KindServices
) -> HouseKind:
    """Return how the lock of a subentry is to be treated.

    Those of the first version of Nightlatch do not say; they are direct.
    """
    kind = _KINDS[subentry.data.get(CONF_KIND, LockKind.DIRECT)]
    return kind(lock, services)
