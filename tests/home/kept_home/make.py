"""Writes a home down, as this version of Nightlatch keeps it.

Run once for a version that homes have run, and what it writes is committed. It is no
test: pytest finds it only where it is named.

    python -m pytest tests/home/kept_home/make.py

People's part is done through flows, actions and entities. What takes years to come
about, such as every end that an installation may have, is put into the store by the
classes that always write it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
import json
from pathlib import Path
import shutil
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser  # type: ignore[import-untyped]

from custom_components import nightlatch
from custom_components.nightlatch import snapshots
from custom_components.nightlatch.adapters.storage import HouseholdStore
from custom_components.nightlatch.const import DOMAIN
from custom_components.nightlatch.core.installation.journal import JournalEntry
from custom_components.nightlatch.core.installation.states import (
    State as InstallationState,
)
from custom_components.nightlatch.core.model import (
    BatteryReading,
    Origin,
    OutcomeKind,
    Purpose,
    Source,
)
from custom_components.nightlatch.core.preflight.situation import Bolt
from custom_components.nightlatch.core.records.decisions import (
    Approval,
    Choice,
    Decisions,
    Override,
)
from custom_components.nightlatch.core.records.outcome_record import OutcomeRecord
from homeassistant.auth.models import User
from homeassistant.config_entries import SOURCE_USER
from homeassistant.const import __version__ as HA_VERSION
from homeassistant.core import Context, HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import (
    device_registry as dr,
    entity_registry as er,
    restore_state as rs,
)
from homeassistant.helpers.json import json_bytes
from homeassistant.util import dt as dt_util
from tests.home.flows import start_flow, submit, until
from tests.home.house import House
from tests.home.vaulted import blobs, damage, first_place, look, set_second_place
from tests.home.zigbee_house import NEW
from tests.rig.bootloader import MAX_DATA_OBJECT
from tests.rig.fixtures import ProxiedHome
from tests.rig.lock import Mode
from tests.rig.scene import VENDOR, lock_form, publish_by_hand, watched_form

from .surroundings import (
    BACK,
    BROKER_PORT,
    CELLAR,
    DATA,
    FEED_URL,
    FRONT,
    SECOND_PLACE,
    Surroundings,
    mqtt_told,
    open_vendor,
    publish_small,
    surrounded,
)

# What the first version of Nightlatch kept of a lock.
_OF_THE_FIRST_VERSION = ("address", "feed", "identity", "lock_entity", "battery_entity")
_OF_THE_HOME = {DOMAIN, "mqtt"}
_SIDE = "update.side_door_guarded_firmware"


@pytest.mark.timeout(600)
async def test_write_the_home_down(
    proxied_home: ProxiedHome,
    hass_storage: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Live in the home for a while, and copy what that has left on the disk."""
    hass = proxied_home.hass
    vendor = open_vendor(tmp_path / "vendor")
    second = tmp_path / "second"
    for version in ("0.9.0", "1.0.0"):
        publish_small(vendor, version)
    publish_by_hand(vendor, "1.0.0")
    async with surrounded(hass, vendor) as around:
        house = await _move_in(proxied_home, around)
        await _set_up(house, second)
        old = await _add_locks(house)
        resident = MockUser(name="Resident", is_owner=True).add_to_hass(hass)
        await _live(house, around, second, old, resident)
        await _restart(house, _grow_old)
        before = _states(house)
        await _be_cut_off(house, around, resident, monkeypatch)
        storage = _what_is_stored(hass, hass_storage)
        _write_down(house, around, storage, tmp_path, before)
        _leave_out_what_the_other_has(first_place(house).name, damaged=old)


async def _move_in(home: ProxiedHome, around: Surroundings) -> House:
    hass = home.hass
    mqtt = MockConfigEntry(
        domain="mqtt",
        title="MQTT",
        data={"broker": "127.0.0.1", "port": around.port},
        version=2,
    )
    mqtt.add_to_hass(hass)
    assert await hass.config_entries.async_setup(mqtt.entry_id)
    await mqtt_told(hass)
    result = await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_USER}
    )
    result = await hass.config_entries.flow.async_configure(result["flow_id"], {})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    return House(
        hass=hass, proxy=home.proxy, vendor=around.vendor, entry=result["result"]
    )


