"""A lock that runs ESPHome, updated by its own update entity."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry  # type: ignore[import-untyped]

from custom_components.nightlatch.adapters.delegate import UpdateEntityDelegate
from custom_components.nightlatch.const import DOMAIN
from custom_components.nightlatch.core.errors import DelegateError, DelegateProblem
from custom_components.nightlatch.core.installation import delegated
from custom_components.nightlatch.kinds.hold import async_lift_all
from custom_components.nightlatch.locks.lock import ManagedLock
from custom_components.nightlatch.runtime import Runtime
from homeassistant.core import HomeAssistant, State
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from tests.rig.ota_script import OtaEnding, OtaScript
from tests.rig.scene import lock_form

from .flows import start_flow, submit, until
from .test_rig_guardable import BOLT, FIRMWARE, EsphomeHome, esphome_home, esphome_host

__all__ = ["esphome_host"]

UPDATE = "update.back_door_guarded_firmware"
HOLD = "sensor.back_door_hold_not_a_lock"


@dataclass(kw_only=True)
class GuardedEsphome:
    """Everything that a test may look at or order."""

    home: EsphomeHome
    entry: MockConfigEntry

    @property
    def managed(self) -> ManagedLock:
        """What Nightlatch knows of the lock."""
        runtime: Runtime = self.entry.runtime_data
        (lock,) = runtime.locks.values()
        return lock

    def state(self, entity_id: str) -> State:
        """Return what an entity says."""
        state = self.home.hass.states.get(entity_id)
        assert state is not None
        return state

    async def install(self) -> None:
        """Press Install."""
        await self.home.hass.services.async_call(
            "update", "install", {"entity_id": UPDATE}, blocking=True
        )


@pytest.fixture
async def guarded(
    hass: HomeAssistant,
    enable_custom_integrations: None,
    esphome_host: None,
    impatience: None,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncGenerator[GuardedEsphome]:
    """Guard a lock for which there is something new."""
    # Home Assistant takes two seconds to connect again.
    monkeypatch.setattr(delegated, "REPORT_TIMEOUT", 8.0)
    assert await async_setup_component(hass, "bluetooth", {})
    async with esphome_home(hass, OtaScript()) as home:
        entry = MockConfigEntry(domain=DOMAIN, title="Nightlatch")
        entry.add_to_hass(hass)
        assert await hass.config_entries.async_setup(entry.entry_id)
        device_id = er.async_get(hass).entities[BOLT].device_id
        result = await start_flow(hass, entry, "lock")
        result = await submit(hass, result, locks=[f"device:{device_id}"])
        form = lock_form("Back door", update_entity=FIRMWARE, lock_entity=BOLT)
        battery = next(
            each.entity_id
            for each in er.async_entries_for_device(er.async_get(hass), device_id or "")
            if each.original_device_class == "battery"
        )
        result = await submit(hass, result, **form, battery_entity=battery)
        assert result["type"] is FlowResultType.CREATE_ENTRY, result
        await until(
            lambda: (
                (state := hass.states.get(UPDATE)) is not None and state.state == "on"
            )
        )
        yield GuardedEsphome(home=home, entry=entry)
        await hass.config_entries.async_unload(entry.entry_id)


async def test_install(guarded: GuardedEsphome) -> None:
    """It is told once, restarts, and is proven by what it says afterwards."""
    await guarded.install()
    assert guarded.home.lock.state.installed_version == "1.1.0"
    assert guarded.home.lock.record.installs == 1
    (outcome,) = guarded.managed.record.history
    assert outcome.kind == "succeeded"


def left_to_people(guarded: GuardedEsphome) -> dict[str, str] | None:
    """Return what people are told of an update that is theirs to decide."""
    guarded.entry.runtime_data.issues.async_sync()
    issue = ir.async_get(guarded.home.hass).async_get_issue(
        DOMAIN, f"left_at_source_{guarded.managed.subentry_id}"
    )
    return issue.translation_placeholders if issue else None


async def says(guarded: GuardedEsphome, installed: str, latest: str) -> None:
    """Let the device say what it runs, and what is new."""
    state = guarded.home.lock.state
    state.installed_version, state.latest_version = installed, latest
    guarded.home.lock.tell()

    def heard() -> bool:
        said = guarded.state(FIRMWARE).attributes
        return (said["installed_version"], said["latest_version"]) == (
            installed,
            latest,
        )

    await until(heard)
    await guarded.home.hass.async_block_till_done(wait_background_tasks=False)


async def test_versions_as_they_are_on_offer_in_real_homes(
    guarded: GuardedEsphome,
) -> None:
    """They are offered on, and so they may be held."""
    await says(guarded, "2025.11.5_c51f7548", "2025.12.0")
    await until(lambda: guarded.state(HOLD).state == "held")
    ours, source = guarded.state(UPDATE), guarded.state(FIRMWARE)
    assert (ours.state, ours.attributes["latest_version"]) == ("on", "2025.12.0")
    assert source.attributes["skipped_version"] == "2025.12.0"
    assert left_to_people(guarded) is None


@pytest.mark.parametrize(
    ("installed", "latest"),
    [("beta", "gamma"), ("-1", "20")],
)
async def test_what_cannot_be_compared_does_not_vanish(
    guarded: GuardedEsphome, installed: str, latest: str
) -> None:
    """It stays where it is, for people to decide; and they are told why."""
    await says(guarded, installed, latest)
    await until(lambda: guarded.state(HOLD).state == "not_offered_on")
    source = guarded.state(FIRMWARE)
    assert source.state == "on"
    assert source.attributes["skipped_version"] is None
    told = left_to_people(guarded)
    assert told is not None
    assert (told["lock"], told["version"]) == ("Back door", latest)
    # As soon as it can be compared it is guarded again.
    await says(guarded, "1.0.0", "1.1.0")
    await until(lambda: guarded.state(HOLD).state == "held")
    assert left_to_people(guarded) is None


async def test_a_hold_ends_when_what_runs_is_not_known_any_more(
    guarded: GuardedEsphome,
) -> None:
    """What was held must not vanish, nor does it count as let go by a person."""
    await until(lambda: guarded.state(HOLD).state == "held")
    await says(guarded, "factory", "1.1.0")
    await until(lambda: guarded.state(FIRMWARE).state == "on")
    assert guarded.state(FIRMWARE).attributes["skipped_version"] is None
    assert left_to_people(guarded) is not None
    await says(guarded, "1.0.0", "1.1.0")
    await until(lambda: guarded.state(HOLD).state == "held")
    assert guarded.state(FIRMWARE).attributes["skipped_version"] == "1.1.0"


async def test_nobody_is_asked_about_what_home_assistant_calls_no_update(
    guarded: GuardedEsphome,
) -> None:
    """It compares the words of a channel; our hold ends there as well."""
    await until(lambda: guarded.state(HOLD).state == "held")
    await says(guarded, "beta", "1.1.0")
    await until(lambda: guarded.state(FIRMWARE).attributes["skipped_version"] is None)
    await guarded.home.hass.async_block_till_done(wait_background_tasks=True)
    # Its own word now: nothing is skipped any more.
    assert guarded.state(FIRMWARE).state == "off"
    assert guarded.state(UPDATE).state != "on"
    assert guarded.state(HOLD).state == "nothing_offered"
    assert left_to_people(guarded) is None
    await says(guarded, "1.0.0", "1.1.0")
    await until(lambda: guarded.state(HOLD).state == "held")


@pytest.mark.parametrize(
    ("installed", "latest"),
    [
        ("2025.12.0_c51f7548", "2025.12.0_00000000"),
        ("2025.12.0_00000000", "2025.12.0_c51f7548"),
        ("2025.12.0_c51f7548", "2025.12.0"),
    ],
)
async def test_a_hash_makes_no_update(
    guarded: GuardedEsphome, installed: str, latest: str
) -> None:
    """Neither for Home Assistant nor here, and what was held before is let go."""
    await says(guarded, "2025.11.5_c51f7548", latest)
    await until(lambda: guarded.state(HOLD).state == "held")
    await says(guarded, installed, latest)
    await until(lambda: guarded.state(FIRMWARE).attributes["skipped_version"] is None)
    await until(lambda: guarded.state(UPDATE).state != "on")
    assert guarded.state(FIRMWARE).state == "off"
    assert guarded.state(HOLD).state == "nothing_offered"
    assert left_to_people(guarded) is None


async def test_what_says_nothing_is_no_installation(guarded: GuardedEsphome) -> None:
    """Nor is it shown as what runs."""
    await says(guarded, "-1", "-1")
    assert guarded.managed.record.identity.firmware_version == "1.0.0"
    assert guarded.state(UPDATE).attributes["installed_version"] == "1.0.0"
    await says(guarded, "1.0.0", "1.1.0")
    await until(lambda: guarded.state(HOLD).state == "held")
    assert guarded.managed.record.history == ()


async def test_what_is_older_is_not_held(guarded: GuardedEsphome) -> None:
    """It is not offered here either."""
    await says(guarded, "2.0.0", "1.9.0")
    await until(lambda: guarded.state(UPDATE).state == "off")
    assert guarded.state(FIRMWARE).attributes["skipped_version"] is None


@pytest.mark.parametrize("ending", [OtaEnding.LIE, OtaEnding.FALL_BACK])
async def test_a_lie_is_a_failure(guarded: GuardedEsphome, ending: OtaEnding) -> None:
    """Whatever was told in between."""
    guarded.home.lock.script = OtaScript(ending=ending)
    with pytest.raises(HomeAssistantError):
        await guarded.install()
    (outcome,) = guarded.managed.record.history
    assert outcome.kind == "failed"


async def test_a_hold_that_cannot_be_written_down_is_not_made(
    guarded: GuardedEsphome,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A skip that nobody remembers would look like a person's; it is made later."""
    await until(lambda: guarded.state(HOLD).state == "held")
    store = guarded.entry.runtime_data.store
    keep = store.async_set_hold

    async def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "async_set_hold", full)
    await says(guarded, "1.0.0", "1.2.0")
    await until(lambda: "could not be written down" in caplog.text)
    assert guarded.state(FIRMWARE).attributes["skipped_version"] != "1.2.0"
    monkeypatch.setattr(store, "async_set_hold", keep)
    lock = guarded.managed
    lock.kind.look(dt_util.utcnow())
    await until(lambda: guarded.state(HOLD).state == "held")
    assert guarded.state(FIRMWARE).attributes["skipped_version"] == "1.2.0"


