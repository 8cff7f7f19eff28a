"""The demo: a whole Home Assistant with Nightlatch, a vendor and two virtual locks.

scripts/demo runs this. Everything is real but the locks, the radio and the vendor.
"""

import argparse
import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
import json
from pathlib import Path
import signal
import sys
from typing import Any

from .home import PASSWORD, USERNAME, Home
from .home_client import FlowKind, HomeClient, HomeError
from .link import LinkModel
from .lock import VirtualLock
from .proxy import EsphomeProxy
from .scene import MODELS, VENDOR, lock_form, make_lock, publish
from .vendor import Vendor

DIRECTORY = Path(__file__).parents[2] / ".dev" / "demo"
DOORS = {
    "Front door": ("C0:4E:1A:7C:00:11", "0411"),
    "Garden door": ("C0:4E:1A:7C:00:52", "0452"),
}
UPDATE = "update.front_door_firmware"
# A usual lock behind a usual proxy: 30 ms, two packets an interval, about 10 kB/s.
LINK = LinkModel(
    connection_interval=0.03, packets_per_interval=2, honours_fast_interval=False
)
READY_TIMEOUT = 60.0
INSTALL_TIMEOUT = 600.0
_BAR_WIDTH = 40


@dataclass(kw_only=True)
class Demo:
    """Everything that runs."""

    home: Home
    vendor: Vendor
    proxy: EsphomeProxy
    locks: dict[str, VirtualLock]

    @property
    def client(self) -> HomeClient:
        """The way to ask Home Assistant."""
        return self.home.client


@asynccontextmanager
async def running(
    directory: Path,
    set_up: Callable[[Demo], Awaitable[None]],
    *,
    configuration: str = "",
    severity: str = "high",
) -> AsyncGenerator[Demo]:
    """Start the rig and Home Assistant; set up what a user would, the first time."""
    ports = _load_ports(directory)
    vendor = Vendor.load_or_create(directory / "vendor", name=VENDOR, models=MODELS)
    for version in ("1.0.0", "1.1.0"):
        publish(vendor, version, severity=severity)
    proxy = EsphomeProxy(
        "hallway-proxy", "A0:B7:65:4C:3D:10", port=ports.get("proxy", 0)
    )
    await vendor.start(ports.get("vendor", 0))
    await proxy.start()
    locks = {}
    for name, (address, serial_number) in DOORS.items():
        locks[name] = make_lock(vendor, address, serial_number=serial_number)
        proxy.add(locks[name], LINK)
    home = Home(
        directory / "home",
        port=ports.get("home", 0),
        environment={"NIGHTLATCH_ALLOW_LOOPBACK_HTTP": "1"},
        configuration=configuration,
    )
    try:
        async with home:
            demo = Demo(home=home, vendor=vendor, proxy=proxy, locks=locks)
            if not ports:
                await set_up(demo)
                _save_ports(directory, demo)
            yield demo
    finally:
        await proxy.stop()
        await vendor.stop()


def _load_ports(directory: Path) -> dict[str, int]:
    """Return the ports that Home Assistant was told, if it was."""
    try:
        ports: dict[str, int] = json.loads((directory / "ports.json").read_text())
    except FileNotFoundError:
        directory.mkdir(parents=True, exist_ok=True)
        return {}
    return ports


def _save_ports(directory: Path, demo: Demo) -> None:
    """Take note that everything is set up, and where."""
    ports = {
        "home": int(demo.home.url.rsplit(":", 1)[1]),
        "proxy": demo.proxy.port,
        "vendor": int(demo.vendor.url.rstrip("/").rsplit(":", 1)[1]),
    }
    (directory / "ports.json").write_text(json.dumps(ports))


async def set_up(demo: Demo) -> None:
    """Add everything as it comes."""
    entry_id = await set_up_household(demo)
    for name, (address, _) in DOORS.items():
        await add_lock(demo.client, entry_id, address, lock_form(name))


async def set_up_household(demo: Demo) -> str:
    """Do what a user does, through the flows of the user interface."""
    client = demo.client
    await demo.home.add_proxy(demo.proxy)
    result = await client.finish_flow(FlowKind.ENTRY, "nightlatch", {})
    entry_id: str = result["result"]["entry_id"]
    await client.finish_flow(
        FlowKind.SUBENTRY,
        (entry_id, "feed"),
        {"url": demo.vendor.url, "root": demo.vendor.root.decode()},
        {},
    )
    return entry_id


