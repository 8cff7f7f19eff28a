"""A house of many doors in a Home Assistant of this process, measured row by row.

Begun by ``benchmarks.scale``, as a program of its own: which Nightlatch it runs is the one
in its configuration's folder. It measures itself; what the doors do, it asks whoever has
begun it for, in lines of JSON: a broker and its clients are not to be counted here.
"""

import argparse
import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
import cProfile
import gc
import importlib
import json
import os
from pathlib import Path
import selectors
import sys
import threading
import time
from types import MappingProxyType
from typing import Any, Final, override

from homeassistant import bootstrap, config_entries, loader, runner
from homeassistant.config_entries import ConfigEntry, ConfigEntryState, ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.core_config import async_process_ha_core_config
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.storage import Store
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util

DOMAIN: Final = "nightlatch"
MODULES: Final = "custom_components.nightlatch"
OLD, NEW = "1.0.0", "1.1.0"
LONGEST: Final = 900.0
"""Seconds that a row may take before the run is given up."""
PLATFORMS: Final = (
    *("binary_sensor", "button", "calendar", "event", "lock", "sensor"),
    *("switch", "time", "update"),
)
_PAGE: Final = 4096


class Watch(selectors.DefaultSelector):
    """Notes how long the loop was busy between two looks at what has come in."""

    def __init__(self) -> None:
        """Begin."""
        super().__init__()
        self.longest = self.longest_wall = self.longest_collection = 0.0
        self._cpu: float | None = None
        self._wall = 0.0
        self._collecting = self._collected = 0.0
        self._thread = threading.get_ident()
        gc.callbacks.append(self._note_collection)

    def _note_collection(self, phase: str, _: dict[str, int]) -> None:
        """Note how long Python looks for what nobody refers to: at all there is."""
        if threading.get_ident() != self._thread:
            return
        if phase == "start":
            self._collecting = time.thread_time()
            return
        took = time.thread_time() - self._collecting
        self.longest_collection = max(self.longest_collection, took)
        self._collected += took

    def forget(self) -> None:
        """Begin anew."""
        self.longest = self.longest_wall = self.longest_collection = 0.0

    @override
    def select(self, timeout: float | None = None) -> Any:
        """Note the turn that ends, wait, and begin the next one."""
        if self._cpu is not None:
            busy = time.thread_time() - self._cpu - self._collected
            self.longest = max(self.longest, busy)
            self.longest_wall = max(self.longest_wall, time.perf_counter() - self._wall)
        found = super().select(timeout)
        self._cpu, self._wall = time.thread_time(), time.perf_counter()
        self._collected = 0.0
        return found


