"""Actions for the snapshots of a lock's settings: list, export, restore."""

import probatio

from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.typing import VolDictType
from homeassistant.util.json import JsonValueType

from ..entity import LockEntity
from ..snapshots.snapshots import LockSnapshots
from ..texts.settings import told_name, told_value, told_why
from .registration import async_register_lock_action

ATTR_SNAPSHOT = "snapshot"


@callback
def async_setup_settings_actions(hass: HomeAssistant) -> None:
    """Register the actions."""
    named: VolDictType = {probatio.Optional(ATTR_SNAPSHOT): cv.string}
    for name, schema, func, responds in (
        ("list_snapshots", None, _async_list, SupportsResponse.ONLY),
        ("export_snapshot", named, _async_export, SupportsResponse.ONLY),
        ("restore_snapshot", named, _async_restore, SupportsResponse.OPTIONAL),
    ):
        async_register_lock_action(hass, name, func, schema, responds)


def _snapshots_of(entity: LockEntity) -> LockSnapshots:
    return entity.runtime.snapshots.of(entity.managed_lock)


async def _async_list(entity: LockEntity, call: ServiceCall) -> ServiceResponse:
    return {
        "snapshots": [
            {
                "snapshot": each.id,
                "taken_at": each.taken_at.isoformat(),
                "before": each.occasion,
                "version": each.version,
                "settings": len(each.settings),
                "unknown": sum(setting.value is None for setting in each.settings),
                "left_out": each.left_out,
            }
            for each in reversed(_snapshots_of(entity).all)
        ]
    }


async def _async_export(entity: LockEntity, call: ServiceCall) -> ServiceResponse:
    snapshot = _snapshots_of(entity).find(call.data.get(ATTR_SNAPSHOT))
    return {"lock": entity.managed_lock.name, **snapshot.to_dict()}


async def _async_restore(entity: LockEntity, call: ServiceCall) -> ServiceResponse:
    hass = entity.hass
    restored = await _snapshots_of(entity).async_restore(call.data.get(ATTR_SNAPSHOT))
    done: list[JsonValueType] = [
        {"name": told_name(hass, each), "value": told_value(hass, each)}
        for each in restored.done
    ]
    not_set: list[JsonValueType] = [
        {
            "name": told_name(hass, each.setting),
            "value": told_value(hass, each.setting),
            "reason": each.why_not,
            "message": told_why(hass, each.why_not, each.detail),
        }
        for each in restored.not_set
    ]
    return {"restored": done, "not_restored": not_set}
