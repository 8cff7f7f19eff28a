"""What installations use of the house."""

from dataclasses import dataclass

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant

from ..adapters.audit_file import AuditFile
from ..adapters.journal import JournalFile
from ..adapters.storage import HouseholdStore
from ..core.schedule.queue import Queue
from ..planning.planner import Planner
from ..snapshots.snapshots import Snapshots
from ..vault.store import HouseholdVault


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallServices:
    """What installations use of the house."""

    hass: HomeAssistant
    entry: ConfigEntry
    store: HouseholdStore
    journal: JournalFile
    audit: AuditFile
    queue: Queue
    vault: HouseholdVault
    planner: Planner
    snapshots: Snapshots
