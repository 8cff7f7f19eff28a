"""Whoever updates a lock, and however: on Home Assistant's own update entity."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry  # type: ignore[import-untyped]

from custom_components.nightlatch.const import DOMAIN
from custom_components.nightlatch.locks.lock import ManagedLock
from custom_components.nightlatch.runtime import Runtime
from homeassistant.core import HomeAssistant, State
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError
from homeassistant.setup import async_setup_component
from tests.rig.other_integration import (
    BROKEN_OFF,
    End,
    OtherLock,
    Progress,
    other_integration,
)
from tests.rig.scene import lock_form

from .flows import start_flow, submit, until

UPDATE = "update.shed_guarded_firmware"
HOLD = "sensor.shed_hold_not_a_lock"
VERSIONS = {
    "zwave_js": ("10.00.00264232", "10.00.00264300"),
    "zha": ("0x11040000", "0x11070000"),
    "matter": ("1.0.0+0", "1.2.11+0"),
    "esphome": ("2025.11.5_c51f7548", "2025.12.0"),
    "shelly": ("1.1.0-315", "1.4.0"),
    "yale": ("undefined-4.3.0-1.8.14", "undefined-4.3.1-1.8.14"),
    "tuya": ("v4.2.2", "v4.3.0"),
}
"""What is on offer in real homes, by whose integration tells it."""
WAITS = {"zwave_js", "zha", "matter"}
"""Whose call returns when all is over."""
every_domain = pytest.mark.parametrize("domain", VERSIONS)
ONE_OF_EACH = pytest.mark.parametrize("domain", ["zha", "matter", "shelly", "tuya"])


@dataclass(kw_only=True)
class Shed:
    """Everything that a test may look at or order."""

    hass: HomeAssistant
    entry: MockConfigEntry
    other: OtherLock

    @property
    def source(self) -> str:
        """The other integration's update entity."""
        return self.other.entity_id("update")

    @property
    def managed(self) -> ManagedLock:
        """What Nightlatch knows of the lock."""
        runtime: Runtime = self.entry.runtime_data
        (lock,) = runtime.locks.values()
        return lock

    def state(self, entity_id: str) -> State:
        """Return what an entity says."""
        state = self.hass.states.get(entity_id)
        assert state is not None, entity_id
        return state

    async def until_state(self, entity_id: str, wanted: str) -> None:
        """Wait for a state."""
        await until(
            lambda: (
                (state := self.hass.states.get(entity_id)) is not None
                and state.state == wanted
            )
        )

    async def add(self) -> None:
        """Add the lock as a person does, and wait until it is held."""
        result = await start_flow(self.hass, self.entry, "lock")
        address = f"device:{self.other.device.id}"
        result = await submit(self.hass, result, address=address)
        assert result["step_id"] == "guarded", result
        form = lock_form(
            "Shed",
            update_entity=self.source,
            lock_entity=self.other.entity_id("lock"),
            battery_entity=self.other.entity_id("sensor"),
        )
        result = await submit(self.hass, result, **form)
        assert result["type"] is FlowResultType.CREATE_ENTRY, result
        await self.until_state(HOLD, "held")

    async def install(self) -> None:
        """Press Install."""
        await self.hass.services.async_call(
            "update", "install", {"entity_id": UPDATE}, blocking=True
        )

    async def install_in_vain(self) -> str | None:
        """Press Install; return what is told of why it has failed."""
        with pytest.raises(HomeAssistantError) as caught:
            await self.install()
        return caught.value.translation_key


type MakeShed = Callable[..., Awaitable[Shed]]


