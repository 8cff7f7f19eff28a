"""A house that lives through a year, in a Home Assistant of this process.

Begun by ``benchmarks.year``, as a program of its own: its clock is put in before anything
of Home Assistant is there. What is under way goes minute by minute, as do the first hours
of the first day and of each month; nights in which something may be begun go in leaps of five minutes, and all
other time in leaps of an hour.
"""

# ruff: noqa: E402
import sys

from benchmarks.year_clock import LOOP, seconds, take_over, utcnow

take_over()

import argparse
import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
import faulthandler
import gc
import json
import os
from pathlib import Path
from random import Random
import sqlite3
from time import process_time
import traceback
from typing import Any, Final

from benchmarks.scale_house import DOMAIN, entry_of, lock_subentry
from benchmarks.year_doors.door import DOMAIN as DOORS_DOMAIN, DOORS, Door
from homeassistant import auth, bootstrap, config_entries, loader, runner
from homeassistant.auth.const import GROUP_ID_ADMIN
from homeassistant.components.http.config import DATA_STORE
from homeassistant.components.recorder import get_instance
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import (
    Context,
    Event,
    EventStateChangedData,
    HomeAssistant,
    callback,
)
from homeassistant.core_config import async_process_ha_core_config
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from homeassistant.helpers.json import json_bytes
from homeassistant.helpers.recorder import async_initialize_recorder
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from homeassistant.util.async_ import get_scheduled_timer_handles

MODULES: Final = f"custom_components.{DOMAIN}"
ZONE: Final = "Europe/Berlin"
"""Its clocks are put forward and back in the year."""
MODELS: Final = ("M1", "M2", "M3")
NIGHT: Final = range(2 * 60 - 30, 5 * 60 + 30)
"""The minutes of a day around the quiet hours."""
A_NIGHTS_LEAP, A_LEAP = 5, 60
"""Minutes."""
DEADLINES: Final = 25.0
"""Seconds before a leap in which whatever has a deadline comes to its end."""
KEPT_DAYS: Final = 10
"""Days for which the recorder keeps states, as it does by itself."""
A_DAY: Final = 600
"""Real seconds within which a day is over."""
RESTART, AWAY, LONG_AWAY = 15, 20, 25
"""Days of the month on which Home Assistant restarts, and the maker's hub is away."""


@dataclass
class Changes:
    """Which states of ours are new, and how often."""

    of_day: Counter[str] = field(default_factory=Counter)
    in_minute: dict[str, float] = field(default_factory=dict)
    run: Counter[str] = field(default_factory=Counter)
    """In how many minutes on end a state was new, by now."""
    longest: Counter[str] = field(default_factory=Counter)
    """The same, at the most, since the month began."""
    busiest: Counter[str] = field(default_factory=Counter)
    """The most of a day since the month began."""
    total: int = 0
    largest: int = 0
    """Bytes of the largest attributes that the recorder was given."""
    largest_of: str = ""

    def day_is_over(self) -> None:
        """Begin another day."""
        for entity_id, number in self.of_day.items():
            self.busiest[entity_id] = max(self.busiest[entity_id], number)
        self.of_day.clear()

    def month_is_over(self) -> None:
        """Begin another month."""
        self.longest.clear()
        self.busiest.clear()
        self.total = 0