async def _set_up(house: House, second: Path) -> None:
    """Set everything that can be set for all locks, to what is not the default."""
    for step, answers in (
        (
            "quiet_hours",
            {
                "weekdays": ["0", "2", "4"],
                "start": "01:30:00",
                "end": "05:15:00",
                "gate_entity": "input_boolean.updates_welcome",
            },
        ),
        (
            "night",
            {"notice_at": "19:45:00", "soak_days": 4, "two_entry_doors": True},
        ),
        (
            "people",
            {
                "phones": ["mobile_app_phone"],
                "notify": ["notify.family"],
                "everything": True,
            },
        ),
        ("indexes", {"indexes": ["zwave_js"]}),
    ):
        flows = house.hass.config_entries.options
        # The actions and entities that people choose from need not be there.
        house.hass.services.async_register("notify", "mobile_app_phone", lambda _: None)
        result = await flows.async_init(house.entry.entry_id)
        result = await flows.async_configure(result["flow_id"], {"next_step_id": step})
        result = await flows.async_configure(result["flow_id"], answers)
        assert result["type"] is FlowResultType.CREATE_ENTRY, result
        await house.settle()
    house.hass.services.async_remove("notify", "mobile_app_phone")
    await set_second_place(house, second)
    house.runtime.settings.async_set_option("vault_limit", 96)
    await house.settle()
    await house.add_feed()


async def _add_locks(house: House) -> str:
    """Add a lock of each kind, with everything that can be set for one.

    Return the name of the blob of what runs in the cellar.
    """
    await house.add_lock(FRONT, "Front door")
    await house.add_lock(BACK, "Back door")
    # What runs is fetched and kept.
    await look(house)
    before = {each.name for each in blobs(first_place(house))}
    await house.put_up_lock(CELLAR, version="0.9.0")
    await house.add_lock_already_up(CELLAR, "Cellar")
    await _add_attached(
        house,
        "Side door",
        guarded_by="update.side_door",
        battery_entity="sensor.side_door_battery",
        door_entity="binary_sensor.side_door_contact",
        mode="automatic",
        consent=True,
        approval="person",
        may_move_bolt=True,
        second_entry=True,
        importance="entry",
        own=True,
        weekdays=["5", "6"],
        start="00:30:00",
        end="04:45:00",
    )
    await _add_attached(house, "Garage", guarded_by="update.garage")
    await _add_attached(house, "Attic", battery_entity="sensor.attic_battery")
    await until(
        lambda: (
            _state(house, "sensor.side_door_hold_not_a_lock") == "held"
            and _state(house, "sensor.garage_hold_not_a_lock") == "held"
        )
    )
    cellar = house.subentry("Cellar")
    house.hass.config_entries.async_update_subentry(
        house.entry,
        cellar,
        data={
            key: cellar.data[key] for key in _OF_THE_FIRST_VERSION if key in cellar.data
        },
    )
    await look(house)
    house.locks[CELLAR].cut_power()
    (old,) = {each.name for each in blobs(first_place(house))} - before
    return old


async def _add_attached(
    house: House, name: str, *, guarded_by: str | None = None, **fields: Any
) -> None:
    slug = name.lower().replace(" ", "_")
    lock = er.async_get(house.hass).entities[f"lock.{slug}"]
    result = await start_flow(house.hass, house.entry, "lock")
    result = await submit(house.hass, result, address=f"device:{lock.device_id}")
    fields["lock_entity"] = lock.entity_id
    if guarded_by is None:
        form = watched_form(name, **fields)
    else:
        form = lock_form(name, update_entity=guarded_by, **fields)
    result = await submit(house.hass, result, **form)
    assert result["type"] is FlowResultType.CREATE_ENTRY, result
    kind = "watched" if guarded_by is None else "guarded"
    await until(lambda: _state(house, f"update.{slug}_{kind}_firmware") is not None)


