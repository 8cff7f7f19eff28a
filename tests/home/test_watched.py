"""Locks that only a person can update: told, noticed, and asked after."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry  # type: ignore[import-untyped]

from custom_components.nightlatch.adapters.registry import main_device_of
from custom_components.nightlatch.const import DOMAIN
from custom_components.nightlatch.core.errors import DelegateProblem
from custom_components.nightlatch.core.feeds.public_index import IndexName
from custom_components.nightlatch.core.records.silence import SILENT_AFTER
from custom_components.nightlatch.locks.lock import ManagedLock
from custom_components.nightlatch.runtime import Runtime
from homeassistant.config_entries import SOURCE_IGNORE
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import (
    device_registry as dr,
    entity_registry as er,
    issue_registry as ir,
)
from homeassistant.helpers.device_registry import DeviceEntry
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from tests.rig.scene import MODELS, VENDOR, WATCHED_MODEL, publish_by_hand, watched_form
from tests.rig.vendor import Vendor

from .asked import checks_of, install, plan_of, runtime_of
from .flows import add_feed, options_of, start_flow, submit, until
from .test_source import look, repairs

LOCK = "lock.attic"
UPDATE = "update.attic_watched_firmware"
EVENT = "nightlatch_event"


@dataclass(kw_only=True)
class WatchedHouse:
    """Everything that a test may look at or order."""

    hass: HomeAssistant
    entry: MockConfigEntry
    device: DeviceEntry

    @property
    def managed(self) -> ManagedLock:
        """What Nightlatch knows of the lock."""
        runtime: Runtime = self.entry.runtime_data
        (lock,) = runtime.locks.values()
        return lock

    def runs(self, version: str | None) -> None:
        """Let the other integration say what the lock runs."""
        dr.async_get(self.hass).async_update_device(self.device.id, sw_version=version)

    def offers(self, version: str, **attributes: Any) -> None:
        """Let an update entity that cannot install say what is new."""
        self.hass.states.async_set(
            "update.attic_firmware",
            "on",
            {
                "installed_version": "1.0",
                "latest_version": version,
                "supported_features": 0,
                "in_progress": False,
                **attributes,
            },
        )

    async def add_lock(self, **answers: Any) -> None:
        """Add the lock as a person does."""
        result = await start_flow(self.hass, self.entry, "lock")
        result = await submit(self.hass, result, locks=[f"device:{self.device.id}"])
        assert result["step_id"] == "watched", result
        form = watched_form("Attic", lock_entity=LOCK, **answers)
        result = await submit(self.hass, result, **form)
        assert result["type"] is FlowResultType.CREATE_ENTRY, result
        await until(lambda: self.hass.states.get(UPDATE) is not None)

    def issue(self, key: str) -> ir.IssueEntry | None:
        """Return what a person has to do."""
        return ir.async_get(self.hass).async_get_issue(
            DOMAIN, f"{key}_{self.managed.subentry_id}"
        )


@pytest.fixture
async def watched_house(
    hass: HomeAssistant,
    enable_custom_integrations: None,
    bare_host: None,
    socket_enabled: None,
) -> AsyncGenerator[WatchedHouse]:
    """Run Nightlatch beside an integration that knows a lock of SwitchBot."""
    assert await async_setup_component(hass, "homeassistant", {})
    assert await async_setup_component(hass, "bluetooth", {})
    other = MockConfigEntry(domain="switchbot")
    other.add_to_hass(hass)
    device = dr.async_get(hass).async_get_or_create(
        config_entry_id=other.entry_id,
        identifiers={("switchbot", "1")},
        name="Attic",
        manufacturer="SwitchBot",
        model="Lock Pro",
        sw_version="1.0",
    )
    registry = er.async_get(hass)
    for domain in ("lock", "update"):
        registry.async_get_or_create(
            domain,
            "switchbot",
            f"1-{domain}",
            suggested_object_id="attic" if domain == "lock" else "attic_firmware",
            config_entry=other,
            device_id=device.id,
        )
    hass.states.async_set(LOCK, "locked")
    entry = MockConfigEntry(domain=DOMAIN, title="Nightlatch")
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=False)
    yield WatchedHouse(hass=hass, entry=entry, device=device)
    if hass.config_entries.async_get_entry(entry.entry_id) is not None:
        await hass.config_entries.async_unload(entry.entry_id)


async def test_nothing_is_known_of_what_is_new(watched_house: WatchedHouse) -> None:
    """Then that is said; it is not called up to date."""
    await watched_house.add_lock()
    state = watched_house.hass.states.get(UPDATE)
    assert state is not None
    assert state.state == "unknown"
    assert state.attributes["installed_version"] == "1.0"
    assert not state.attributes["supported_features"] & 1


async def test_an_update_that_waits_is_a_to_do(watched_house: WatchedHouse) -> None:
    """With the steps of the maker, and where they come from."""
    told = []
    watched_house.hass.bus.async_listen(EVENT, lambda event: told.append(event.data))
    watched_house.offers("1.1")
    await watched_house.add_lock(version_entity="update.attic_firmware")
    await until(lambda: watched_house.issue("update_by_hand") is not None)
    state = watched_house.hass.states.get(UPDATE)
    assert state is not None
    assert (state.state, state.attributes["latest_version"]) == ("on", "1.1")
    issue = watched_house.issue("update_by_hand")
    assert issue is not None
    assert issue.translation_placeholders is not None
    steps = issue.translation_placeholders["steps"]
    assert "app" in steps
    assert "SwitchBot support 8490637586455" in steps
    await until(lambda: "manual_step_needed" in [each["type"] for each in told])


async def test_it_is_noticed_when_it_is_done(watched_house: WatchedHouse) -> None:
    """And what the maker wants afterwards becomes a to-do of its own."""
    watched_house.offers("1.1")
    await watched_house.add_lock(version_entity="update.attic_firmware")
    watched_house.offers("1.1", installed_version="1.1")
    await until(lambda: bool(watched_house.managed.record.history))
    (outcome,) = watched_house.managed.record.history
    assert (outcome.kind, outcome.origin) == ("succeeded", "external")
    await until(lambda: watched_house.issue("aftercare_recalibrate") is not None)
    assert watched_house.issue("update_by_hand") is None
    issue = watched_house.issue("aftercare_recalibrate")
    assert issue is not None
    assert issue.is_fixable


async def test_aftercare_is_owed_by_a_lock_that_was_away_meanwhile(
    watched_house: WatchedHouse,
) -> None:
    """It calibrates and is silent for a while; what it runs is seen when it is back."""
    hass = watched_house.hass
    watched_house.offers("1.1")
    await watched_house.add_lock(version_entity="update.attic_firmware")
    for entity_id in (LOCK, "update.attic_firmware"):
        hass.states.async_set(entity_id, "unavailable")
    await hass.async_block_till_done(wait_background_tasks=False)
    assert watched_house.managed.record.history == ()
    watched_house.offers("1.1", installed_version="1.1")
    await until(lambda: bool(watched_house.managed.record.history))
    await until(lambda: watched_house.issue("aftercare_recalibrate") is not None)
    hass.states.async_set(LOCK, "locked")
    await hass.async_block_till_done(wait_background_tasks=False)
    assert watched_house.issue("aftercare_recalibrate") is not None


async def test_a_watched_lock_that_is_created_anew_is_noticed(
    watched_house: WatchedHouse,
) -> None:
    """Its integration was added again: the same lock has another device and entity."""
    hass, registry = watched_house.hass, er.async_get(watched_house.hass)
    await watched_house.add_lock()
    before = registry.async_get(LOCK)
    assert before is not None
    registry.async_remove(LOCK)
    hass.states.async_remove(LOCK)
    dr.async_get(hass).async_remove_device(watched_house.device.id)
    device = dr.async_get(hass).async_get_or_create(
        config_entry_id=watched_house.device.config_entry_id,
        identifiers={("switchbot", "1")},
        name="Attic",
        manufacturer="SwitchBot",
        model="Lock Pro",
        sw_version="1.1",
    )
    again = registry.async_get_or_create(
        "lock",
        "switchbot",
        "1-lock",
        suggested_object_id="attic",
        config_entry=hass.config_entries.async_get_entry(before.config_entry_id or ""),
        device_id=device.id,
    )
    assert again.entity_id == LOCK
    hass.states.async_set(LOCK, "locked")
    await until(lambda: watched_house.managed.record.identity.firmware_version == "1.1")
    assert watched_house.managed.device_id == device.id


async def test_a_person_says_that_it_is_calibrated(
    watched_house: WatchedHouse, hass: HomeAssistant
) -> None:
    """Then it is no longer asked for, also after a restart."""
    await watched_house.add_lock()
    watched_house.runs("1.1")
    await until(lambda: watched_house.issue("aftercare_recalibrate") is not None)
    assert await async_setup_component(hass, "repairs", {})
    flows = hass.data["repairs"]["flow_manager"]
    issue = watched_house.issue("aftercare_recalibrate")
    assert issue is not None
    result = await flows.async_init(DOMAIN, data={"issue_id": issue.issue_id})
    result = await flows.async_configure(result["flow_id"], {})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert watched_house.issue("aftercare_recalibrate") is None
    assert "aftercare_recalibrate" not in watched_house.managed.record.to_do


async def test_a_version_in_the_registry_is_noticed(
    watched_house: WatchedHouse,
) -> None:
    """Most integrations tell it there."""
    await watched_house.add_lock()
    watched_house.runs("1.1")
    await until(lambda: bool(watched_house.managed.record.history))
    assert watched_house.managed.record.identity.firmware_version == "1.1"


async def test_who_knows_no_version_must_be_pointed_at_one(
    watched_house: WatchedHouse,
) -> None:
    """Or nothing could ever be noticed."""
    watched_house.runs(None)
    hass = watched_house.hass
    result = await start_flow(hass, watched_house.entry, "lock")
    result = await submit(hass, result, locks=[f"device:{watched_house.device.id}"])
    form = watched_form("Attic", lock_entity=LOCK)
    result = await submit(hass, result, **form)
    assert result["errors"] == {"version_entity": "version_unknown"}
    hass.states.async_set("sensor.attic_version", "2.0")
    result = await submit(hass, result, **form, version_entity="sensor.attic_version")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await until(lambda: watched_house.managed.record.identity.firmware_version == "2.0")


async def test_what_the_maker_wants_stands_in_the_notes(
    watched_house: WatchedHouse,
) -> None:
    """Before anything is done."""
    watched_house.offers("1.1")
    await watched_house.add_lock(version_entity="update.attic_firmware")
    release = watched_house.managed.release
    assert release is not None
    assert watched_house.managed.facts.needs_presence


# Discovery.


def discovered(house: WatchedHouse) -> list[dict[str, Any]]:
    """Return what Home Assistant shows as discovered."""
    return [
        dict(flow)
        for flow in house.hass.config_entries.flow.async_progress_by_handler(DOMAIN)
        if flow["context"]["source"] == "integration_discovery"
    ]


async def test_a_lock_appears_by_itself_once(watched_house: WatchedHouse) -> None:
    """With its name; and is added with what is proposed."""
    hass = watched_house.hass
    await until(lambda: bool(discovered(watched_house)))
    (flow,) = discovered(watched_house)
    assert flow["context"]["title_placeholders"] == {
        "name": "Attic",
        "way": "watched, SwitchBot Bluetooth",
    }
    assert flow["step_id"] == "watched"
    er.async_get(hass).async_update_entity(LOCK, name="Attic door")
    await hass.async_block_till_done(wait_background_tasks=False)
    assert len(discovered(watched_house)) == 1
    result = await hass.config_entries.flow.async_configure(
        flow["flow_id"], watched_form("Attic", lock_entity=LOCK)
    )
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "lock_added"
    await until(lambda: hass.states.get(UPDATE) is not None)


async def test_what_is_added_otherwise_vanishes(watched_house: WatchedHouse) -> None:
    """It need not be thrown away by hand."""
    await until(lambda: bool(discovered(watched_house)))
    await watched_house.add_lock()
    await until(lambda: not discovered(watched_house))


async def test_what_is_ignored_stays_away(watched_house: WatchedHouse) -> None:
    """Also after a restart."""
    hass, entry = watched_house.hass, watched_house.entry
    await until(lambda: bool(discovered(watched_house)))
    (flow,) = discovered(watched_house)
    await hass.config_entries.flow.async_init(
        DOMAIN,
        context={"source": SOURCE_IGNORE},
        data={"unique_id": flow["context"]["unique_id"], "title": "Attic"},
    )
    await hass.async_block_till_done(wait_background_tasks=False)
    assert discovered(watched_house) == []
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=False)
    assert discovered(watched_house) == []


# What can be done, and why.


@pytest.mark.parametrize(
    ("features", "attributes", "label"),
    [
        (1, {}, "Attic: guard, since SwitchBot Bluetooth can install its updates"),
        (
            0,
            {},
            "Attic: watch, since SwitchBot Bluetooth sees updates but cannot install them",
        ),
        (
            1,
            {"auto_update": True},
            "Attic: watch, since it takes updates by itself through SwitchBot Bluetooth",
        ),
    ],
)
async def test_what_can_be_done_is_told(
    watched_house: WatchedHouse,
    features: int,
    attributes: dict[str, Any],
    label: str,
) -> None:
    """By what its integration can do."""
    hass = watched_house.hass
    er.async_get(hass).async_update_entity(
        "update.attic_firmware", supported_features=features
    )
    watched_house.offers("1.1", **attributes)
    result = await start_flow(hass, watched_house.entry, "lock")
    assert list(options_of(result).values()) == [label]


async def test_who_has_no_update_entity_is_watched(watched_house: WatchedHouse) -> None:
    """Most integrations of makers have none."""
    hass = watched_house.hass
    er.async_get(hass).async_remove("update.attic_firmware")
    result = await start_flow(hass, watched_house.entry, "lock")
    assert list(options_of(result).values()) == [
        "Attic: watch, since SwitchBot Bluetooth has no updates for it"
    ]


@pytest.mark.parametrize(
    ("says", "text"),
    [
        ({}, "{}"),
        ({"firmware_revision": "Kestrel FW v{version}+*"}, "Kestrel FW v{}+default"),
    ],
    ids=["version-alone", "words-around-it"],
)
async def test_a_lock_of_a_feed_is_watched_with_its_releases(
    watched_house: WatchedHouse, says: dict[str, str], text: str
) -> None:
    """What only a person can install may still be published by its vendor."""
    hass = watched_house.hass
    vendor = Vendor(name=VENDOR, models=[{**model, **says} for model in MODELS])
    publish_by_hand(vendor, "1.1.0")
    await vendor.start()
    try:
        await add_feed(hass, watched_house.entry, url=vendor.url, root=vendor.root)
        dr.async_get(hass).async_update_device(
            watched_house.device.id,
            model_id=WATCHED_MODEL,
            sw_version=text.format("1.0.0"),
        )
        await watched_house.add_lock()
        await until(
            lambda: (
                (state := hass.states.get(UPDATE)) is not None and state.state == "on"
            )
        )
        state = hass.states.get(UPDATE)
        assert state is not None
        assert state.attributes["installed_version"] == "1.0.0"
        assert state.attributes["latest_version"] == "1.1.0"
        watched_house.runs(text.format("1.1.0"))
        await until(lambda: bool(watched_house.managed.record.history))
        await until(lambda: watched_house.managed.release is None)
    finally:
        await vendor.stop()


async def test_a_maker_of_whom_nothing_is_known(watched_house: WatchedHouse) -> None:
    """Then the manual says it, and not we."""
    dr.async_get(watched_house.hass).async_update_device(
        watched_house.device.id, manufacturer="Kestrel Locks"
    )
    watched_house.offers("1.1")
    await watched_house.add_lock(version_entity="update.attic_firmware")
    await until(lambda: watched_house.issue("update_by_hand") is not None)
    issue = watched_house.issue("update_by_hand")
    assert issue is not None
    placeholders = issue.translation_placeholders or {}
    assert placeholders["steps"] == (
        "- How it is updated, the maker's app or manual says."
    )


async def test_a_sensor_that_is_away_says_nothing(watched_house: WatchedHouse) -> None:
    """What was known stays."""
    hass = watched_house.hass
    hass.states.async_set("sensor.attic_version", "2.0")
    await watched_house.add_lock(version_entity="sensor.attic_version")
    await until(lambda: watched_house.managed.record.identity.firmware_version == "2.0")
    hass.states.async_set("sensor.attic_version", "unavailable")
    await hass.async_block_till_done(wait_background_tasks=False)
    assert watched_house.managed.record.identity.firmware_version == "2.0"
    lock = watched_house.managed
    with pytest.raises(HomeAssistantError):
        await runtime_of(lock).reader.async_check_now(lock)


async def test_the_plan_of_a_watched_lock_waits_for_a_person(
    watched_house: WatchedHouse,
) -> None:
    """All rules can be asked all the same; installing cannot."""
    watched_house.offers("1.1")
    await watched_house.add_lock(version_entity="update.attic_firmware")
    lock = watched_house.managed
    await until(lambda: lock.release is not None)
    assert checks_of(lock)
    assert plan_of(lock).waiting == "person"
    with pytest.raises(HomeAssistantError):
        await install(lock)


async def test_a_lock_that_is_a_part_of_a_device(watched_house: WatchedHouse) -> None:
    """Parts have neither model nor version; what they are a part of has."""
    hass = watched_house.hass
    await watched_house.add_lock()
    registry = dr.async_get(hass)
    part = registry.async_get_or_create_child(
        config_entry_id=watched_house.device.config_entry_id,
        identifiers={("switchbot", "1-bolt")},
        name="Bolt",
        parent_device_id=watched_house.device.id,
    )
    er.async_get(hass).async_update_entity(LOCK, device_id=part.id)
    assert main_device_of(hass, LOCK) == registry.async_get(watched_house.device.id)
    await hass.async_block_till_done(wait_background_tasks=True)
    watched_house.runs("1.1")
    await until(lambda: bool(watched_house.managed.record.history))
    assert watched_house.managed.record.identity.firmware_version == "1.1"


async def test_a_move_is_followed(watched_house: WatchedHouse) -> None:
    """Our entities go where the lock goes."""
    hass = watched_house.hass
    await watched_house.add_lock()
    other = dr.async_get(hass).async_get_or_create(
        config_entry_id=watched_house.device.config_entry_id,
        identifiers={("switchbot", "2")},
        name="Other",
    )
    registry = er.async_get(hass)
    registry.async_update_entity(LOCK, device_id=other.id)

    def moved() -> bool:
        entry = registry.async_get(UPDATE)
        return entry is not None and entry.device_id == other.id

    await until(moved)


async def test_a_lock_that_is_removed_elsewhere_is_told(
    watched_house: WatchedHouse,
) -> None:
    """Nothing is known of it any more."""
    await watched_house.add_lock()
    er.async_get(watched_house.hass).async_remove(LOCK)
    await until(lambda: watched_house.issue("source_gone") is not None)


async def test_what_a_watched_lock_cannot(watched_house: WatchedHouse) -> None:
    """Nothing is installed on it, so nothing is gone on with."""
    await watched_house.add_lock()
    kind = watched_house.managed.kind
    assert (await kind.async_find_running()).firmware_version == "1.0"
    assert kind.gone().reason is DelegateProblem.NOT_AVAILABLE
    assert kind.key == watched_house.device.id


async def test_the_owner_says_which_indexes_are_asked(
    watched_house: WatchedHouse,
) -> None:
    """None, unless they do."""
    hass, entry = watched_house.hass, watched_house.entry
    runtime: Runtime = entry.runtime_data
    assert runtime.settings.indexes == frozenset()
    options = hass.config_entries.options
    result = await options.async_init(entry.entry_id)
    result = await options.async_configure(
        result["flow_id"], {"next_step_id": "indexes"}
    )
    result = await options.async_configure(result["flow_id"], {"indexes": ["dcl"]})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await until(lambda: runtime.settings.indexes == frozenset({IndexName.DCL}))


@pytest.mark.parametrize("told", ["", "unknown", "0.0.0", "V1.0", "1.0.0", "1.0.0+0"])
async def test_another_way_to_write_a_version_is_no_installation(
    watched_house: WatchedHouse, told: str
) -> None:
    """Nor is a moment in which nobody knows it; nobody calibrates a lock for that."""
    await watched_house.add_lock()
    watched_house.runs(told)
    await watched_house.hass.async_block_till_done(wait_background_tasks=False)
    watched_house.runs("1.0")
    await watched_house.hass.async_block_till_done(wait_background_tasks=False)
    assert watched_house.managed.record.history == ()
    assert watched_house.managed.record.to_do == ()
    # What is one is noticed all the same.
    watched_house.runs("1.1")
    await until(lambda: bool(watched_house.managed.record.history))
    assert watched_house.managed.record.identity.firmware_version == "1.1"


# What it is watched through.


async def test_a_watched_lock_whose_entity_is_disabled_is_told(
    watched_house: WatchedHouse, hass: HomeAssistant
) -> None:
    """What it runs may go unnoticed."""
    await watched_house.add_lock()
    hass.states.async_set(LOCK, "locked")
    er.async_get(hass).async_update_entity(
        LOCK, disabled_by=er.RegistryEntryDisabler.USER
    )
    await look(watched_house)
    assert list(repairs(watched_house)) == ["source_disabled"]
    er.async_get(hass).async_update_entity(LOCK, disabled_by=None)
    await look(watched_house)
    assert repairs(watched_house) == {}


async def test_a_watched_version_that_nobody_tells_for_a_day_is_told(
    watched_house: WatchedHouse, hass: HomeAssistant, freezer: FrozenDateTimeFactory
) -> None:
    """A sensor without a value watches nothing."""
    hass.states.async_set(LOCK, "locked")
    hass.states.async_set("sensor.version", "1.0")
    await watched_house.add_lock(version_entity="sensor.version")
    hass.states.async_set("sensor.version", "unknown")
    await look(watched_house)
    freezer.tick(SILENT_AFTER)
    await look(watched_house)
    assert repairs(watched_house) == {
        "source_away": {"lock": "Attic", "entity": "sensor.version"}
    }


# What can be done by now.


def register_update(house: WatchedHouse, *, can_install: bool) -> er.RegistryEntry:
    """Let the other integration bring an update entity, or another kind of one."""
    return er.async_get(house.hass).async_get_or_create(
        "update",
        "switchbot",
        "1-update",
        device_id=house.device.id,
        suggested_object_id="attic_firmware",
        supported_features=int(can_install),
    )


async def test_an_offer_is_corrected_when_more_entities_come(
    watched_house: WatchedHouse,
) -> None:
    """The integration was slower than who looks for locks."""
    er.async_get(watched_house.hass).async_remove("update.attic_firmware")
    await until(lambda: bool(discovered(watched_house)))
    assert [flow["step_id"] for flow in discovered(watched_house)] == ["watched"]
    register_update(watched_house, can_install=True)
    await until(
        lambda: [flow["step_id"] for flow in discovered(watched_house)] == ["guarded"]
    )
    (flow,) = discovered(watched_house)
    assert flow["context"]["title_placeholders"]["way"] == (
        "guarded, SwitchBot Bluetooth"
    )


async def test_a_watched_lock_that_could_be_guarded_is_told(
    watched_house: WatchedHouse,
) -> None:
    """As long as it could."""
    await watched_house.add_lock()
    assert watched_house.issue("guardable") is None
    register_update(watched_house, can_install=False)
    await watched_house.hass.async_block_till_done()
    assert watched_house.issue("guardable") is None
    entry = register_update(watched_house, can_install=True)
    await until(lambda: watched_house.issue("guardable") is not None)
    issue = watched_house.issue("guardable")
    assert issue is not None
    assert issue.translation_placeholders == {
        "lock": "Attic",
        "entity": "update.attic_firmware",
    }
    er.async_get(watched_house.hass).async_remove(entry.entity_id)
    await until(lambda: watched_house.issue("guardable") is None)


async def test_that_its_source_does_not_install_by_itself_any_more_is_told_soon(
    watched_house: WatchedHouse,
) -> None:
    """Only the state of its update entity says so, and it can be guarded then."""
    hass, update = watched_house.hass, "update.attic_firmware"
    register_update(watched_house, can_install=True)
    hass.states.async_set(update, "off", {"auto_update": True})
    await watched_house.add_lock()
    scheduler, now = watched_house.entry.runtime_data.scheduler, dt_util.utcnow()
    for _ in range(3):
        await hass.async_block_till_done(wait_background_tasks=True)
        await scheduler.async_look(now)
    assert watched_house.issue("guardable") is None
    hass.states.async_set(update, "off", {"auto_update": False})
    await scheduler.async_look(now + timedelta(minutes=1))
    assert watched_house.issue("guardable") is not None
