"""Registering actions, so that each asks the table of rights before it does anything."""

from collections.abc import Awaitable, Callable

import probatio

from homeassistant.components.update import DOMAIN as UPDATE_DOMAIN
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.helpers import service
from homeassistant.helpers.typing import VolDictType

from ..const import DOMAIN
from ..entity import LockEntity
from ..rights import ACTIONS, RIGHTS, Who, async_check_right

type LockAction = Callable[
    [LockEntity, ServiceCall], Awaitable[ServiceResponse] | Awaitable[None]
]
type HouseholdAction = Callable[[ServiceCall], Awaitable[ServiceResponse]]


@callback
def async_register_lock_action(
    hass: HomeAssistant,
    name: str,
    func: LockAction,
    schema: VolDictType | None = None,
    supports_response: SupportsResponse = SupportsResponse.NONE,
) -> None:
    """Register an action that is asked of the update entity of a lock."""
    deed = ACTIONS[name]

    async def act(entity: LockEntity, call: ServiceCall) -> ServiceResponse:
        await async_check_right(hass, deed, call.context.user_id, entity.managed_lock)
        return await func(entity, call)

    service.async_register_platform_entity_service(
        hass,
        DOMAIN,
        name,
        entity_domain=UPDATE_DOMAIN,
        schema=schema,
        func=act,
        # Home Assistant asks too, before it tells which entities there are.
        admin_only=RIGHTS[deed].who is Who.ADMINISTRATOR,
        supports_response=supports_response,
    )


@callback
def async_register_household_action(
    hass: HomeAssistant,
    name: str,
    func: HouseholdAction,
    supports_response: SupportsResponse,
    schema: VolDictType | None = None,
) -> None:
    """Register an action that is asked of no lock; there are none but for administrators."""
    deed = ACTIONS[name]

    async def act(call: ServiceCall) -> ServiceResponse:
        await async_check_right(hass, deed, call.context.user_id)
        return await func(call)

    service.async_register_admin_service(
        hass,
        DOMAIN,
        name,
        act,
        schema=probatio.Schema(schema or {}),
        supports_response=supports_response,
    )
