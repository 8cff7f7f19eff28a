"""What runs while the config entry is loaded: all services, and how they are put together.

Each is given what it uses and knows nothing of this. Platforms, flows and actions find
here what they show or ask.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.start import async_at_started

from .adapters.audit_file import AuditFile
from .adapters.believed_clock import BelievedClock
from .adapters.bluetooth import HomeAssistantRadio
from .adapters.journal import JournalFile
from .adapters.storage import HouseholdStore
from .const import DOMAIN
from .coordinator import FeedCoordinator
from .core.installation.journal import JournalEntry
from .core.installation.ports import Supply
from .core.model import Source
from .core.schedule.queue import Queue
from .core.vendor_facts import KnownFacts, read_facts
from .discovery.discovery import Discovering
from .faults import Faults
from .household_settings import HouseholdSettings
from .indexes import PublicIndexes
from .install.installer import Installations
from .install.recovery import Recovering
from .install.remedies import Remedies
from .install.rollback import Rollback
from .install.services import InstallServices
from .issues.issues import Issues
from .kinds.base import KindServices
from .kinds.factory import make_kind
from .kinds.registrations import Registrations
from .locks.kind import Kind
from .locks.lock import LockServices, ManagedLock
from .locks.registry import LockRegistry
from .members import Members
from .monitoring.door_use import DoorUseWatch
from .monitoring.ends_reports import EndsReports
from .monitoring.entity_links import EntityLinks
from .monitoring.helping import Helping
from .monitoring.letting_go import LettingGo
from .monitoring.reader import Reader
from .monitoring.rehearsing import Rehearsing
from .monitoring.replaced import Replacements
from .monitoring.rest import Rests
from .monitoring.weekly import WeeklyAssessment
from .notifications.actions import PhoneActions
from .notifications.notices import Notices
from .planning.planner import Planner
from .scheduler import Scheduler
from .snapshots.snapshots import Snapshots
from .subentries import Subentries
from .vault.audit_retention import AuditRetention
from .vault.fetching import VaultFetching
from .vault.scrub import VaultTesting
from .vault.service import VaultService
from .vault.store import HouseholdVault
from .vault.supply import VaultSupply
from .vault.upkeep import VaultUpkeep

# Seconds. "Update all" asks for one lock after the other, in whatever order.
GATHERING = 0.1

type NightlatchConfigEntry = ConfigEntry[Runtime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """The services of the household."""

    entry: NightlatchConfigEntry
    settings: HouseholdSettings
    store: HouseholdStore
    journal: JournalFile
    audit: AuditFile
    radio: HomeAssistantRadio
    faults: Faults
    queue: Queue
    feeds: Members[FeedCoordinator]
    locks: LockRegistry
    vault: HouseholdVault
    fetching: VaultFetching
    testing: VaultTesting
    upkeep: VaultUpkeep
    vault_service: VaultService
    indexes: PublicIndexes
    planner: Planner
    snapshots: Snapshots
    installations: Installations
    remedies: Remedies
    recovering: Recovering
    rollback: Rollback
    reader: Reader
    rehearsing: Rehearsing
    helping: Helping
    letting_go: LettingGo
    links: EntityLinks
    door_use: DoorUseWatch
    replacements: Replacements
    discovering: Discovering
    notices: Notices
    phone_actions: PhoneActions
    issues: Issues
    scheduler: Scheduler
    subentries: Subentries


@callback
def async_get_runtime(hass: HomeAssistant) -> Runtime | None:
    """Return what runs; None while Nightlatch is not loaded. There is one at most."""
    for entry in hass.config_entries.async_loaded_entries(DOMAIN):
        loaded: NightlatchConfigEntry = entry
        return loaded.runtime_data
    return None


async def async_make_runtime(
    hass: HomeAssistant, entry: NightlatchConfigEntry
) -> Runtime:
    """Put the services together; ``async_start`` brings them to life."""
    settings = HouseholdSettings(hass, entry)
    store = HouseholdStore(hass, entry.entry_id)
    journal = JournalFile(hass, entry.entry_id)
    audit = AuditFile(hass, entry.entry_id)
    radio = HomeAssistantRadio(hass, store)
    faults = Faults()
    queue = Queue(GATHERING)
    feeds: Members[FeedCoordinator] = Members()
    locks = LockRegistry(hass, faults)

    async def restored() -> None:
        await notices.async_tell_later("notice_backup_restored")

    vault = HouseholdVault(
        hass,
        entry,
        store=store,
        audit=audit,
        locks=locks,
        faults=faults,
        settings=settings.vault,
        on_restored=restored,
    )
    fetching = VaultFetching(vault, feeds)
    testing = VaultTesting(vault, fetching, store, audit)
    upkeep = VaultUpkeep(
        hass,
        entry,
        vault=vault,
        fetching=fetching,
        testing=testing,
        locks=locks,
        queue=queue,
    )
    vault_service = VaultService(hass, entry, vault, upkeep)
    indexes = PublicIndexes(hass, entry, settings, locks, faults)

    def supply(lock: ManagedLock, source: Source) -> Supply:
        return VaultSupply(
            lock,
            source,
            vault=vault,
            fetching=fetching,
            upkeep=upkeep,
            journal=journal,
        )

    kind_services = KindServices(
        hass=hass,
        entry=entry,
        store=store,
        queue=queue,
        radio=radio,
        vault=vault,
        supply=supply,
        indexes=indexes,
        registrations=Registrations(hass),
    )

    def kind(lock: ManagedLock, subentry: ConfigSubentry) -> Kind:
        return make_kind(lock, subentry, kind_services)

    lock_services = LockServices(
        hass=hass,
        entry=entry,
        store=store,
        feeds=feeds,
        faults=faults,
        audit=audit,
        listener=locks,
        vendor_facts=KnownFacts(await hass.async_add_executor_job(read_facts)),
        make_kind=kind,
    )
    planner = Planner(hass, settings=settings, locks=locks, queue=queue, vault=vault)
    snapshots = Snapshots(hass, entry, locks, queue)
    install_services = InstallServices(
        hass=hass,
        entry=entry,
        store=store,
        journal=journal,
        audit=audit,
        queue=queue,
        vault=vault,
        planner=planner,
        snapshots=snapshots,
    )
    installations = Installations(install_services)
    remedies = Remedies(vault)
    recovering = Recovering(
        hass,
        entry,
        locks=locks,
        faults=faults,
        installations=installations,
        remedies=remedies,
    )
    rehearsing = Rehearsing(planner, queue)
    reader = Reader(install_services, installations, locks, faults)
    letting_go = LettingGo(
        hass,
        entry,
        radio=radio,
        queue=queue,
        audit=audit,
        changed=locks.async_changed,
    )
    notices = Notices(
        hass,
        entry,
        store=store,
        settings=settings,
        locks=locks,
        queue=queue,
        planner=planner,
        faults=faults,
        checkpoint=audit.async_checkpoint,
    )
    believed_clock = BelievedClock(store, hass.loop.time)
    door_use = DoorUseWatch(
        hass,
        entry,
        settings=settings,
        locks=locks,
        planner=planner,
        faults=faults,
        clock=believed_clock,
    )
    issues = Issues(
        hass,
        feeds=feeds,
        locks=locks,
        settings=settings,
        faults=faults,
        store=store,
        audit=audit,
        vault=vault,
        upkeep=upkeep,
        planner=planner,
        snapshots=snapshots,
        letting_go=letting_go,
        recovering=recovering,
        remedies=remedies,
        door_use=door_use,
    )
    return Runtime(
        entry=entry,
        settings=settings,
        store=store,
        journal=journal,
        audit=audit,
        radio=radio,
        faults=faults,
        queue=queue,
        feeds=feeds,
        locks=locks,
        vault=vault,
        fetching=fetching,
        testing=testing,
        upkeep=upkeep,
        vault_service=vault_service,
        indexes=indexes,
        planner=planner,
        snapshots=snapshots,
        installations=installations,
        remedies=remedies,
        recovering=recovering,
        rollback=Rollback(hass, vault, planner, installations),
        reader=reader,
        rehearsing=rehearsing,
        letting_go=letting_go,
        helping=Helping(planner, rehearsing, remedies, vault),
        links=EntityLinks(hass, entry, settings, locks, faults),
        door_use=door_use,
        replacements=Replacements(
            hass, entry, settings=settings, locks=locks, faults=faults, audit=audit
        ),
        discovering=Discovering(hass, entry, feeds, locks, faults),
        notices=notices,
        phone_actions=PhoneActions(
            hass,
            entry,
            settings=settings,
            locks=locks,
            planner=planner,
            installations=installations,
            answer=notices.async_answer,
            asked=notices.async_asked,
        ),
        issues=issues,
        scheduler=Scheduler(
            hass,
            entry,
            store=store,
            settings=settings,
            feeds=feeds,
            locks=locks,
            faults=faults,
            planner=planner,
            installations=installations,
            notices=notices,
            indexes=indexes,
            upkeep=upkeep,
            audit_retention=AuditRetention(audit, settings, believed_clock),
            believed_clock=believed_clock,
            recovering=recovering,
            issues=issues,
            weekly=WeeklyAssessment(
                hass,
                store=store,
                locks=locks,
                planner=planner,
                faults=faults,
                tell_later=notices.async_tell_later,
            ),
            rests=Rests(
                hass,
                settings=settings,
                locks=locks,
                faults=faults,
                planner=planner,
                letting_go=letting_go,
            ),
            ends_reports=EndsReports(
                hass,
                entry,
                store=store,
                settings=settings,
                feeds=feeds,
                locks=locks,
            ),
        ),
        subentries=Subentries(
            hass,
            entry,
            store=store,
            journal=journal,
            audit=audit,
            settings=settings,
            faults=faults,
            feeds=feeds,
            locks=locks,
            lock_services=lock_services,
            vault_service=vault_service,
            snapshots=snapshots,
            installations=installations,
            reader=reader,
            letting_go=letting_go,
            indexes=indexes,
        ),
    )


async def async_start(hass: HomeAssistant, runtime: Runtime) -> None:
    """Load what is kept, take over all subentries, and begin; raise ``ValueError``."""
    entry, store = runtime.entry, runtime.store
    store.async_on_problem(runtime.locks.async_changed)
    runtime.audit.async_on_unwritten(runtime.locks.async_changed)
    await store.async_load(expected=bool(entry.subentries))
    unfinished = await runtime.journal.async_load()
    await runtime.audit.async_start()
    await runtime.vault.async_start()
    entry.async_on_unload(await runtime.snapshots.async_start())
    entry.async_on_unload(await runtime.subentries.async_start(unfinished))
    await runtime.door_use.async_start()
    starts: tuple[Callable[[], Callable[[], None]], ...] = (
        runtime.issues.async_start,
        runtime.reader.async_start,
        runtime.scheduler.async_start,
        runtime.notices.async_start,
        runtime.phone_actions.async_start,
        runtime.links.async_start,
        runtime.replacements.async_start,
        runtime.discovering.async_start,
    )
    for start in starts:
        entry.async_on_unload(start())
        # Some of them look at every lock: the house goes on in between.
        await asyncio.sleep(0)
    if unfinished is not None:

        @callback
        def go_on(_: HomeAssistant) -> None:
            entry.async_create_background_task(
                hass,
                _async_go_on(runtime, unfinished),
                f"end of the installation on {unfinished.name}",
            )

        entry.async_on_unload(async_at_started(hass, go_on))

    @callback
    def recover(_: HomeAssistant) -> None:
        entry.async_on_unload(runtime.recovering.async_start())

    # After what was under way: its journal must not be written over.
    entry.async_on_unload(async_at_started(hass, recover))


async def _async_go_on(runtime: Runtime, unfinished: JournalEntry) -> None:
    # What was being installed may be kept there.
    await runtime.vault.async_opened()
    await runtime.subentries.async_end_unfinished(unfinished)
