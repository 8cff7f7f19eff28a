"""Letting other integrations ask a lock how it is set, instead of what they remember."""

import asyncio
from collections.abc import Iterable
import logging

from homeassistant.const import ATTR_ENTITY_ID
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr

from ..core.records.redaction import SettingKind
from ..core.records.snapshot import Setting
from .lock_settings import entity_of
from .zwave_settings import async_ask_slots

_LOGGER = logging.getLogger(__name__)

# Seconds, for each way of asking.
_TIMEOUT = 60.0


async def async_ask(hass: HomeAssistant, settings: Iterable[Setting]) -> None:
    """Ask once for everything that can be asked for; raises nothing."""
    entity_ids = []
    for setting in settings:
        if (entry := entity_of(hass, setting.key)) is not None:
            entity_ids.append(entry.entity_id)
        elif setting.kind is SettingKind.CODE_SLOTS:
            await _async_ask_slots(hass, setting)
    if entity_ids:
        await _async_update(hass, entity_ids)


async def _async_ask_slots(hass: HomeAssistant, setting: Setting) -> None:
    device = dr.async_get(hass).async_get(setting.key.partition(":")[2])
    if device is None or not setting.value:
        return
    try:
        async with asyncio.timeout(_TIMEOUT):
            await async_ask_slots(
                hass, device, [int(slot) for slot in setting.value.split(",")]
            )
    except Exception as err:  # noqa: BLE001  whatever somebody's integration raises
        _LOGGER.debug("%s was not asked for its slots: %r", device.id, err)


async def _async_update(hass: HomeAssistant, entity_ids: list[str]) -> None:
    try:
        async with asyncio.timeout(_TIMEOUT):
            await hass.services.async_call(
                "homeassistant",
                "update_entity",
                {ATTR_ENTITY_ID: entity_ids},
                blocking=True,
            )
    except Exception as err:  # noqa: BLE001  whatever somebody's integration raises
        _LOGGER.debug("%s were not asked: %r", entity_ids, err)