class Meter:
    """Counts what happens, and measures it by rows."""

    def __init__(self, watch: Watch, profile: Path | None) -> None:
        """Take who watches the loop, and where profiles go."""
        self._watch = watch
        self._profile = profile
        self.counts: Counter[str] = Counter()
        self.rows: dict[str, dict[str, float]] = {}
        self._count_callbacks()
        self._count_writes()

    def _count_callbacks(self) -> None:
        run, counts = asyncio.events.Handle._run, self.counts  # noqa: SLF001

        def counted(handle: asyncio.Handle) -> None:
            counts["callbacks"] += 1
            run(handle)

        asyncio.events.Handle._run = counted  # type: ignore[assignment, method-assign]  # noqa: SLF001

    def _count_writes(self) -> None:
        write, counts = Store._async_write_data, self.counts  # noqa: SLF001

        async def counted(store: Store[Any], data: dict[str, Any]) -> None:
            if store.key.startswith(DOMAIN):
                counts["writes"] += 1
            await write(store, data)

        Store._async_write_data = counted  # type: ignore[assignment, method-assign]  # noqa: SLF001

    def count_plans(self) -> None:
        """Count them, wherever this Nightlatch makes them."""
        plan = importlib.import_module(f"{MODULES}.core.schedule.plan")
        make, counts = plan.make_plan, self.counts

        def counted(planning: Any) -> Any:
            counts["plans"] += 1
            return make(planning)

        for module in tuple(sys.modules.values()):
            if getattr(module, "make_plan", None) is make:
                module.make_plan = counted  # type: ignore[attr-defined]

    def hold_minutes(self) -> None:
        """Let no minute pass by itself: its look would be in one row of some runs only.

        ``one look`` is such a minute. What is away in one is noted and written, and its
        lock looked at in those that follow: other rows would cost more by that, too.
        """
        scheduler = importlib.import_module(f"{MODULES}.scheduler")

        def never(*_: Any, **__: Any) -> Callable[[], None]:
            return lambda: None

        # Only there: it is what this Nightlatch follows the minutes with.
        assert scheduler.async_track_utc_time_change
        scheduler.async_track_utc_time_change = never  # type: ignore[attr-defined]

    @asynccontextmanager
    async def row(self, name: str) -> AsyncIterator[None]:
        """Measure what is done inside."""
        gc.collect()
        before = _forget_peak()
        profile = cProfile.Profile() if self._profile else None
        await asyncio.sleep(0)
        self._watch.forget()
        self.counts.clear()
        cpu, wall = time.process_time(), time.perf_counter()
        if profile is not None:
            profile.enable()
        yield
        # The turn that has brought it to its end counts too.
        await asyncio.sleep(0)
        if profile is not None:
            profile.disable()
            profile.dump_stats(str(self._profile / f"{name}.prof"))  # type: ignore[operator]
        self.rows[name] = {
            "cpu_s": time.process_time() - cpu,
            "wall_s": time.perf_counter() - wall,
            "block_ms": self._watch.longest * 1000,
            "block_wall_ms": self._watch.longest_wall * 1000,
            "collection_ms": self._watch.longest_collection * 1000,
            "writes": self.counts["writes"],
            "plans": self.counts["plans"],
            "callbacks": self.counts["callbacks"],
            "memory_mb": max(0.0, _peak() - before),
        }


def _forget_peak() -> float:
    """Let the peak be counted anew; return what is used now."""
    Path("/proc/self/clear_refs").write_text("5")
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * _PAGE / 1e6


def _peak() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError("the kernel tells of no peak")


