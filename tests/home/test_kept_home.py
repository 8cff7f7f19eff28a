"""A home that was set up with an earlier version goes on after an update.

What that version has written lies in ``kept_home/data``; see the README there. Here it
is looked at from outside only: registries, states, actions, issues, and what is on the
disk. So whoever rebuilds what is inside need not touch this.
"""

from collections.abc import AsyncGenerator, Generator, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
import hashlib
import json
import logging
from pathlib import Path
import shutil
from typing import Any
from unittest.mock import patch

from freezegun import freeze_time
import pytest
from pytest_homeassistant_custom_component.common import MockUser  # type: ignore[import-untyped]
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator  # type: ignore[import-untyped]

from custom_components.nightlatch.const import DOMAIN
from custom_components.nightlatch.diagnostics import async_get_config_entry_diagnostics
from homeassistant import bootstrap
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import Context, CoreState, HomeAssistant
from homeassistant.helpers import (
    area_registry as ar,
    category_registry as cr,
    device_registry as dr,
    entity_registry as er,
    floor_registry as fr,
    issue_registry as ir,
    label_registry as lr,
    restore_state as rs,
)
from homeassistant.util import dt as dt_util
from tests.rig.fixtures import ProxiedHome
from tests.rig.vendor import Vendor

from .flows import until
from .house import House
from .kept_home.surroundings import (
    BACK,
    DATA,
    FRONT,
    Surroundings,
    mqtt_told,
    open_vendor,
    surrounded,
)
from .zigbee_house import NEW

STORAGE = DATA / "storage"
WRITTEN = json.loads((DATA / "written.json").read_text(encoding="utf-8"))
AT = dt_util.parse_datetime(WRITTEN["at"], raise_on_error=True)
SIDE = "update.side_door_guarded_firmware"
BACK_OUTCOME = "sensor.back_door_last_installation"


def read_kept(name: str) -> dict[str, Any]:
    """Return what was written into one of Home Assistant's files."""
    kept: dict[str, Any] = json.loads((STORAGE / name).read_text(encoding="utf-8"))
    return kept


(KEPT_ENTRY,) = (
    each
    for each in read_kept("core.config_entries")["data"]["entries"]
    if each["domain"] == DOMAIN
)
ENTRY_ID: str = KEPT_ENTRY["entry_id"]
STORE = f"{DOMAIN}.{ENTRY_ID}"
LOCK_IDS = {each["title"]: each["subentry_id"] for each in KEPT_ENTRY["subentries"]}


@pytest.fixture(autouse=True)
def soon_after() -> Generator[None]:
    """Let it be ten minutes after the home was written down."""
    moment = AT + timedelta(minutes=10)
    with freeze_time(moment, tick=True, real_asyncio=True):
        yield


@pytest.fixture
def load_registries() -> bool:
    """Let ``hass`` below load what was kept."""
    return False


@pytest.fixture
async def hass(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    hass_config_dir: str,
) -> HomeAssistant:
    """Start Home Assistant with what was kept."""
    own = Path(hass_config_dir) / ".storage"
    for each in STORAGE.iterdir():
        if each.is_dir():
            shutil.copytree(each, own / each.name)
        elif each.name.startswith(f"{STORE}."):
            own.mkdir(exist_ok=True)
            shutil.copy(each, own)
        else:
            hass_storage[each.name] = read_kept(each.name)
    # As at a start, for which cleaning up the registries waits.
    hass.set_state(CoreState.not_running)
    dr.async_setup(hass)
    with patch.object(rs.RestoreStateData, "async_setup_dump"):
        for registry in (ar, cr, dr, er, fr, ir, lr, rs):
            await registry.async_load(hass)
    await hass.config_entries.async_initialize()
    hass.data[bootstrap.DATA_REGISTRIES_LOADED] = None
    hass.set_state(CoreState.running)
    return hass


@pytest.fixture
def vendor(socket_enabled: None, tmp_path: Path) -> Vendor:
    """Return the vendor whose feed is trusted."""
    shutil.copytree(DATA / "vendor", tmp_path / "vendor")
    return open_vendor(tmp_path / "vendor")


