"""Whoever updates a lock, and however: on Home Assistant's own update entity."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry  # type: ignore[import-untyped]

from custom_components.nightlatch.const import DOMAIN
from custom_components.nightlatch.core.schedule.plan import Waiting
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

from .asked import install, plan_of
from .flows import options_of, start_flow, submit, until
from .test_source import automate, look, plan_told, repairs

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

    async def add(self, hold: str = "held") -> None:
        """Add the lock as a person does, and wait until what is offered is held."""
        result = await start_flow(self.hass, self.entry, "lock")
        address = f"device:{self.other.device.id}"
        result = await submit(self.hass, result, locks=[address])
        assert result["step_id"] == "guarded", result
        form = lock_form(
            "Shed",
            update_entity=self.source,
            lock_entity=self.other.entity_id("lock"),
            battery_entity=self.other.entity_id("sensor"),
        )
        result = await submit(self.hass, result, **form)
        assert result["type"] is FlowResultType.CREATE_ENTRY, result
        await self.until_state(HOLD, hold)

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


@ONE_OF_EACH
async def test_a_call_that_never_returns_may_have_done_its_work(
    shed_of: MakeShed, domain: str
) -> None:
    """What the lock runs is what counts."""
    shed = await shed_of(domain, end=End.ALONE)
    await shed.install()
    (outcome,) = shed.managed.record.history
    assert outcome.kind == "succeeded"


@ONE_OF_EACH
async def test_a_reload_in_the_middle_is_an_end(shed_of: MakeShed, domain: str) -> None:
    """The new entity says that it is idle, and the old call never returns."""
    shed = await shed_of(domain, end=End.NEVER)
    failed = asyncio.ensure_future(shed.install_in_vain())
    await until(lambda: shed.other.percentage == 30)
    assert await shed.hass.config_entries.async_reload(shed.other.entry.entry_id)
    assert await failed == "delegate_lost_sight"
    # It is guarded as before.
    await shed.until_state(HOLD, "held")


@ONE_OF_EACH
@pytest.mark.parametrize(
    ("end", "reason", "kind"),
    [
        # Nobody knows what it runs.
        (End.LIES, "delegate_not_confirmed", "needs_hand"),
        (End.FALLS_BACK, "delegate_other_version", "failed"),
    ],
)
async def test_a_lie_is_no_success(
    shed_of: MakeShed, domain: str, end: End, reason: str, kind: str
) -> None:
    """Whatever was shown in between."""
    shed = await shed_of(domain, end=end)
    assert await shed.install_in_vain() == reason
    (outcome,) = shed.managed.record.history
    assert (outcome.kind, outcome.touched) == (kind, True)


@every_domain
async def test_a_version_that_falls_back_later(shed_of: MakeShed, domain: str) -> None:
    """Our attempt was in vain; nobody else has installed anything."""
    shed = await shed_of(domain)
    await shed.install()
    shed.other.runs(VERSIONS[domain][0])
    await until(lambda: shed.managed.record.history[-1].kind != "succeeded")
    (outcome,) = shed.managed.record.history
    assert (outcome.kind, outcome.reason) == ("rolled_back", "delegate_fell_back")
    assert outcome.origin != "external"


@every_domain
async def test_what_is_lower_than_installed_is_left_alone(
    shed_of: MakeShed, domain: str
) -> None:
    """Neither held nor installed; and once it is newer it is held."""
    old, new = VERSIONS[domain]
    shed = await shed_of(domain, add=False, installed=new, latest=old)
    # Home Assistant cannot compare all of them; then it counts them as an update.
    counted = shed.state(shed.source).state == "on"
    await shed.add("not_offered_on" if counted else "nothing_offered")
    assert shed.state(shed.source).attributes["skipped_version"] is None
    assert shed.managed.release is None
    await look(shed)
    await until(lambda: ("left_at_source" in repairs(shed)) is counted)
    shed.other.runs(old)
    shed.other.tell(latest=new)
    await shed.until_state(HOLD, "held")


async def test_a_skip_of_a_person_outlives_what_forgets_it(shed_of: MakeShed) -> None:
    """Home Assistant forgets it while the lock seems up to date; it is theirs still."""
    shed = await shed_of("matter", add=False)
    old, new = VERSIONS["matter"]
    await shed.hass.services.async_call(
        "update", "skip", {"entity_id": shed.source}, blocking=True
    )
    await shed.add("skipped")
    shed.other.tell(latest=old)
    assert shed.state(shed.source).attributes["skipped_version"] is None
    shed.other.tell(latest=new)
    await until(lambda: shed.state(shed.source).attributes["skipped_version"] == new)
    await shed.until_state(HOLD, "skipped")
    await until(lambda: shed.managed.release is not None)
    assert plan_of(shed.managed).waiting is Waiting.SKIPPED


@pytest.mark.parametrize("domain", ["matter", "tuya"])
@pytest.mark.parametrize(
    ("news", "as_before", "problem"),
    [
        ({"auto_update": True}, {"auto_update": False}, "source_by_itself"),
        ({"can_install": False}, {"can_install": True}, "source_cannot_install"),
    ],
)
async def test_a_source_that_must_not_be_relied_upon(
    shed_of: MakeShed,
    domain: str,
    news: dict[str, bool],
    as_before: dict[str, bool],
    problem: str,
) -> None:
    """With one reason, in the plan, as a repair, and to who installs; until it is over."""
    shed = await shed_of(domain)
    automate(shed)
    assert plan_of(shed.managed).starts_at is not None
    shed.other.tell(**news)
    await until(lambda: shed.managed.kind.trouble == problem)
    await look(shed)
    await until(lambda: problem in repairs(shed))
    assert repairs(shed)[problem]["entity"] == shed.source
    plan = await plan_told(shed, UPDATE)
    assert (plan["waiting_for"], plan["starts_at"]) == (Waiting.SOURCE, None)
    assert plan["source_problem"]["reason"] == problem
    assert plan["source_problem"]["message"].startswith(f"Shed: {shed.source}")
    assert shed.state("binary_sensor.shed_update_problem").state == "on"
    with pytest.raises(HomeAssistantError) as caught:
        await install(shed.managed)
    assert caught.value.translation_key == problem
    assert shed.other.installs == []
    shed.other.tell(**as_before)
    await until(lambda: shed.managed.kind.trouble is None)
    await look(shed)
    await until(lambda: problem not in repairs(shed))
    assert plan_of(shed.managed).waiting is not Waiting.SOURCE
    await shed.until_state(HOLD, "held")


async def test_the_evening_notice_promises_nothing_that_cannot_be(
    shed_of: MakeShed,
) -> None:
    """Whoever reads it relies on it."""
    shed, happened = await shed_of("matter"), []
    shed.hass.bus.async_listen(
        "nightlatch_event", lambda event: happened.append(event.data["type"])
    )
    automate(shed)
    shed.other.tell(auto_update=True)
    await until(lambda: shed.managed.kind.trouble == "source_by_itself")
    assert shed.managed.release is not None
    await look(shed)
    await shed.hass.async_block_till_done()
    assert shed.entry.runtime_data.store.announced_night is not None
    assert "update_announced" not in happened


async def test_a_lock_that_is_away_is_not_installed_on(shed_of: MakeShed) -> None:
    """Whoever presses hears why; the hold is there when it is back."""
    shed = await shed_of("zha")
    shed.other.tell(available=False)
    await until(lambda: shed.managed.release is None)
    with pytest.raises(HomeAssistantError) as caught:
        await install(shed.managed)
    assert caught.value.translation_key == "delegate_not_available"
    assert shed.other.installs == []
    shed.other.tell(available=True)
    await shed.until_state(HOLD, "held")


@every_domain
async def test_an_integration_that_is_late_at_a_start(
    shed_of: MakeShed, domain: str
) -> None:
    """What was ours stays ours; nothing is told of what was only not there yet."""
    shed = await shed_of(domain)
    entries = shed.hass.config_entries
    assert await entries.async_unload(shed.other.entry.entry_id)
    assert await entries.async_reload(shed.entry.entry_id)
    await look(shed)
    assert repairs(shed) == {}
    assert await entries.async_setup(shed.other.entry.entry_id)
    await shed.until_state(HOLD, "held")
    await look(shed)
    assert repairs(shed) == {}
    assert not shed.managed.record.history
    await shed.install()
    assert shed.managed.record.history[-1].kind == "succeeded"


async def test_an_update_entity_that_is_registered_late(shed_of: MakeShed) -> None:
    """Until then the lock could only be watched; then it can be guarded."""
    shed = await shed_of("zwave_js", add=False, updates=0)
    assert "watch" in await said_by_add_lock(shed)
    shed.other.updates = 1
    assert await shed.hass.config_entries.async_reload(shed.other.entry.entry_id)
    assert "guard" in await said_by_add_lock(shed)
    await shed.add()


async def test_a_second_update_entity(shed_of: MakeShed) -> None:
    """The form says that there are two; what is picked is held, and only that."""
    shed = await shed_of("shelly", add=False, updates=2)
    second = shed.other.entity_id("update", 1)
    assert second == "update.shed_2"
    result = await start_flow(shed.hass, shed.entry, "lock")
    address = f"device:{shed.other.device.id}"
    result = await submit(shed.hass, result, locks=[address])
    others = str((result["description_placeholders"] or {})["others"])
    assert second in others.replace("\\", "")
    shed.hass.config_entries.subentries.async_abort(result["flow_id"])
    await shed.add()
    assert shed.state(second).attributes["skipped_version"] is None


async def said_by_add_lock(shed: Shed) -> str:
    """Return what *Add lock* says of the lock."""
    result = await start_flow(shed.hass, shed.entry, "lock")
    (label,) = options_of(result).values()
    shed.hass.config_entries.subentries.async_abort(result["flow_id"])
    return label