class House:
    """A house, its doors, and who lives there."""

    def __init__(self, folder: Path, doors: int, http_port: int, seed: int = 1) -> None:
        """Hang the doors."""
        self._folder = folder
        self._http_port = http_port
        self._random = Random(seed)
        self.doors = [
            Door(
                number=number,
                model=MODELS[number % len(MODELS)],
                installed="1.0.0",
                latest="1.0.0",
                ends=self._ends,
                can_install=number % 3 != 2 or doors < 3,
                battery=60 + self._random.random() * 40,
            )
            for number in range(doors)
        ]
        self.hass: HomeAssistant
        self.changes = Changes()
        self.ends: Counter[str] = Counter()
        self.deeds: Counter[str] = Counter()
        self.people: list[str] = []
        """The ids of the accounts of who lives there now."""
        self.restarts = 0
        self.lived = 0
        """Days."""

    def _ends(self, door: Door) -> str:
        lot = self._random.random()
        end = "fails" if lot < 0.08 else "rolled_back" if lot < 0.12 else "well"
        self.ends[end] += 1
        return end

    # Home Assistant.

    async def start(self) -> None:
        """Start Home Assistant with what it has kept."""
        with LOOP.real_time():
            await self._start()

    async def _start(self) -> None:
        hass = self.hass = HomeAssistant(str(self._folder))
        hass.config.skip_pip = True
        loader.async_setup(hass)
        hass.config_entries = config_entries.ConfigEntries(hass, {})
        await loader.async_get_custom_components(hass)
        await bootstrap.async_load_base_functionality(hass)
        hass.auth = await auth.auth_manager_from_config(hass, [], [])
        await async_process_ha_core_config(hass, {"time_zone": ZONE})
        hass.data[DOORS] = self.doors
        async_initialize_recorder(hass)
        recorder = {"db_url": f"sqlite:///{self.database}", "commit_interval": 300}
        assert await async_setup_component(
            hass, "recorder", {"recorder": {**recorder, "purge_keep_days": KEPT_DAYS}}
        )
        http = {"server_host": ["127.0.0.1"], "server_port": self._http_port}
        for domain in ("homeassistant", "persistent_notification", "http"):
            assert await async_setup_component(hass, domain, {"http": http})
        if hass.data[DATA_STORE].pending is not None:
            # As a person does who sees that it works.
            await hass.data[DATA_STORE].async_promote_pending()
        for domain in ("websocket_api", "file_upload", "bluetooth_adapters"):
            assert await async_setup_component(hass, domain, {})
        hass.bus.async_listen(EVENT_STATE_CHANGED, self._state_changed)
        for domain in (DOORS_DOMAIN, DOMAIN):
            assert await async_setup_component(hass, domain, {})
        await hass.async_start()
        await self.settle()

    async def stop(self) -> None:
        """Stop it, with all that is to be kept on disk."""
        with LOOP.real_time():
            await self.hass.async_stop()
        # What else would be the next process has the same loop here: nothing that waits
        # for its time outlives a process.
        vars(LOOP).pop("_shutdown_run_callback_threadsafe", None)
        for waiting in get_scheduled_timer_handles(LOOP):
            waiting.cancel()
        for door in self.doors:
            door.entities.clear()

    async def restart(self) -> None:
        """Stop it, and start it again."""
        await self.stop()
        await self.start()
        assert self.nightlatch.state is ConfigEntryState.LOADED
        self.restarts += 1

    async def settle(self) -> None:
        """Wait until nothing is done, and nothing waits for the disk."""
        await self.hass.async_block_till_done()

    @property
    def database(self) -> Path:
        """Where the recorder writes."""
        return self._folder / "home-assistant_v2.db"

    @property
    def nightlatch(self) -> ConfigEntry:
        """The entry."""
        return self.hass.config_entries.async_entries(DOMAIN)[0]

    async def furnish(self) -> None:
        """Add the maker's integration and Nightlatch, as people do once."""
        entries = self.hass.config_entries
        await entries.async_add(entry_of(DOORS_DOMAIN, {}, version=1))
        await self.settle()
        registry = er.async_get(self.hass)
        subentries = []
        for door in self.doors:
            update = registry.async_get(f"update.door_{door.number}")
            assert update is not None
            subentries.append(
                lock_subentry(
                    door.number,
                    update,
                    watched=not door.can_install,
                    model=door.model,
                    battery_entity=f"sensor.door_{door.number}",
                    door_entity=f"binary_sensor.door_{door.number}",
                    no_door_sensor=False,
                    approval="person" if door.number % 5 == 0 else "none",
                    consent={
                        "user_id": None,
                        "user_name": None,
                        "at": utcnow().isoformat(),
                    },
                )
            )
        await entries.async_add(entry_of(DOMAIN, {}, version=1))
        entry = self.nightlatch
        entries.async_update_entry(entry, options={"soak_days": 2})
        for subentry in subentries:
            entries.async_add_subentry(entry, subentry)
        await self.settle()

    # What happens.

    @callback
    def _state_changed(self, event: Event[EventStateChangedData]) -> None:
        entity_id, state = event.data["entity_id"], event.data["new_state"]
        registered = er.async_get(self.hass).async_get(entity_id)
        if registered is None or registered.platform != DOMAIN or state is None:
            return
        known = self.changes
        known.total += 1
        known.of_day[entity_id] += 1
        minute = seconds() // 60
        before = known.in_minute.get(entity_id)
        if before != minute:
            known.run[entity_id] = (
                known.run[entity_id] + 1 if before == minute - 1 else 1
            )
            # What a person watches may tell each percent of an installation.
            known.longest[entity_id] = max(
                known.longest[entity_id], known.run[entity_id]
            )
            known.in_minute[entity_id] = minute
        info = state.state_info
        kept = state.attributes
        if info is not None and (left := info["unrecorded_attributes"]):
            kept = {key: each for key, each in kept.items() if key not in left}  # type: ignore[assignment]
        if (size := len(json_bytes(kept))) > known.largest:
            known.largest, known.largest_of = size, entity_id

    async def ask(self, action: str, number: int, user: str, **data: Any) -> None:
        """Let somebody ask Nightlatch for something."""
        entity_id = er.async_get(self.hass).async_get_entity_id(
            "update", DOMAIN, f"{self._subentry_id(number)}_firmware"
        )
        try:
            await self.hass.services.async_call(
                DOMAIN,
                action,
                {"entity_id": entity_id, **data},
                blocking=True,
                context=Context(user_id=user),
            )
        except HomeAssistantError:
            self.deeds[f"{action}, refused"] += 1
        else:
            self.deeds[action] += 1

    def _subentry_id(self, number: int) -> str:
        return next(
            each.subentry_id
            for each in self.nightlatch.subentries.values()
            if each.title == f"Door {number}"
        )

    async def morning(self, day: date) -> None:
        """Let come and go who and what does, at eight."""
        random, hass = self._random, self.hass
        for number, model in enumerate(MODELS):
            if day.day == 3 + 6 * number:
                version = f"1.{day.month + 12 * (day.year - 2026)}.0"
                for door in self.doors:
                    if door.model == model:
                        door.latest = version
                        door.told()
        for door in self.doors:
            door.battery -= random.random()
            if door.battery < 15:
                door.battery = 100.0
        if day.day == 2:
            user = await hass.auth.async_create_user(
                f"Guest {day.month}", group_ids=[GROUP_ID_ADMIN]
            )
            self.people.append(user.id)
            if len(self.people) > 3:
                gone = await hass.auth.async_get_user(self.people.pop(1))
                assert gone is not None
                await hass.auth.async_remove_user(gone)
        if self.people:
            user_id, number = (
                random.choice(self.people),
                random.randrange(len(self.doors)),
            )
            match day.day % 7:
                case 0:
                    await self.ask("postpone", number, user_id, days=3)
                case 3:
                    await self._skip(number, user_id)
            for door in self.doors:
                if door.number % 5 == 0 and door.installed != door.latest:
                    await self.ask("approve", door.number, user_id, version=door.latest)
        if day.day in {AWAY, LONG_AWAY}:
            self._tell(available=False)
        elif day.day == LONG_AWAY + 2:
            self._tell(available=True)
        if day.day == RESTART:
            await self.restart()

    async def _skip(self, number: int, user: str) -> None:
        entity_id = er.async_get(self.hass).async_get_entity_id(
            "update", DOMAIN, f"{self._subentry_id(number)}_firmware"
        )
        state = self.hass.states.get(str(entity_id))
        if state is not None and state.state == "on":
            await self.hass.services.async_call(
                "update",
                "skip",
                {"entity_id": entity_id},
                blocking=True,
                context=Context(user_id=user),
            )
            self.deeds["skip"] += 1

    def _tell(self, *, available: bool) -> None:
        for door in self.doors:
            door.available = available
            door.told()

    async def hour(self, day: date, hour: int) -> None:
        """Let people use the doors, and a hub that was away for an afternoon come back."""
        if hour in {7, 8, 12, 17, 18, 21}:
            for door in self.doors:
                if self._random.random() < 0.5:
                    door.locked = door.shut = False
                    door.told()
        if hour in {9, 13, 19, 22}:
            for door in self.doors:
                door.locked = door.shut = True
                door.told()
        if day.day == AWAY and hour == 14:
            self._tell(available=True)
        if hour == 12:
            # By hand, where only a person can.
            for door in self.doors:
                if (
                    not door.can_install
                    and door.available
                    and door.installed != door.latest
                    and self._random.random() < 0.1
                ):
                    door.runs(self.hass, door.latest)
                    self.deeds["by hand"] += 1

    async def live(self, day: date) -> None:
        """Live through a day of the house's clock, from midnight to midnight."""
        zone = dt_util.get_default_time_zone()
        begin = datetime.combine(day, time(), zone).timestamp()
        end = datetime.combine(day + timedelta(days=1), time(), zone).timestamp()
        hours = set[int]()
        while seconds() < end - 1:
            passed = int(seconds() - begin) // 60
            hour = dt_util.now().hour
            if hour not in hours:
                hours.add(hour)
                if hour == 8:
                    await self.morning(day)
                await self.hour(day, hour)
            if not (
                any(door.at_work for door in self.doors)
                or (passed < NIGHT.stop and (day.day == 1 or self.lived == 0))
            ):
                leap = A_NIGHTS_LEAP if passed in NIGHT and self._offered else A_LEAP
                await self._leap(leap * 60)
            await asyncio.sleep(60 - seconds() % 60 + 0.5)
            await self.settle()
        self.changes.day_is_over()
        self.lived += 1
        with LOOP.real_time():
            await get_instance(self.hass).async_block_till_done()

    @property
    def _offered(self) -> bool:
        """Return whether there is anything that a night may install."""
        return any(door.installed != door.latest for door in self.doors)

    async def _leap(self, length: int) -> None:
        """Go to the last second before so much time is over by the clock."""
        await self._come_to_rest()
        LOOP.leap(max(0.0, length - 1 - (seconds() % length)))

    async def _come_to_rest(self) -> None:
        await asyncio.sleep(DEADLINES)
        await self.settle()
        while LOOP.threads:
            await asyncio.wait(tuple(LOOP.threads))

    async def leap_to(self, moment: datetime) -> None:
        """Go to a moment, in one leap."""
        await self._come_to_rest()
        LOOP.leap(max(0.0, moment.timestamp() - seconds()))
        await self.settle()

    # What there is.

    def measure(self, lived: int) -> dict[str, Any]:
        """Return what there is at the end of a month, after so many days."""
        # Twice: what only a finalizer lets go of.
        gc.collect()
        gc.collect()
        objects = Counter(
            type(each).__name__
            for each in gc.get_objects()
            if str(type(each).__module__).startswith(MODULES)
        )
        hass, changes = self.hass, self.changes
        storage = self._folder / ".storage"
        sizes = dict(_sizes(storage))
        ours = {
            each.entity_id
            for each in er.async_get(hass).entities.values()
            if each.platform == DOMAIN
        }
        rows, busiest_rows = self._rows(ours)
        entities = max(1, len(ours))
        found = {
            "rss_mb": int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6,
            "objects": objects.total(),
            "most_objects": objects.most_common(8),
            "entities": len(ours),
            "storage_bytes": sum(sizes.values()),
            "audit_bytes": sum(
                size for name, size in sizes.items() if ".audit" in name
            ),
            "vault_bytes": sum(
                size for name, size in sizes.items() if ".vault" in name
            ),
            "store_bytes": sizes.get(f"{DOMAIN}.{self.nightlatch.entry_id}", 0),
            "files": len(sizes),
            "rows": rows,
            "rows_per_entity_day": rows / entities / min(lived, KEPT_DAYS + 1),
            "busiest_rows": busiest_rows,
            "changes_busiest_day": max(changes.busiest.values(), default=0),
            "busiest_day_of": changes.busiest.most_common(5),
            "minutes_on_end": max(changes.longest.values(), default=0),
            "minutes_on_end_of": changes.longest.most_common(5),
            "largest_attributes": changes.largest,
            "largest_of": changes.largest_of,
            "repairs": sum(
                each.domain == DOMAIN and each.active
                for each in ir.async_get(hass).issues.values()
            ),
            "issues": sum(
                each.domain == DOMAIN for each in ir.async_get(hass).issues.values()
            ),
            "notifications": len(hass.data.get("persistent_notification", {})),
            "tasks": len(asyncio.all_tasks()),
            "listeners": sum(hass.bus.async_listeners().values()),
            "timers": sum(not each.cancelled() for each in LOOP._scheduled),  # type: ignore[attr-defined]  # noqa: SLF001
            "ends": dict(self.ends),
            "deeds": dict(self.deeds),
            "restarts": self.restarts,
        }
        changes.month_is_over()
        return found

    def _rows(self, ours: set[str]) -> tuple[int, int]:
        """Return how many states of ours are recorded, and the most of one entity."""
        with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True) as database:
            found = dict(
                database.execute(
                    "select m.entity_id, count(*) from states s"
                    " join states_meta m on m.metadata_id = s.metadata_id"
                    " group by m.entity_id"
                ).fetchall()
            )
        of_ours = [number for each, number in found.items() if each in ours]
        return sum(of_ours), max(of_ours, default=0)