@dataclass(kw_only=True)
class KeptHome:
    """Everything that a test may look at or order."""

    house: House
    around: Surroundings
    second: Path
    storage: dict[str, Any]

    @property
    def hass(self) -> HomeAssistant:
        """Home Assistant."""
        return self.house.hass

    @property
    def own(self) -> Path:
        """Where Home Assistant keeps its files."""
        return Path(self.hass.config.path(".storage"))

    @property
    def stored(self) -> dict[str, Any]:
        """What Nightlatch has in Home Assistant's store by now."""
        data: dict[str, Any] = self.storage[STORE]["data"]
        return data

    def file(self, suffix: str) -> Path:
        """Return a file of Nightlatch's own."""
        return self.own / f"{STORE}.{suffix}"

    async def act(self, action: str, **data: Any) -> dict[str, Any]:
        """Call one of our actions as the owner; return its answer."""
        owner = MockUser(is_owner=True).add_to_hass(self.hass)
        answer: Any = await self.hass.services.async_call(
            DOMAIN,
            action,
            data,
            blocking=True,
            context=Context(user_id=owner.id),
            return_response=True,
        )
        await self.hass.async_block_till_done()
        return dict(answer[data["entity_id"]] if "entity_id" in data else answer)

    def issues(self) -> dict[str, ir.IssueEntry]:
        """Return what a person must do, by its id."""
        return {
            issue.issue_id: issue
            for issue in ir.async_get(self.hass).issues.values()
            if issue.domain == DOMAIN and issue.active
        }


@pytest.fixture
async def kept_home(
    proxied_home: ProxiedHome,
    vendor: Vendor,
    tmp_path: Path,
    hass_storage: dict[str, Any],
) -> AsyncGenerator[KeptHome]:
    """Start Nightlatch and MQTT in the home; return when what was cut off has ended."""
    hass = proxied_home.hass
    second = tmp_path / "second"
    shutil.copytree(DATA / "second", second)
    async with surrounded(hass, vendor) as around:
        # As it was when the home was written down; but for the auto-relock time, which
        # the last installation turns out to have changed.
        around.settings.change(
            auto_relock_time="0", sound_volume="high", night_from="23:00:00"
        )
        around.side.installed_version = NEW + 1
        around.bridge.offer(around.side, NEW + 2)
        entry = _elsewhere(hass, around, second)
        house = House(hass=hass, proxy=proxied_home.proxy, vendor=vendor, entry=entry)
        await house.put_up_lock(FRONT, version="1.1.0")
        await house.put_up_lock(BACK)
        (mqtt,) = hass.config_entries.async_entries("mqtt")
        assert await hass.config_entries.async_setup(mqtt.entry_id)
        await mqtt_told(hass)
        assert await hass.config_entries.async_setup(ENTRY_ID)
        await until(lambda: house.state(BACK_OUTCOME).state == "succeeded")
        journal = Path(hass.config.path(".storage", f"{STORE}.journal"))
        await until(lambda: not journal.exists())
        await until(lambda: house.state("sensor.kestrel_locks_status").state == "ok")
        await hass.async_block_till_done()
        yield KeptHome(house=house, around=around, second=second, storage=hass_storage)


def _elsewhere(hass: HomeAssistant, around: Surroundings, second: Path) -> ConfigEntry:
    """Tell what is elsewhere each time: the feed, the broker, and the second place."""
    entries = hass.config_entries
    (mqtt,) = entries.async_entries("mqtt")
    entries.async_update_entry(mqtt, data={**mqtt.data, "port": around.port})
    (entry,) = entries.async_entries(DOMAIN)
    entries.async_update_entry(
        entry, options={**entry.options, "second_place": str(second)}
    )
    (feed,) = entry.get_subentries_of_type("feed")
    entries.async_update_subentry(
        entry, feed, data={**feed.data, "url": around.vendor.url}
    )
    return entry


