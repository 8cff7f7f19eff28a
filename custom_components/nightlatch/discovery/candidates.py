"""Locks that other integrations know, and what Nightlatch can do for each."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from homeassistant.components.lock import DOMAIN as LOCK_DOMAIN
from homeassistant.components.update import DOMAIN as UPDATE_DOMAIN, UpdateEntityFeature
from homeassistant.components.update.const import ATTR_AUTO_UPDATE
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import STATE_UNKNOWN
from homeassistant.core import HomeAssistant, split_entity_id
from homeassistant.helpers import entity_registry as er

from ..adapters.registry import area_name_of, device_of, identity_of, main_device_of
from ..const import CONF_LOCK_ENTITY, DOMAIN, SUBENTRY_LOCK
from ..core.model import LockIdentity, LockKind
from ..core.versions import told_version

BATTERY = "battery"
DOOR_CLASSES = ("door", "garage_door", "opening", "window")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A lock of another integration, and what belongs to it on its device."""

    device_id: str
    name: str
    integration: str
    """The domain of the integration."""
    kind: LockKind
    why: str
    """The option of the selector ``lock_offer`` that tells why it is this kind."""
    lock_entity: str
    update_entity: str | None
    battery_entity: str | None
    door_entity: str | None
    area: str | None
    """The name of the room that it is in, where somebody has said so."""
    identity: LockIdentity
    """With an empty version where nobody knows it."""


def cared_for(hass: HomeAssistant, entry: ConfigEntry) -> set[str | None]:
    """Return the addresses and devices of the locks that are cared for.

    The device of a lock entity that one is linked to is another side of the same lock.
    """
    known: set[str | None] = set()
    for subentry in entry.subentries.values():
        if subentry.subentry_type == SUBENTRY_LOCK:
            known.add(subentry.unique_id)
            linked = device_of(hass, subentry.data.get(CONF_LOCK_ENTITY))
            known.add(linked.id if linked else None)
    return known


def candidates(hass: HomeAssistant, entry: ConfigEntry) -> Iterator[Candidate]:
    """Return the locks of other integrations that are not cared for yet."""
    seen = cared_for(hass, entry)
    for lock in er.async_get(hass).entities.values():
        if (
            lock.domain == LOCK_DOMAIN
            and lock.platform != DOMAIN
            and lock.device_id not in {None, *seen}
            and lock.disabled_by is None
        ):
            seen.add(lock.device_id)
            if (found := candidate_of(hass, lock)) is not None:
                yield found


def also_on_device(hass: HomeAssistant, linked: Iterable[str | None]) -> list[str]:
    """Return the entities that could as well be meant as those that are linked.

    They are of the same domains, on the same devices: the second relay of a lock, say, or
    the firmware of its radio.
    """
    chosen = {entity_id for entity_id in linked if entity_id}
    domains = {split_entity_id(entity_id)[0] for entity_id in chosen}
    devices = {
        device.id
        for entity_id in chosen
        if (device := device_of(hass, entity_id)) is not None
    }
    return sorted(
        entry.entity_id
        for device_id in devices
        for entry in er.async_entries_for_device(er.async_get(hass), device_id)
        if entry.domain in domains & {LOCK_DOMAIN, UPDATE_DOMAIN}
        and entry.platform != DOMAIN
        and entry.entity_id not in chosen
    )


def candidate_of(hass: HomeAssistant, lock: er.RegistryEntry) -> Candidate | None:
    """Return what can be done for the lock of an entity; None where it has no device."""
    device = device_of(hass, lock.entity_id)
    if device is None:
        return None
    others = [
        entry
        for entry in er.async_entries_for_device(
            er.async_get(hass), device.id, include_disabled_entities=True
        )
        if entry.platform != DOMAIN
    ]
    update = next(_of(others, UPDATE_DOMAIN), None)
    kind, why = _what_can_be_done(hass, update)
    if update is None and any(entry.domain == UPDATE_DOMAIN for entry in others):
        why = "update_disabled"
    others = [entry for entry in others if _has_told(hass, entry)]
    version = _version(hass, lock, update)
    return Candidate(
        device_id=device.id,
        name=device.name_by_user or device.name or lock.entity_id,
        integration=lock.platform,
        kind=kind,
        why=why,
        lock_entity=lock.entity_id,
        update_entity=update.entity_id if update else None,
        battery_entity=_first(_of(others, "sensor", BATTERY))
        or _first(_of(others, "binary_sensor", BATTERY)),
        door_entity=_first(_of(others, "binary_sensor", *DOOR_CLASSES)),
        area=area_name_of(hass, lock, device),
        identity=identity_of(main_device_of(hass, lock.entity_id), version),
    )


def _what_can_be_done(
    hass: HomeAssistant, update: er.RegistryEntry | None
) -> tuple[LockKind, str]:
    if update is None:
        return LockKind.WATCHED, "no_updates"
    state = hass.states.get(update.entity_id)
    if state is not None and state.attributes.get(ATTR_AUTO_UPDATE):
        return LockKind.WATCHED, "updates_itself"
    if not update.supported_features & UpdateEntityFeature.INSTALL:
        return LockKind.WATCHED, "cannot_install"
    return LockKind.GUARDED, "can_install"


def _version(
    hass: HomeAssistant, lock: er.RegistryEntry, update: er.RegistryEntry | None
) -> str:
    """Return what the lock runs, as its integration writes it."""
    state = hass.states.get(update.entity_id) if update else None
    told = told_version(state.attributes.get("installed_version")) if state else None
    device = main_device_of(hass, lock.entity_id)
    return told or (told_version(device.sw_version) if device else None) or ""


def _of(
    entries: Iterable[er.RegistryEntry], domain: str, *classes: str
) -> Iterator[er.RegistryEntry]:
    """Return the enabled entities of a domain, and of device classes where given."""
    return (
        entry
        for entry in entries
        if entry.domain == domain
        and entry.disabled_by is None
        and (
            not classes
            or (entry.device_class or entry.original_device_class) in classes
        )
    )


def _has_told(hass: HomeAssistant, entry: er.RegistryEntry) -> bool:
    """Return whether an entity has ever had a value, as far as that can be said.

    One that is unavailable may have had one; a sensor that was never triggered has none.
    """
    state = hass.states.get(entry.entity_id)
    return state is None or state.state != STATE_UNKNOWN


def _first(entries: Iterator[er.RegistryEntry]) -> str | None:
    found = next(entries, None)
    return found.entity_id if found else None