def _sizes(storage: Path) -> Iterator[tuple[str, int]]:
    """Return the sizes of all that is ours in the storage."""
    for path in storage.rglob("*"):
        name = str(path.relative_to(storage))
        if name.startswith(DOMAIN) and path.is_file():
            yield name, path.stat().st_size


async def live(
    folder: Path, doors: int, days: int, http_port: int, every: int | None
) -> None:
    """Live so many days; tell of each month, or every so many days."""
    house = House(folder, doors, http_port)
    await house.start()
    await house.furnish()
    zone = dt_util.get_default_time_zone()
    first = dt_util.now().date()
    await house.leap_to(datetime.combine(first + timedelta(days=1), time(), zone))
    for number in range(1, days + 1):
        day = first + timedelta(days=number)
        # A house that is stuck says where, and ends.
        faulthandler.dump_traceback_later(A_DAY, exit=True)
        await house.live(day)
        print(f"{day}: {process_time():.1f} s of CPU", file=sys.stderr, flush=True)
        is_over = number % every == 0 if every else (day + timedelta(days=1)).day == 1
        if is_over or number == days:
            told = {"day": number, "date": day.isoformat(), **house.measure(number)}
            print(json.dumps(told), flush=True)
    await house.stop()


def main() -> int:
    """Live, and tell the months."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--doors", type=int, required=True)
    parser.add_argument("--days", type=int, required=True)
    parser.add_argument("--http-port", type=int, required=True)
    parser.add_argument("--every", type=int)
    arguments = parser.parse_args()

    def new_loop() -> asyncio.AbstractEventLoop:
        runner.configure_event_loop(LOOP)
        # Home Assistant puts the real clock into every loop.
        with suppress(AttributeError):
            del LOOP.time
        return LOOP

    with asyncio.Runner(loop_factory=new_loop) as loop:
        ended = 1
        try:
            loop.run(
                live(
                    arguments.folder,
                    arguments.doors,
                    arguments.days,
                    arguments.http_port,
                    arguments.every,
                )
            )
            ended = 0
        finally:
            if ended:
                traceback.print_exc()
            sys.stdout.flush()
            sys.stderr.flush()
            # What other threads still do is of no interest.
            os._exit(ended)


if __name__ == "__main__":
    sys.exit(main())