class House:
    """The house."""

    def __init__(self, arguments: argparse.Namespace, meter: Meter) -> None:
        """Know how many doors it has, and whether Nightlatch is in it."""
        self.doors: int = arguments.doors
        self.alone: bool = arguments.alone
        self._port: int = arguments.port
        self._http_port: int = arguments.http_port
        self.meter = meter
        self.hass = HomeAssistant(str(arguments.folder))

    async def ask(self, what: str, **details: Any) -> None:
        """Let whoever has begun this do something with the doors."""
        print(json.dumps({"ask": what, **details}), flush=True)
        answer = await asyncio.to_thread(sys.stdin.readline)
        if answer.strip() != "done":
            raise RuntimeError(f"{what}: {answer!r}")

    async def open(self) -> None:
        """Start what is there without Nightlatch and MQTT, and load their programs."""
        hass = self.hass
        hass.config.skip_pip = True
        hass.config.config_dir = str(hass.config.config_dir)
        loader.async_setup(hass)
        http = {"server_host": ["127.0.0.1"], "server_port": self._http_port}
        hass.config_entries = config_entries.ConfigEntries(hass, {})
        await loader.async_get_custom_components(hass)
        await bootstrap.async_load_base_functionality(hass)
        await async_process_ha_core_config(hass, {"time_zone": "Europe/Amsterdam"})
        for domain in ("homeassistant", "persistent_notification", "http"):
            assert await async_setup_component(hass, domain, {"http": http})
        for domain in ("websocket_api", "file_upload", "bluetooth_adapters"):
            assert await async_setup_component(hass, domain, {})
        for domain in ("mqtt", DOMAIN):
            integration = await loader.async_get_integration(hass, domain)
            await integration.async_get_component()
            there = integration.platforms_exists([*PLATFORMS, "config_flow"])
            await integration.async_get_platforms(there)
        for domain in PLATFORMS:
            assert await async_setup_component(hass, domain, {})
        self.meter.count_plans()
        self.meter.hold_minutes()

    async def add_mqtt(self) -> None:
        """Add MQTT, as a person does once."""
        await self.hass.config_entries.async_add(
            entry_of("mqtt", {"broker": "127.0.0.1", "port": self._port}, version=2)
        )

    async def add_nightlatch(self) -> None:
        """Add Nightlatch with all doors; every third only its maker's app updates."""
        registry = er.async_get(self.hass)
        subentries = []
        for number in range(self.doors):
            entry = registry.async_get(f"update.door_{number}")
            assert entry is not None
            subentries.append(lock_subentry(number, entry, watched=number % 3 == 2))
        entries = self.hass.config_entries
        await entries.async_add(entry_of(DOMAIN, {}, version=1))
        # Taken over all at once, by a household that is there already.
        assert await entries.async_unload(self.nightlatch.entry_id)
        for subentry in subentries:
            entries.async_add_subentry(self.nightlatch, subentry)

    async def load_nightlatch(self) -> None:
        """Load it with all doors."""
        entries = self.hass.config_entries
        assert await entries.async_setup(self.nightlatch.entry_id)

    async def look(self) -> None:
        """Let Nightlatch look at everything, as each minute."""
        await self.nightlatch.runtime_data.scheduler.async_look(dt_util.utcnow())

    @property
    def nightlatch(self) -> ConfigEntry:
        """The entry."""
        return self.hass.config_entries.async_entries(DOMAIN)[0]

    def _ours(self) -> list[str]:
        # By their ids: a look at all that is registered would be the longest turn.
        registry = er.async_get(self.hass)
        found = (
            registry.async_get_entity_id("update", DOMAIN, f"{subentry_id}_firmware")
            for subentry_id in self.nightlatch.subentries
        )
        return [entity_id for entity_id in found if entity_id is not None]

    def _theirs(self) -> list[str]:
        return [f"update.door_{number}" for number in range(self.doors)]

    def all_show(self, version: str) -> bool:
        """Return whether all updates, the house's and ours, show what is the newest."""
        shown = self._theirs() if self.alone else self._theirs() + self._ours()
        if not self.alone and len(shown) < 2 * self.doors:
            return False
        return all(
            (state := self.hass.states.get(each)) is not None
            and state.attributes.get("latest_version") == version
            for each in shown
        )

    def all_are(self, *, away: bool) -> bool:
        """Return whether the house's updates are all away, or all there."""
        return all(
            (state := self.hass.states.get(each)) is not None
            and (state.state == "unavailable") is away
            for each in self._theirs()
        )

    async def settle(self, reached: Callable[[], bool]) -> None:
        """Return once something is so, everything is saved, and nothing is done."""
        async with asyncio.timeout(LONGEST):
            while not reached():  # noqa: ASYNC110  of states, which tell nobody
                await asyncio.sleep(0.1)
            quiet = 0
            while quiet < 3:
                before = self.meter.counts["callbacks"], self.meter.counts["writes"]
                await asyncio.sleep(0.2)
                callbacks = self.meter.counts["callbacks"] - before[0]
                wrote = self.meter.counts["writes"] > before[1]
                quiet = 0 if callbacks > 60 or wrote else quiet + 1

    async def close(self) -> None:
        """Stop, with all that is to be kept on disk."""
        await self.hass.async_stop()