def lost(before: Any, after: Any, path: str = "") -> Iterable[str]:
    """Yield what was kept and is not, or is another; a list may have grown."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in before.items():
            where = f"{path}/{key}"
            if key not in after:
                yield where
            else:
                yield from lost(value, after[key], where)
    elif isinstance(before, list) and isinstance(after, list):
        if len(after) < len(before):
            yield path
        for number, (old, new) in enumerate(zip(before, after, strict=False)):
            yield from lost(old, new, f"{path}/{number}")
    elif before != after:
        yield path


async def test_the_same_entities_on_the_same_devices(kept_home: KeptHome) -> None:
    """Nothing has another id, and nothing is there twice."""
    home = kept_home
    kept = {
        each["entity_id"]: (
            each["unique_id"],
            each["id"],
            each["device_id"],
            each["config_subentry_id"],
            each["disabled_by"],
        )
        for each in read_kept("core.entity_registry")["data"]["entities"]
        if each["platform"] == DOMAIN
    }
    assert len(kept) > 60
    now = {
        each.entity_id: (
            each.unique_id,
            each.id,
            each.device_id,
            each.config_subentry_id,
            each.disabled_by,
        )
        for each in er.async_entries_for_config_entry(er.async_get(home.hass), ENTRY_ID)
    }
    # There may be more by now, and each of those once.
    assert now.items() >= kept.items()
    assert len({unique_id for unique_id, *_ in now.values()}) == len(now)
    shown = {
        entity_id for entity_id, (*_, disabled_by) in now.items() if disabled_by is None
    }
    gone = {
        entity_id
        for entity_id in shown
        if (state := home.hass.states.get(entity_id)) is None
        or state.attributes.get("restored")
    }
    assert not gone
    devices = {
        each["id"]: (each["name"], each["identifiers"], each["config_subentry_id"])
        for each in read_kept("core.device_registry")["data"]["devices"]
        if each["config_entry_id"] == ENTRY_ID
    }
    assert devices
    assert {
        each.id: (
            each.name,
            [list(pair) for pair in each.identifiers],
            each.config_subentry_id,
        )
        for each in dr.async_entries_for_config_entry(dr.async_get(home.hass), ENTRY_ID)
    } == devices


async def test_what_entities_show_is_what_they_showed(kept_home: KeptHome) -> None:
    """But for the back door, whose installation has ended since."""
    await until(lambda: kept_home.house.state(SIDE).state == "on")
    ends = ("_last_check", "_hold_not_a_lock", "_battery", "_firmware_event")
    differing = {
        entity_id: (was["state"], state.state)
        for entity_id, was in WRITTEN["states"].items()
        if not entity_id.partition(".")[2].startswith("back_door")
        and not entity_id.endswith(ends)
        and (state := kept_home.house.state(entity_id)).state != was["state"]
    }
    # It has been updated once more since, and something newer was offered for it.
    runs_since = differing.pop("sensor.side_door_firmware_runs_since")
    assert runs_since[0] < runs_since[1]
    assert differing == {SIDE: ("off", "on")}
    for entity_id, attributes in {
        "update.front_door_firmware": {
            "installed_version": "1.1.0",
            "latest_version": "1.2.0",
        },
        "update.cellar_firmware": {"installed_version": "0.9.0", "kind": "direct"},
        "update.attic_watched_firmware": {
            "installed_version": "1.0.0",
            "skipped_version": "2.0.0",
            "kind": "watched",
        },
        SIDE: {"installed_version": str(NEW + 1), "kind": "guarded"},
        "sensor.cellar_last_installation": WRITTEN["states"][
            "sensor.cellar_last_installation"
        ]["attributes"],
    }.items():
        shown = kept_home.house.state(entity_id).attributes
        assert {key: shown.get(key) for key in attributes} == attributes, entity_id


async def test_all_that_was_known_and_decided_is_written_again(
    kept_home: KeptHome,
) -> None:
    """Every field of it, with what it said."""
    await kept_home.hass.config_entries.async_unload(ENTRY_ID)
    before, after = read_kept(STORE)["data"], kept_home.stored
    changed = set(lost(before, after))
    front, back, side = (
        f"/locks/{LOCK_IDS[name]}" for name in ("Front door", "Back door", "Side door")
    )
    rising = {
        "/generation",
        "/trust/time",
        *(path for path in changed if path.startswith("/trust/feeds/")),
    }
    for path in rising:
        assert path.endswith(("/version", "/time", "/generation")), path
        assert at(after, path) >= at(before, path), path
    assert changed - rising <= {
        # They were asked once more.
        f"{front}/read_at",
        f"{side}/read_at",
        # Its installation has ended.
        f"{back}/read_at",
        f"{back}/running_since",
        f"{back}/identity/firmware_version",
        f"/trust/locks/{BACK}/version",
        f"/trust/locks/{BACK}/firmware_version",
    }
    cellar = LOCK_IDS["Cellar"]
    # Nobody has heard of it since: what this version keeps besides is not known of it.
    # But that it is the first lock at its door, as nobody could replace one before.
    history = before["locks"][cellar]["history"]
    besides = {
        "locks": {
            "lock_number": 0,
            "history": without_nothing([each | {"lock_number": 0} for each in history]),
        },
        "decisions": {},
    }
    for kind, more in besides.items():
        assert without_nothing(before[kind][cellar]) | more == without_nothing(
            after[kind][cellar]
        )
    for key, fewest in (("kind", 6), ("origin", 4), ("purpose", 3)):
        assert len({each[key] for each in history}) == fewest
    assert before["vault_suspects"]
    assert before["digest"]
    assert before["announced_night"]


def without_nothing(data: Any) -> Any:
    """Return the same without what is not known."""
    if isinstance(data, dict):
        return {k: without_nothing(v) for k, v in data.items() if v is not None}
    return [without_nothing(each) for each in data] if isinstance(data, list) else data


def at(data: Mapping[str, Any], path: str) -> Any:
    """Return what lies at a path."""
    found: Any = data
    for key in path.split("/")[1:]:
        found = found[int(key)] if isinstance(found, list) else found[key]
    return found


async def test_what_was_cut_off_has_come_to_its_end(kept_home: KeptHome) -> None:
    """As the attempt that it was, asked for by whom it was."""
    kept = json.loads((STORAGE / f"{STORE}.journal").read_text(encoding="utf-8"))
    assert (kept["state"], kept["version"]) == ("transferring", "1.2.0")
    assert not kept_home.file("journal").exists()
    assert kept_home.house.locks[BACK].version == "1.2.0"
    (outcome,) = kept_home.stored["locks"][LOCK_IDS["Back door"]]["history"]
    assert {
        key: outcome[key] for key in ("attempt", "kind", "from_version", "sha256")
    } == {
        "attempt": kept["attempt"],
        "kind": "succeeded",
        "from_version": "1.0.0",
        "sha256": kept["sha256"],
    }
    assert (outcome["origin"], outcome["started"]) == (kept["origin"], kept["started"])
    assert kept_home.stored["locks"][LOCK_IDS["Back door"]]["ran"] == ["1.0.0"]


async def test_what_is_in_the_vault_can_be_had(
    kept_home: KeptHome,
    hass_client: ClientSessionGenerator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """All copies are sound, in both places, but for the one that was damaged before."""
    home = kept_home
    await home.around.vendor.stop()
    answer = await home.act("test_vault")
    assert {name: place["copies"] for name, place in answer["places"].items()} == {
        "first": 4,
        "second": 4,
    }
    assert all(place["trouble"] is None for place in answer["places"].values())
    assert {each["version"] for each in answer["damaged"]} == {"0.9.0"}
    assert answer["unproven"] == []
    assert answer["sound"] == 6
    assert "vault_damaged" in home.issues()
    targets = DATA / "vendor" / "repository" / "targets" / "kl-1"
    published = {
        path.name.partition(".")[0]: path.read_bytes() for path in targets.iterdir()
    }
    # It cannot write down what a clock says that was set for a test.
    caplog.set_level(logging.CRITICAL, "aiohttp.access")
    client = await hass_client()
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        told = await home.act(
            "export_firmware", entity_id="update.front_door_firmware", version=version
        )
        response = await client.get(told["url"])
        assert await response.read() == published[told["sha256"]]
    # It is opened with the key that was kept.
    assert (
        home.file("lockbox").read_bytes() == (STORAGE / f"{STORE}.lockbox").read_bytes()
    )


async def test_the_audit_log_goes_on(kept_home: KeptHome) -> None:
    """It is not taken for broken, and each line follows from the one before."""
    before = (STORAGE / f"{STORE}.audit").read_bytes()
    after = kept_home.file("audit").read_bytes()
    assert after.startswith(before)
    assert len(after) > len(before)
    assert "audit_broken" not in kept_home.issues()
    last = bytes(32)
    lines = [json.loads(line) for line in after.splitlines()]
    for number, line in enumerate(lines, 1):
        told = bytes.fromhex(line.pop("hash"))
        text = json.dumps(line, sort_keys=True, separators=(",", ":"))
        assert line["n"] == number
        assert hashlib.sha256(last + text.encode("ascii")).digest() == told
        last = told
    assert {"approved", "installation_ended", "vault_tested"} <= {
        line["event"] for line in lines
    }


async def test_snapshots_and_what_is_different(kept_home: KeptHome) -> None:
    """They are listed, still differ, and the comparison that was due is made."""
    home = kept_home
    name = f"snapshots/{LOCK_IDS['Side door']}.json"
    kept = json.loads((STORAGE / f"{STORE}.{name}").read_text(encoding="utf-8"))
    assert kept["pending"] is not None
    on_disk = home.own / f"{STORE}.{name}"
    await until(
        lambda: json.loads(on_disk.read_text(encoding="utf-8"))["pending"] is None
    )
    await home.hass.async_block_till_done()
    listed = (await home.act("list_snapshots", entity_id=SIDE))["snapshots"]
    assert [each["snapshot"] for each in reversed(listed)] == [
        each["id"] for each in kept["snapshots"]
    ]
    for each in kept["snapshots"]:
        exported = await home.act(
            "export_snapshot", entity_id=SIDE, snapshot=each["id"]
        )
        assert exported["settings"] == each["settings"]
        assert exported["attempt"] == each["attempt"]
    after = json.loads(on_disk.read_text(encoding="utf-8"))
    assert set(lost(kept, after)) <= {
        "/pending",
        *(
            f"/snapshots/{number}/compared"
            for number, each in enumerate(kept["snapshots"])
            if each["id"] == kept["pending"]
        ),
        # What was found now stands before what was known.
        *(path for path in lost(kept, after) if path.startswith("/differences/")),
    }
    issue = home.issues()[f"settings_differ_{LOCK_IDS['Side door']}"]
    assert issue.is_fixable
    assert issue.translation_placeholders is not None
    changes = issue.translation_placeholders["changes"]
    for setting in ("Sound volume", "Night from", "Auto-relock time"):
        assert setting in changes
    why_not = {each["before"]["name"]: each["why_not"] for each in after["differences"]}
    assert why_not == {
        "Sound volume": "not_confirmed",
        "Night from": "not_confirmed",
        "Auto-relock time": None,
    }


async def test_holds_are_still_ours(kept_home: KeptHome) -> None:
    """What a person let go stays so, and ours is lifted when its lock is removed."""
    home = kept_home
    source = "update.side_door"
    await until(
        lambda: home.house.state("sensor.side_door_hold_not_a_lock").state == "held"
    )
    assert home.house.state(source).attributes["skipped_version"] == str(NEW + 2)
    assert home.house.state("sensor.garage_hold_not_a_lock").state == "cleared"
    assert home.house.state("update.garage").state == "on"
    home.hass.config_entries.async_remove_subentry(
        home.house.entry, LOCK_IDS["Side door"]
    )
    await until(lambda: home.house.state(source).state == "on")


async def test_what_people_decided_counts(kept_home: KeptHome) -> None:
    """In the plan of each lock."""
    home = kept_home
    decided = read_kept(STORE)["data"]["decisions"]
    front = await home.act("get_plan", entity_id="update.front_door_firmware")
    assert front["version"] == "1.2.0"
    assert front["approved_by"] == "Resident"
    assert front["overrides_until"] is not None
    assert front["starts_at"] is not None
    at_ = dt_util.parse_datetime(
        decided[LOCK_IDS["Front door"]]["scheduled_at"], raise_on_error=True
    )
    assert dt_util.parse_datetime(front["starts_at"]) == at_
    assert front["rollback_versions"] == []
    waiting = {
        name: (await home.act("get_plan", entity_id=entity_id))["waiting_for"]
        for name, entity_id in {
            "Garage": "update.garage_guarded_firmware",
            "Attic": "update.attic_watched_firmware",
            "Side door": SIDE,
        }.items()
    }
    assert waiting == {"Garage": "pinned", "Attic": "skipped", "Side door": "approval"}
    assert f"aftercare_recalibrate_{LOCK_IDS['Cellar']}" in home.issues()


async def test_what_the_owner_has_set_holds(kept_home: KeptHome) -> None:
    """It is left as it was, and is shown where it can be changed."""
    home = kept_home
    entry = home.hass.config_entries.async_get_entry(ENTRY_ID)
    assert entry is not None
    assert {**entry.options, "second_place": KEPT_ENTRY["options"]["second_place"]} == (
        KEPT_ENTRY["options"]
    )
    for kept in KEPT_ENTRY["subentries"]:
        subentry = entry.subentries[kept["subentry_id"]]
        data = {**subentry.data}
        if kept["subentry_type"] == "feed":
            data["url"] = kept["data"]["url"]
        assert data == kept["data"]
        assert (subentry.title, subentry.unique_id) == (
            kept["title"],
            kept["unique_id"],
        )
    assert "kind" not in entry.subentries[LOCK_IDS["Cellar"]].data
    # Each option under its own step, as a person finds it.
    shown: dict[str, Any] = {}
    flows = home.hass.config_entries.options
    for step in ("quiet_hours", "night", "people", "indexes"):
        result = await flows.async_init(ENTRY_ID)
        result = await flows.async_configure(result["flow_id"], {"next_step_id": step})
        schema = result["data_schema"]
        assert schema is not None
        shown |= {
            str(key): (key.description or {}).get("suggested_value")
            for key in schema.schema
        }
        flows.async_abort(result["flow_id"])
    assert shown == {
        "weekdays": ["0", "2", "4"],
        "start": "01:30:00",
        "end": "05:15:00",
        "gate_entity": "input_boolean.updates_welcome",
        # Nobody could set these yet.
        "hold_entity": None,
        "learn": False,
        "learn_start": "22:00:00",
        "learn_end": "06:00:00",
        "notice_at": "19:45:00",
        "soak_days": 4,
        "two_entry_doors": True,
        "phones": ["mobile_app_phone"],
        "notify": ["notify.family"],
        "everything": True,
        "indexes": ["zwave_js"],
    }


async def test_diagnostics_tell_the_same(kept_home: KeptHome) -> None:
    """Kinds, policies and links, as they were set."""
    data = await async_get_config_entry_diagnostics(
        kept_home.hass, kept_home.house.entry
    )
    locks = {
        name: data["locks"][lock_id]
        for name, lock_id in LOCK_IDS.items()
        if lock_id in data["locks"]
    }
    assert {name: each["kind"] for name, each in locks.items()} == {
        "Front door": "direct",
        "Back door": "direct",
        "Cellar": "direct",
        "Side door": "guarded",
        "Garage": "guarded",
        "Attic": "watched",
    }
    side = locks["Side door"]
    assert side["links"] == {
        "lock_entity": "lock.side_door",
        "battery_entity": "sensor.side_door_battery",
        "door_entity": "binary_sensor.side_door_contact",
    }
    assert side["policy"]["mode"] == "automatic"
    assert side["policy"]["approval"] == "person"
    assert side["policy"]["may_move_bolt"] is True
    assert side["policy"]["second_entry"] is True
    assert side["policy"]["quiet_hours"] is not None
    assert side["policy"]["consent"] is not None
    assert data["vault"]