async def add_lock(
    client: HomeClient, entry_id: str, address: str, form: dict[str, Any]
) -> None:
    """Add a lock, as soon as Home Assistant hears it."""
    handler = (entry_id, "lock")
    async with asyncio.timeout(READY_TIMEOUT):
        while True:
            step = await client.start_flow(FlowKind.SUBENTRY, handler)
            if address in _offered(step):
                break
            await asyncio.sleep(0.2)
    for answer in ({"address": address}, form):
        step = await client.continue_flow(FlowKind.SUBENTRY, step["flow_id"], answer)
    if step["type"] != "create_entry":
        raise HomeError(f"{form['name']} could not be added: {step}")


def _offered(step: dict[str, Any]) -> set[str]:
    """Return the addresses that a form offers."""
    options = step["data_schema"][0]["selector"]["select"]["options"]
    return {option["value"] for option in options}


async def install(demo: Demo) -> str:
    """Press Install for the front door and follow it; return the line that tells it."""
    client = demo.client
    state = await client.wait_for_state(UPDATE, _is_offered, READY_TIMEOUT)
    before = state["attributes"]["installed_version"]
    loop = asyncio.get_running_loop()
    started = loop.time()
    async with client.subscription(
        "subscribe_events", event_type="state_changed"
    ) as events:
        bar = asyncio.create_task(_show_progress(events))
        try:
            await client.call_service(
                "update", "install", UPDATE, timeout=INSTALL_TIMEOUT
            )
        finally:
            bar.cancel()
            print()
    seconds = loop.time() - started
    state = await client.state(UPDATE)
    if state is None:
        raise HomeError("the update entity has gone")
    after = state["attributes"]["installed_version"]
    wanted = state["attributes"]["latest_version"]
    if after != wanted or demo.locks["Front door"].version != wanted:
        raise HomeError(f"the front door runs {after}, not {wanted}")
    return f"front door: {before} -> {after}, verified, {seconds:.1f} s"


def _is_offered(state: dict[str, Any]) -> bool:
    attributes = state["attributes"]
    return bool(
        state["state"] == "on"
        and attributes["installed_version"] == "1.0.0"
        and not attributes["in_progress"]
    )


async def _show_progress(events: asyncio.Queue[Any]) -> None:
    """Draw the entity's own percentage."""
    while True:
        data = (await events.get())["data"]
        if data["entity_id"] != UPDATE or data["new_state"] is None:
            continue
        attributes = data["new_state"]["attributes"]
        if not attributes["in_progress"]:
            continue
        percentage = attributes["update_percentage"]
        done = round((percentage or 0) / 100 * _BAR_WIDTH)
        bar = "#" * done + "." * (_BAR_WIDTH - done)
        shown = "preparing" if percentage is None else f"{percentage:3.0f} %"
        print(f"\rfront door [{bar}] {shown:<9}", end="", flush=True)


async def stay(demo: Demo) -> None:
    """Say where Home Assistant is and run until a person has seen enough."""
    print(f"Home Assistant:  {demo.home.url}")
    print(f"Log in as:       {USERNAME} / {PASSWORD}")
    print("The locks are under Settings > Devices & services > Nightlatch.")
    print("Ctrl-C ends it.", flush=True)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    print("Stopping.")


async def _run(options: argparse.Namespace) -> None:
    # It is made of what is here.
    from .tonight import tonight

    print("Starting the rig and Home Assistant ...", flush=True)
    if options.tonight:
        await tonight()
        return
    async with running(DIRECTORY, set_up) as demo:
        if options.install:
            print(await install(demo), flush=True)
        else:
            await stay(demo)


def main() -> int:
    """Run the demo; return 0 only if all went as it should."""
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__)
    parser.add_argument(
        "--install",
        action="store_true",
        help="install the update on the front door, follow it, and end",
    )
    parser.add_argument(
        "--tonight",
        action="store_true",
        help="let the night come at once: the schedule updates both locks, and ends",
    )
    options = parser.parse_args()
    try:
        asyncio.run(_run(options))
    except (HomeError, TimeoutError, OSError) as err:
        print(f"The demo failed: {err or type(err).__name__}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