def lock_subentry(
    number: int, update: er.RegistryEntry, *, watched: bool, **data: Any
) -> ConfigSubentry:
    """Return the subentry of a door, as a person adds it; ``data`` is what is else set."""
    data = {
        "kind": "watched" if watched else "guarded",
        "identity": {
            "manufacturer": "Maker",
            "model": data.pop("model", "M1"),
            "hardware_revision": None,
            "firmware_version": OLD,
            "serial_number": None,
            "battery": None,
        },
        "lock_entity": f"lock.door_{number}",
        "importance": "side",
        "mode": "automatic",
        "approval": "none",
        "no_door_sensor": True,
        "second_entry": True,
        "may_move_bolt": False,
        "version_entity" if watched else "update_entity": update.entity_id,
        **data,
    }
    return ConfigSubentry(
        data=MappingProxyType(data),
        subentry_type="lock",
        title=f"Door {number}",
        unique_id=update.device_id,
    )


def entry_of(domain: str, data: dict[str, Any], *, version: int) -> ConfigEntry:
    """Return an entry as a person makes it."""
    return ConfigEntry(
        data=data,
        discovery_keys=MappingProxyType({}),
        domain=domain,
        minor_version=1,
        options={},
        source="user",
        subentries_data=None,
        title=domain,
        unique_id=None,
        version=version,
    )


async def first_life(house: House) -> None:
    """Set everything up for the first time."""
    meter, hass = house.meter, house.hass
    await house.open()
    await hass.async_start()
    await house.add_mqtt()
    await house.ask("offer", version=OLD)
    await house.settle(lambda: bool(house.all_are(away=False)))
    if not house.alone:
        await house.add_nightlatch()
        async with meter.row("first set-up"):
            await house.load_nightlatch()
            await house.settle(lambda: house.all_show(OLD))
    await house.close()


async def second_life(house: House) -> None:
    """Start again with what is kept, and go through what happens in a house."""
    meter, hass = house.meter, house.hass
    await house.open()
    async with meter.row("start"):
        domains = ("mqtt",) if house.alone else ("mqtt", DOMAIN)
        await asyncio.gather(
            *(async_setup_component(hass, each, {}) for each in domains)
        )
        await hass.async_start()
        await house.settle(lambda: house.all_are(away=False) and house.all_show(OLD))
    if not house.alone:
        # The first one after a start is for all locks.
        async with meter.row("first look"):
            await house.look()
            await house.settle(lambda: True)
    async with meter.row("broker away"):
        await house.ask("away")
        await house.settle(lambda: house.all_are(away=True))
    async with meter.row("broker back"):
        await house.ask("back", version=OLD)
        await house.settle(lambda: house.all_are(away=False))
    async with meter.row("all offers new"):
        await house.ask("offer", version=NEW)
        await house.settle(lambda: house.all_show(NEW))
    if house.alone:
        return
    # The first one after an offer also tells people of it.
    await house.look()
    await house.settle(lambda: True)
    async with meter.row("one look"):
        await house.look()
    async with meter.row("reload"):
        await hass.config_entries.async_reload(house.nightlatch.entry_id)
        await house.settle(lambda: house.all_show(NEW))
    assert house.nightlatch.state is ConfigEntryState.LOADED


LIVES: Final[dict[str, Callable[[House], Awaitable[None]]]] = {
    "first": first_life,
    "second": second_life,
}


def main() -> int:
    """Live one life, and tell the rows."""
    parser = argparse.ArgumentParser()
    parser.add_argument("life", choices=LIVES)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--doors", type=int, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--http-port", type=int, required=True)
    parser.add_argument("--alone", action="store_true")
    parser.add_argument("--profile", type=Path)
    arguments = parser.parse_args()
    sys.path.insert(0, str(arguments.folder))
    watch = Watch()
    meter = Meter(watch, arguments.profile)

    def new_loop() -> asyncio.AbstractEventLoop:
        loop = asyncio.SelectorEventLoop(watch)
        runner.configure_event_loop(loop)
        return loop

    async def live() -> None:
        house = House(arguments, meter)
        await LIVES[arguments.life](house)
        print(json.dumps({"rows": meter.rows}), flush=True)

    with suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=new_loop) as loop:
        loop.run(live())
    sys.stdout.flush()
    # What other threads still do is of no interest.
    os._exit(0)


if __name__ == "__main__":
    main()
