"""What differs between direct, guarded and watched locks."""

from typing import TYPE_CHECKING

from homeassistant.config_entries import ConfigSubentry

from ..const import CONF_KIND
from ..core.model import LockKind
from .base import Kind
from .direct import DirectKind
from .guarded import GuardedKind
from .watched import WatchedKind

if TYPE_CHECKING:
    from ..locks import ManagedLock

_KINDS: dict[str, type[Kind]] = {
    LockKind.DIRECT: DirectKind,
    LockKind.GUARDED: GuardedKind,
    LockKind.WATCHED: WatchedKind,
}


def make_kind(lock: ManagedLock, subentry: ConfigSubentry) -> Kind:
    """Return how the lock of a subentry is to be treated.

    Those of the first version of Nightlatch do not say; they are direct.
    """
    return _KINDS[subentry.data.get(CONF_KIND, LockKind.DIRECT)](lock)