async def _live(
    house: House, around: Surroundings, second: Path, old: str, resident: User
) -> None:
    """Install, decide, and let things go wrong; ``old`` is the blob of the cellar's."""
    hass = house.hass
    publish_small(house.vendor, "1.1.0")
    await house.check()
    await house.install()
    await look(house)
    await _call(hass, "nightlatch", "test_vault", return_response=True)
    # The side door loses two settings, of which one cannot be set back.
    find_bolt = around.side.find_bolt

    def come_back() -> None:
        find_bolt()
        around.settings.change(
            auto_relock_time="0", sound_volume="high", night_from="23:00:00"
        )

    around.side.find_bolt = come_back  # type: ignore[method-assign]
    await _approve(house, resident, _SIDE, str(NEW))
    await house.install(_SIDE)
    lock = next(
        each for each in house.runtime.locks.values() if each.name == "Side door"
    )
    await until(lambda: len(house.runtime.snapshots.of(lock).differences) == 3)
    await house.settle()
    around.side.find_bolt = find_bolt  # type: ignore[method-assign]
    around.settings["night_from"].stubborn = True
    await _call(
        hass,
        "nightlatch",
        "restore_snapshot",
        entity_id=_SIDE,
    )
    # Somebody lets the garage's update go where it comes from.
    await _call(hass, "update", "clear_skipped", entity_id="update.garage")
    await until(lambda: _state(house, "sensor.garage_hold_not_a_lock") == "cleared")
    # What people decide.
    publish_small(house.vendor, "1.2.0")
    publish_by_hand(house.vendor, "2.0.0")
    await house.check()
    await _approve(
        house,
        resident,
        "update.front_door_firmware",
        "1.2.0",
        overrides=["battery", "soak"],
    )
    await _call(
        hass,
        "nightlatch",
        "schedule",
        entity_id="update.front_door_firmware",
        at=(dt_util.utcnow() + timedelta(hours=30)).isoformat(),
    )
    front = house.managed(FRONT)
    assert front.release is not None
    await front.decided.async_note_announced(front.release)
    garage = "update.garage_guarded_firmware"
    await _call(hass, "nightlatch", "postpone", entity_id=garage, days=40)
    await _call(hass, "nightlatch", "pin_version", entity_id=garage)
    await _call(hass, "update", "skip", entity_id="update.attic_watched_firmware")
    # Of what ran in the cellar no good copy is left, and the vendor has none any more.
    house.vendor.withdraw("kl-1/0.9.0.zip")
    await house.check()
    for folder in (first_place(house), second):
        damage(folder / old)
    await _call(hass, "nightlatch", "test_vault", return_response=True)
    # Paused at last: whatever is due by then waits for a person.
    await _call(
        hass,
        "switch",
        "turn_off",
        entity_id="switch.nightlatch_automatic_installations",
    )
    await house.settle()


async def _restart(house: House, meanwhile: Callable[[House], Awaitable[None]]) -> None:
    """Stop Nightlatch, do something, and start it again."""
    entries = house.hass.config_entries
    assert await entries.async_unload(house.entry.entry_id)
    await meanwhile(house)
    assert await entries.async_setup(house.entry.entry_id)
    await house.settle()


async def _grow_old(house: House) -> None:
    """Let the cellar's lock have lived through everything that a lock can."""
    now = dt_util.utcnow().replace(microsecond=123_000)
    lock_id = house.subentry("Cellar").subentry_id
    store = HouseholdStore(house.hass, house.entry.entry_id)
    await store.async_load(expected=True)
    kept = store.lock(lock_id)
    assert kept is not None
    approval = Approval(
        version="1.2.0",
        sha256="ab" * 32,
        user_id="0123456789abcdef0123456789abcdef",
        user_name="Resident",
        at=now - timedelta(days=2),
        second_factor=True,
        overrides=frozenset(Override),
        words="I know that the old holes are open again.",
    )
    journal = JournalEntry(
        attempt="unsettled",
        lock_id=lock_id,
        name="Cellar",
        address=CELLAR,
        feed_id=house.subentry(VENDOR).subentry_id,
        model="KL-1",
        version="1.0.0",
        sha256="cd" * 32,
        origin=Origin.SCHEDULE,
        started=now - timedelta(days=1),
        from_version="0.9.0",
        window_end=now - timedelta(hours=20),
        state=InstallationState.CONFIRMING,
        touched=True,
        bolt_before=Bolt.LOCKED,
        activated=True,
        trial=True,
        purpose=Purpose.ROLLBACK,
        source=Source.VAULT,
    )
    await store.async_set_lock(
        lock_id,
        replace(
            kept,
            identity=replace(kept.identity, battery=61),
            running_since=now - timedelta(days=200),
            history=tuple(_history(now, approval)),
            batteries=tuple(
                BatteryReading(
                    level=level, low=level < 63, at=now - timedelta(days=days)
                )
                for days, level in ((30, 80), (20, 70), (10, 62))
            ),
            announced="1.1.0",
            ran=("0.7.0", "0.8.0"),
            unsettled=journal.to_dict(),
            to_do=("aftercare_recalibrate",),
        ),
    )
    await store.async_set_decisions(
        lock_id,
        Decisions(
            pinned="0.9.0",
            skipped="1.1.0",
            postponed_until=now + timedelta(days=20),
            scheduled_at=now + timedelta(days=21),
            scheduled_for="ef" * 32,
            approval=approval,
            choice=Choice(
                sha256="ab" * 32,
                version="1.2.0",
                source=Source.FILE,
                purpose=Purpose.ROLLBACK,
            ),
            announced="ef" * 32,
            first_seen={"ef" * 32: now - timedelta(days=9)},
        ),
    )
    await store.async_set_announced(date(2026, 11, 3))
    await store.async_set_digest(("Side door: it was held tonight.", *store.digest))
    await store.async_close()


