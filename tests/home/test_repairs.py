"""Repairs that are opened while Nightlatch is not loaded: each says so, and does nothing."""

from typing import Any

import pytest

from custom_components.nightlatch.const import DOMAIN
from custom_components.nightlatch.issues.vault import FLOW
from custom_components.nightlatch.repairs import async_create_fix_flow
from homeassistant.components.repairs import ConfirmRepairFlow
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component

from .house import House

ISSUES: list[tuple[str, dict[str, str | int | float | None]]] = [
    ("stranded", {"stranded": "LOCK"}),
    ("settings_differ", {"settings_of": "LOCK"}),
    ("aftercare_recalibrate", {"lock_id": "LOCK", "aftercare": "recalibrate"}),
    ("vault_locked", {FLOW: "vault_locked"}),
    ("vault_damaged", {FLOW: "vault_damaged"}),
    ("audit_broken", {FLOW: "audit_broken"}),
    ("clock_went_back", {"trusted_time": True}),
]


@pytest.mark.parametrize(("key", "data"), ISSUES, ids=[key for key, _ in ISSUES])
@pytest.mark.parametrize("when", ["before it is opened", "while it is open"])
async def test_a_repair_without_nightlatch(
    house: House, key: str, data: dict[str, Any], when: str
) -> None:
    """It stays, since nothing was done, and can be tried again."""
    hass, lock_id = house.hass, house.managed().subentry_id
    data = {name: lock_id if it == "LOCK" else it for name, it in data.items()}
    assert await async_setup_component(hass, "repairs", {})
    ir.async_create_issue(
        hass,
        DOMAIN,
        f"{key}_x",
        data=data,
        is_fixable=True,
        is_persistent=True,
        severity=ir.IssueSeverity.WARNING,
        translation_key=key,
    )
    flows = hass.data["repairs"]["flow_manager"]

    async def unload() -> None:
        assert await hass.config_entries.async_unload(house.entry.entry_id)
        await hass.async_block_till_done()

    if when == "before it is opened":
        await unload()
    shown = await flows.async_init(DOMAIN, context={"issue_id": f"{key}_x"})
    if when == "while it is open":
        await unload()
        choice = {
            "settings_differ": {"next_step_id": "keep"},
            "vault_locked": {"passphrase": "none"},
        }
        shown = await flows.async_configure(shown["flow_id"], choice.get(key, {}))
    assert shown["type"] is FlowResultType.ABORT
    assert shown["reason"] == (
        "lock_gone" if key == "settings_differ" else "not_loaded"
    )
    assert ir.async_get(hass).async_get_issue(DOMAIN, f"{key}_x") is not None


async def test_a_repair_of_which_nothing_is_kept_can_be_confirmed(house: House) -> None:
    """One that was there before a restart; where it still is so, it is told anew."""
    flow = await async_create_fix_flow(house.hass, "x", None)
    assert isinstance(flow, ConfirmRepairFlow)