async def test_a_hold_that_cannot_be_lifted_is_told(
    guarded: GuardedEsphome,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """And is remembered as ours; it is tried again when the source says something."""
    await until(lambda: guarded.state(HOLD).state == "held")
    clear = UpdateEntityDelegate.async_clear_skipped

    async def refuse(_: UpdateEntityDelegate) -> None:
        raise DelegateError(DelegateProblem.REFUSED, problem="no")

    monkeypatch.setattr(UpdateEntityDelegate, "async_clear_skipped", refuse)
    await says(guarded, "factory", "1.1.0")
    await until(lambda: "the hold was not lifted" in caplog.text)
    lock = guarded.managed
    assert guarded.entry.runtime_data.store.hold(lock.subentry_id).held == "1.1.0"
    monkeypatch.setattr(UpdateEntityDelegate, "async_clear_skipped", clear)
    lock.kind.look(dt_util.utcnow())
    await until(lambda: guarded.state(FIRMWARE).state == "on")


async def test_holds_that_nobody_knows_any_more_are_left(
    guarded: GuardedEsphome,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nightlatch is removed, and what it kept cannot be read."""
    await until(lambda: guarded.state(HOLD).state == "held")

    async def unreadable(*_: object, **__: object) -> None:
        raise ValueError("nonsense")

    store = guarded.entry.runtime_data.store
    monkeypatch.setattr(store, "async_load", unreadable)
    await async_lift_all(guarded.home.hass, guarded.entry, store)
    assert "not known any more: nonsense" in caplog.text
    assert guarded.state(FIRMWARE).attributes["skipped_version"] == "1.1.0"
