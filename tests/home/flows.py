"""What a person does in the user interface, step by step."""

import asyncio
from collections.abc import Callable
import time
from typing import Any

from pytest_homeassistant_custom_component.common import MockConfigEntry  # type: ignore[import-untyped]

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    SOURCE_USER,
    ConfigFlowResult,
    ConfigSubentry,
    SubentryFlowResult,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from tests.rig.scene import lock_form

PATIENCE = 60
"""Real seconds. Who waits so long waits in vain, however busy the machine is."""


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something has become true."""
    last = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > last:
            raise TimeoutError
        await asyncio.sleep(0.005)


async def start_flow(
    hass: HomeAssistant, entry: MockConfigEntry, kind: str
) -> SubentryFlowResult:
    """Open the flow of a subentry type."""
    return await hass.config_entries.subentries.async_init(
        (entry.entry_id, kind), context={"source": SOURCE_USER}
    )


async def start_reconfigure(
    hass: HomeAssistant, entry: MockConfigEntry, subentry: ConfigSubentry
) -> SubentryFlowResult:
    """Open the flow that changes a subentry."""
    return await hass.config_entries.subentries.async_init(
        (entry.entry_id, subentry.subentry_type),
        context={
            "source": SOURCE_RECONFIGURE,
            "subentry_id": subentry.subentry_id,
        },
    )


async def start_settings(
    hass: HomeAssistant, entry: MockConfigEntry, subentry: ConfigSubentry
) -> SubentryFlowResult:
    """Open the form that changes a lock; a direct lock's stands in a menu."""
    result = await start_reconfigure(hass, entry, subentry)
    if result["type"] is FlowResultType.MENU:
        result = await submit(hass, result, next_step_id="settings")
    return result


def suggested(result: SubentryFlowResult | ConfigFlowResult, field: str) -> Any:
    """Return what a form shows in a field before it is filled in."""
    schema = result["data_schema"]
    assert schema is not None
    (key,) = [key for key in schema.schema if key == field]
    return (key.description or {}).get("suggested_value")


async def submit(
    hass: HomeAssistant, result: SubentryFlowResult, **user_input: Any
) -> SubentryFlowResult:
    """Fill in the form that is shown, and send it."""
    return await hass.config_entries.subentries.async_configure(
        result["flow_id"], user_input
    )


async def pick(
    hass: HomeAssistant, result: SubentryFlowResult, lock: str
) -> SubentryFlowResult:
    """Tick one lock in the list; type its address where it is not listed."""
    if lock in options_of(result):
        return await submit(hass, result, locks=[lock])
    return await type_address(hass, await submit(hass, result, more="address"), lock)


async def type_address(
    hass: HomeAssistant, result: SubentryFlowResult, address: str
) -> SubentryFlowResult:
    """Type the address of a lock that is not listed."""
    assert result["step_id"] == "address", result
    return await submit(hass, result, address=address)


def options_of(result: SubentryFlowResult | ConfigFlowResult) -> dict[str, str]:
    """Return the locks that the form lists, and how it calls them."""
    schema = result["data_schema"]
    assert schema is not None
    options = [
        option
        for key, selector in schema.schema.items()
        if key == "locks"
        for option in selector.config["options"]
    ]
    return {option["value"]: option["label"] for option in options}


async def add_feed(
    hass: HomeAssistant, entry: MockConfigEntry, *, url: str, root: bytes
) -> None:
    """Add a feed and compare its keys."""
    result = await start_flow(hass, entry, "feed")
    result = await submit(hass, result, url=url, root=root.decode())
    assert result["step_id"] == "confirm", result
    result = await submit(hass, result)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()


async def add_lock(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    *,
    address: str,
    name: str,
    **links: Any,
) -> None:
    """Add a lock that is in range."""
    result = await pick(hass, await start_flow(hass, entry, "lock"), address)
    assert result["step_id"] == "details", result
    result = await submit(hass, result, **lock_form(name, **links))
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