def _history(now: datetime, approval: Approval) -> Iterator[OutcomeRecord]:
    """Yield every way to end, every origin and every purpose, oldest first."""
    kinds, origins, purposes = list(OutcomeKind), list(Origin), list(Purpose)
    for number in range(len(kinds) * 2):
        kind = kinds[number % len(kinds)]
        started = now - timedelta(days=100 - number)
        went_well = kind is OutcomeKind.SUCCEEDED
        yield OutcomeRecord(
            attempt=f"attempt {number}",
            kind=kind,
            origin=origins[number % len(origins)],
            started=started,
            ended=started + timedelta(minutes=number),
            seconds=number * 7.25,
            from_version=f"0.{number}.0",
            to_version=f"0.{number + 1}.0",
            sha256=None if number % 3 == 0 else f"{number:064x}",
            touched=number % 2 == 0,
            reason=None if went_well else "transport_link_lost",
            message=None if went_well else f"Cellar: what went wrong was {number}.",
            approval=approval if number % 4 == 1 else None,
            purpose=purposes[number % len(purposes)],
            environment=f"{number:016x}",
            tries=1 + number,
        )


async def _be_cut_off(
    house: House,
    around: Surroundings,
    resident: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Let the power go in the middle of an installation on the back door.

    And before the side door was looked at after one more update.
    """
    monkeypatch.setattr(snapshots, "SETTLED_AFTER", 1e6)
    around.bridge.offer(around.side, NEW + 1)
    await until(lambda: _attribute(house, _SIDE, "latest_version") == str(NEW + 1))
    await _approve(house, resident, _SIDE, str(NEW + 1))
    await house.install(_SIDE)
    around.bridge.offer(around.side, NEW + 2)
    hold = "sensor.side_door_hold_not_a_lock"
    await until(lambda: _state(house, hold) == "held")
    lock = house.locks[BACK]
    lock.cut_power_at(MAX_DATA_OBJECT)
    pressed = asyncio.create_task(house.install("update.back_door_firmware"))
    await until(lambda: lock.mode is Mode.OFF)
    await rs.async_get(house.hass).async_dump_states()
    await house.hass.config_entries.async_unload(house.entry.entry_id)
    with pytest.raises(HomeAssistantError):
        await pressed


def _what_is_stored(
    hass: HomeAssistant, hass_storage: dict[str, Any]
) -> dict[str, dict[str, Any]]:
    """Return what Home Assistant stores that is about Nightlatch or MQTT, by its keys."""
    for registry in (hass.config_entries, dr.async_get(hass), er.async_get(hass)):
        store = registry._store
        hass_storage[store.key] = {
            "version": store.version,
            "minor_version": store.minor_version,
            "key": store.key,
            "data": registry._data_to_save(),
        }
    stored: dict[str, dict[str, Any]] = json.loads(
        json_bytes(
            {
                key: value
                for key, value in hass_storage.items()
                if key.startswith(("core.", f"{DOMAIN}."))
            }
        )
    )
    entries = stored["core.config_entries"]["data"]
    entries["entries"] = [
        each for each in entries["entries"] if each["domain"] in _OF_THE_HOME
    ]
    ours = {each["entry_id"] for each in entries["entries"]}
    devices = stored["core.device_registry"]["data"]
    devices["devices"] = [
        each for each in devices["devices"] if each["config_entry_id"] in ours
    ]
    devices["deleted_devices"] = []
    entities = stored["core.entity_registry"]["data"]
    entities["entities"] = [
        each for each in entities["entities"] if each["config_entry_id"] in ours
    ]
    entities["deleted_entities"] = []
    known = {each["entity_id"] for each in entities["entities"]}
    restored = stored["core.restore_state"]
    restored["data"] = [
        each for each in restored["data"] if each["state"]["entity_id"] in known
    ]
    wanted = {
        "core.config_entries",
        "core.device_registry",
        "core.entity_registry",
        "core.restore_state",
    }
    return {
        key: value
        for key, value in stored.items()
        if key in wanted or key.startswith(f"{DOMAIN}.")
    }


def _write_down(
    house: House,
    around: Surroundings,
    storage: dict[str, dict[str, Any]],
    here: Path,
    states: dict[str, Any],
) -> None:
    """Write everything into the folder of what is kept; ``here`` is this home's own."""
    shutil.rmtree(DATA, ignore_errors=True)
    kept = DATA / "storage"
    own = Path(house.hass.config.path(".storage"))
    for each in own.glob(f"{DOMAIN}.{house.entry.entry_id}.*"):
        if each.is_dir():
            shutil.copytree(each, kept / each.name)
        else:
            kept.mkdir(parents=True, exist_ok=True)
            shutil.copy(each, kept)
    shutil.copytree(here / "second", DATA / "second")
    shutil.copytree(here / "vendor", DATA / "vendor")
    _leave_out_what_nobody_asks_for(DATA / "vendor" / "repository")
    for key, stored in storage.items():
        (kept / key).write_text(
            json.dumps(stored, indent=1, ensure_ascii=False)
            .replace(house.vendor.url, FEED_URL)
            .replace(f'"port": {around.port}', f'"port": {BROKER_PORT}')
            .replace(str(here / "second"), SECOND_PLACE)
            + "\n"
        )
    manifest = Path(nightlatch.__file__).with_name("manifest.json")
    (DATA / "written.json").write_text(
        json.dumps(
            {
                "nightlatch": json.loads(manifest.read_text())["version"],
                "home_assistant": HA_VERSION,
                "at": dt_util.utcnow().isoformat(),
                "states": states,
            },
            indent=1,
            ensure_ascii=False,
        )
        + "\n"
    )
    for path in DATA.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert str(here).encode() not in content, path
            assert str(own.parent).encode() not in content, path


def _leave_out_what_the_other_has(first: str, *, damaged: str) -> None:
    """Leave out of each place some copies that the other has: they are big.

    So they are merged at the start, as when a disk has lost some.
    """
    for number, blob in enumerate(blobs(DATA / "second")):
        place = DATA / ("second" if number % 2 else f"storage/{first}")
        if blob.name != damaged:
            (place / blob.name).unlink()


def _leave_out_what_nobody_asks_for(repository: Path) -> None:
    """Leave out what later metadata and releases have taken the place of."""
    newest: dict[str, int] = {}
    for path in (repository / "metadata").glob("[0-9]*.*.json"):
        number, role, _ = path.name.split(".")
        newest[role] = max(newest.get(role, 0), int(number))
    for path in (repository / "metadata").glob("[0-9]*.*.json"):
        number, role, _ = path.name.split(".")
        if role != "root" and int(number) < newest[role]:
            path.unlink()
    targets = repository / "metadata" / f"{newest['targets']}.targets.json"
    digests = {
        each["hashes"]["sha256"]
        for each in json.loads(targets.read_text())["signed"]["targets"].values()
    }
    for path in (repository / "targets").rglob("*"):
        if path.is_file() and path.name.partition(".")[0] not in digests:
            path.unlink()


# Small things.


def _states(house: House) -> dict[str, dict[str, Any]]:
    """Return what the entities of Nightlatch show, by their ids."""
    entries = er.async_entries_for_config_entry(
        er.async_get(house.hass), house.entry.entry_id
    )
    shown = {
        each.entity_id: state.as_dict()
        for each in entries
        if (state := house.hass.states.get(each.entity_id)) is not None
    }
    plain: dict[str, dict[str, Any]] = json.loads(json_bytes(shown))
    return {
        entity_id: {"state": each["state"], "attributes": each["attributes"]}
        for entity_id, each in sorted(plain.items())
    }


def _state(house: House, entity_id: str) -> str | None:
    state = house.hass.states.get(entity_id)
    return state.state if state else None


def _attribute(house: House, entity_id: str, name: str) -> Any:
    return house.state(entity_id).attributes.get(name)


async def _approve(
    house: House, user: User, entity_id: str, version: str, **fields: Any
) -> None:
    await _call(
        house.hass,
        DOMAIN,
        "approve",
        context=Context(user_id=user.id),
        entity_id=entity_id,
        version=version,
        **fields,
    )


async def _call(
    hass: HomeAssistant,
    domain: str,
    service: str,
    *,
    context: Context | None = None,
    return_response: bool = False,
    **data: Any,
) -> None:
    await hass.services.async_call(
        domain,
        service,
        data,
        blocking=True,
        context=context,
        return_response=return_response,
    )
    await hass.async_block_till_done()
