"""A house whose lock has settings, on a real broker; what a person sees and does."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from custom_components.nightlatch.const import DOMAIN
from custom_components.nightlatch.snapshots.snapshots import LockSnapshots
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from tests.rig.zigbee_settings import ZigbeeSettings

from .asked import runtime_of
from .flows import until
from .zigbee_house import UPDATE, ZigbeeHouse

RELOCK = "number.side_door_auto_relock_time"
SOUND = "select.side_door_sound_volume"
AUTO_LOCK = "switch.side_door_auto_lock"
PIN = "text.side_door_master_pin"
MODE = "select.side_door_operating_mode"
THE_CODE = "471108"


@dataclass(kw_only=True)
class SettingsHouse:
    """Everything that a test may look at or order."""

    house: ZigbeeHouse
    settings: ZigbeeSettings

    @property
    def hass(self) -> HomeAssistant:
        """Home Assistant."""
        return self.house.hass

    @property
    def snapshots(self) -> LockSnapshots:
        """What is kept of the lock."""
        lock = self.house.managed
        return runtime_of(lock).snapshots.of(lock)

    @property
    def folder(self) -> Path:
        """Where it is kept."""
        name = f"nightlatch.{self.house.entry.entry_id}.snapshots"
        return Path(self.hass.config.path(".storage", name))

    def state(self, entity_id: str) -> State:
        """Return the state of an entity."""
        return self.house.state(entity_id)

    def values(self) -> dict[str, str | None]:
        """Return the newest snapshot, by what people call the settings."""
        return {
            each.name or each.kind: each.value
            for each in self.snapshots.find(None).settings
        }

    def different(self) -> dict[str, str]:
        """Return in what way settings are different."""
        return {each.before.name: each.change for each in self.snapshots.differences}

    def loses(self, **values: str) -> None:
        """Let the lock come back from its next update with other settings."""
        lock, find_bolt = self.house.lock, self.house.lock.find_bolt

        def come_back() -> None:
            find_bolt()
            self.settings.change(**values)

        lock.find_bolt = come_back  # type: ignore[method-assign]

    async def install(self) -> None:
        """Update the lock; return when it was looked at afterwards."""
        await self.house.install()
        await self.compared()

    async def update(self, **values: str) -> None:
        """Update the lock, which loses settings; return when that was noticed."""
        self.loses(**values)
        await self.install()

    async def compared(self) -> None:
        """Wait until the lock was looked at."""
        await until(lambda: self.snapshots._record.pending is None)
        async with self.snapshots._writing:
            # It is written down, too.
            pass
        await self.hass.async_block_till_done()

    async def until_state(self, entity_id: str, wanted: str) -> None:
        """Wait for a state."""
        await self.house.until_state(entity_id, wanted)

    # What a person sees and does.

    @property
    def issue(self) -> ir.IssueEntry | None:
        """Return what a person has to decide."""
        return ir.async_get(self.hass).async_get_issue(
            DOMAIN, f"settings_differ_{self.house.managed.subentry_id}"
        )

    async def open_issue(self) -> dict[str, Any]:
        """Open the dialog of the issue; return what it shows."""
        issue = self.issue
        assert issue is not None
        assert await async_setup_component(self.hass, "repairs", {})
        shown: dict[str, Any] = await self.flows.async_init(
            DOMAIN, context={"issue_id": issue.issue_id}
        )
        return shown

    async def choose(self, shown: dict[str, Any], option: str) -> dict[str, Any]:
        """Choose in the dialog; return what it shows when that was done."""
        shown = await self.flows.async_configure(
            shown["flow_id"], {"next_step_id": option}
        )
        while shown["type"] == "progress":
            assert shown["progress_action"] == "restoring"
            await until(lambda: not self.snapshots._restoring)
            await self.hass.async_block_till_done()
            shown = await self.flows.async_configure(shown["flow_id"])
        return shown

    @property
    def flows(self) -> Any:
        """The dialogs of the repairs."""
        return self.hass.data["repairs"]["flow_manager"]

    async def act(self, action: str, **data: Any) -> dict[str, Any]:
        """Call one of our actions; return its answer."""
        answer: Any = await self.hass.services.async_call(
            DOMAIN,
            action,
            {"entity_id": UPDATE, **data},
            blocking=True,
            return_response=True,
        )
        return dict(answer[UPDATE])


@pytest.fixture
async def settings_house(zigbee_home: ZigbeeHouse) -> AsyncGenerator[SettingsHouse]:
    """Let the lock have settings and users, and add it to Nightlatch."""
    lock, bridge = zigbee_home.lock, zigbee_home.bridge
    lock.users = {
        "1": {"status": "enabled", "pin_code": THE_CODE},
        "2": {"status": "available"},
        "3": {"status": "disabled"},
    }
    bridge.add(lock)
    async with ZigbeeSettings(lock, bridge.address) as settings:
        await zigbee_home.until_state(PIN, THE_CODE)
        await zigbee_home.until_state(MODE, "normal")
        await until(lambda: "users" in zigbee_home.state("lock.side_door").attributes)
        await zigbee_home.add_lock()
        yield SettingsHouse(house=zigbee_home, settings=settings)