@pytest.fixture
async def shed_of(
    hass: HomeAssistant,
    enable_custom_integrations: None,
    bare_host: None,
) -> AsyncGenerator[MakeShed]:
    """Return what makes a home with a lock of an integration."""
    assert await async_setup_component(hass, "homeassistant", {})
    assert await async_setup_component(hass, "bluetooth", {})
    async with AsyncExitStack() as stack:

        async def make(domain: str, *, add: bool = True, **how: Any) -> Shed:
            installed, latest = VERSIONS[domain]
            options = {"installed": installed, "latest": latest, **how}
            lock = OtherLock(hass=hass, domain=domain, waits=domain in WAITS, **options)
            other = await stack.enter_async_context(other_integration(lock))
            entry = MockConfigEntry(domain=DOMAIN, title="Nightlatch")
            entry.add_to_hass(hass)
            assert await hass.config_entries.async_setup(entry.entry_id)
            stack.push_async_callback(hass.config_entries.async_unload, entry.entry_id)
            shed = Shed(hass=hass, entry=entry, other=other)
            if add:
                await shed.add()
            return shed

        yield make


@every_domain
@pytest.mark.parametrize("progress", Progress)
async def test_install(shed_of: MakeShed, domain: str, progress: Progress) -> None:
    """Held, told once, and proven; versions as they are on offer in real homes."""
    shed = await shed_of(domain, progress=progress)
    latest = VERSIONS[domain][1]
    assert shed.state(shed.source).attributes["skipped_version"] == latest
    assert shed.state(UPDATE).attributes["latest_version"] == latest
    await shed.install()
    assert len(shed.other.installs) == 1
    (outcome,) = shed.managed.record.history
    assert (outcome.kind, outcome.to_version) == ("succeeded", latest)


@ONE_OF_EACH
@pytest.mark.parametrize("progress", Progress)
async def test_what_is_refused_at_once_was_not_touched(
    shed_of: MakeShed, domain: str, progress: Progress
) -> None:
    """In the words of the integration."""
    shed = await shed_of(domain, progress=progress, end=End.RAISES_AT_ONCE)
    assert await shed.install_in_vain() == "delegate_refused"
    (outcome,) = shed.managed.record.history
    assert (outcome.kind, outcome.touched) == ("failed", False)
    assert outcome.message is not None
    assert "Battery too low" in outcome.message


@ONE_OF_EACH
@pytest.mark.parametrize(
    ("end", "problem"),
    [(End.RAISES_AT_LAST, BROKEN_OFF), (End.GIVES_UP, "TimeoutError")],
)
async def test_what_breaks_off_after_progress_was_touched(
    shed_of: MakeShed, domain: str, end: End, problem: str
) -> None:
    """So it is not sent again by itself; and whose deadline it was makes no matter."""
    shed = await shed_of(domain, end=end)
    assert await shed.install_in_vain() == "delegate_broke_off"
    (outcome,) = shed.managed.record.history
    assert (outcome.kind, outcome.touched) == ("failed", True)
    assert outcome.message is not None
    assert problem in outcome.message


@pytest.mark.parametrize("progress", [Progress.NONE, Progress.AT_WORK])
@pytest.mark.parametrize(
    ("domain", "touched"),
    [("zwave_js", False), ("zha", False), ("matter", True), ("tuya", True)],
)
async def test_what_breaks_off_without_a_percentage(
    shed_of: MakeShed, domain: str, progress: Progress, touched: bool
) -> None:
    """Who always tells how far it is has not begun; of others nobody can say."""
    shed = await shed_of(domain, progress=progress, end=End.RAISES_AT_LAST)
    told = await shed.install_in_vain()
    assert told == ("delegate_broke_off" if touched else "delegate_refused")
    (outcome,) = shed.managed.record.history
    assert (outcome.kind, outcome.touched) == ("failed", touched)


@ONE_OF_EACH
async def test_a_call_that_never_returns_blocks_nobody(
    shed_of: MakeShed, domain: str
) -> None:
    """The entity says that it is idle; after some minutes that is an end."""
    shed = await shed_of(domain, end=End.NEVER)
    assert await shed.install_in_vain() == "delegate_lost_sight"
    (outcome,) = shed.managed.record.history
    assert (outcome.kind, outcome.touched) == ("failed", True)
