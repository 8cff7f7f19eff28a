"""Nightlatch: firmware updates for smart locks, installed as a locksmith would."""

from homeassistant.const import Platform
from homeassistant.core import HassJob, HomeAssistant
from homeassistant.exceptions import ConfigEntryError, ConfigEntryNotReady
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.typing import ConfigType

from .actions.audit_download import AuditLogView
from .actions.download import FirmwareView
from .actions.lock import async_setup_services
from .adapters.audit_file import async_delete_audit
from .adapters.door_use_file import DoorUseFile
from .adapters.heard import async_note_start
from .adapters.journal import JournalFile, JournalUnreadableError
from .adapters.snapshot_file import SnapshotFiles
from .adapters.storage import HouseholdStore
from .caches import FEEDS, INDEXES, async_forget, async_tidy
from .const import DOMAIN
from .core.disk import NoAnswerError
from .discovery.discovery import async_take_back_all
from .entity import async_remove_entities
from .issues.issues import async_delete_issues
from .kinds.hold import async_lift_all
from .markup import neutral_all
from .panel.element import async_serve_element, async_start_element
from .panel.subscription import async_attach_all, async_detach_all, async_setup_command
from .report.view import EvidenceView, ReportView
from .runtime import NightlatchConfigEntry, async_make_runtime, async_start
from .vault.store import async_delete_vault

PLATFORMS = [
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.CALENDAR,
    Platform.EVENT,
    Platform.IMAGE,
    Platform.SENSOR,
    Platform.SWITCH,
    Platform.TIME,
    Platform.UPDATE,
]

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Register what exists whether or not there is a household."""
    async_note_start(hass)
    async_setup_services(hass)
    async_setup_command(hass)
    hass.http.register_view(FirmwareView())
    hass.http.register_view(AuditLogView())
    hass.http.register_view(ReportView())
    hass.http.register_view(EvidenceView())
    await async_serve_element(hass)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: NightlatchConfigEntry) -> bool:
    """Set up the household."""
    await async_tidy(hass)
    runtime = await async_make_runtime(hass, entry)
    try:
        await async_start(hass, runtime)
    except JournalUnreadableError as err:
        await runtime.store.async_close()
        raise ConfigEntryError(
            translation_domain=DOMAIN,
            translation_key="journal_unreadable",
            translation_placeholders=neutral_all({"problem": str(err)}),
        ) from err
    except NoAnswerError as err:
        await runtime.store.async_close()
        raise ConfigEntryNotReady(
            translation_domain=DOMAIN, translation_key="storage_silent"
        ) from err
    except ValueError as err:
        # Starting without it would forget which firmware must never run again.
        raise ConfigEntryError(
            translation_domain=DOMAIN, translation_key="store_unreadable"
        ) from err
    entry.runtime_data = runtime
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    entry.async_on_unload(async_start_element(hass, runtime))
    async_attach_all(hass, runtime)
    entry.async_on_unload(entry.add_update_listener(_async_entry_updated))
    # Before Bluetooth stops, so that no lock is left waiting in its bootloader; the
    # event of Home Assistant's stop comes to both at once.
    entry.async_on_unload(
        hass.async_add_shutdown_job(
            HassJob(runtime.subentries.async_close, "close household")
        )
    )
    return True


async def _async_entry_updated(
    hass: HomeAssistant, entry: NightlatchConfigEntry
) -> None:
    """Follow subentries that were added, changed or removed."""
    await entry.runtime_data.subentries.async_sync()


async def async_unload_entry(hass: HomeAssistant, entry: NightlatchConfigEntry) -> bool:
    """Stop everything, then unload the platforms."""
    # Nobody is shown how one lock after the other is taken away.
    async_detach_all(hass)
    await entry.runtime_data.subentries.async_close()
    await async_remove_entities(hass, entry)
    return await hass.config_entries.async_unload_platforms(entry, PLATFORMS)


async def async_remove_entry(hass: HomeAssistant, entry: NightlatchConfigEntry) -> None:
    """Delete what was kept."""
    async_take_back_all(hass)
    entry_id = entry.entry_id
    store = HouseholdStore(hass, entry_id)
    await async_lift_all(hass, entry, store)
    await store.async_remove()
    await JournalFile(hass, entry_id).clear()
    await async_delete_vault(hass, entry_id)
    await async_delete_audit(hass, entry_id)
    await SnapshotFiles(hass, entry_id).async_remove()
    await DoorUseFile(hass, entry_id).async_remove()
    await async_forget(hass, FEEDS)
    await async_forget(hass, INDEXES)
    await async_tidy(hass)
    async_delete_issues(hass)
