"""The demo: a whole Home Assistant with Nightlatch, a vendor and four virtual locks.

Two Nightlatch updates itself, one of each kind that it can; one Zigbee2MQTT does, and
one only a person can.

scripts/demo runs this. Everything is real but the locks, the radio and the vendor.
"""

import argparse
import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
import json
from pathlib import Path
import shutil
import signal
import sys
from typing import Any

from .bolt_bridge import AUTO_LOCK_DELAY, BoltBridge, BridgedLock
from .home import PASSWORD, USERNAME, Home
from .home_client import FlowKind, HomeClient, HomeError
from .link import LinkModel
from .lock import VirtualLock
from .mcuboot_lock import VirtualMcubootLock
from .mosquitto import Broker, running_broker
from .ota_script import OtaScript
from .proxy import EsphomeProxy
from .scene import (
    MCUBOOT_MODELS,
    MODELS,
    VENDOR,
    WATCHED_MODEL,
    lock_form,
    make_lock,
    make_mcuboot_firmware,
    make_mcuboot_lock,
    make_release,
    publish,
    publish_by_hand,
    publish_mcuboot,
    watched_form,
)
from .vendor import Vendor
from .zigbee2mqtt import Zigbee2MqttBridge, ZigbeeLock

DIRECTORY = Path(__file__).parents[2] / ".dev" / "demo"
OWN_FEED = DIRECTORY.with_name("demo-own-feed")
FIRMWARE = DIRECTORY.with_name("demo-firmware")
"""Where the vendor is kept whose firmware somebody else puts into a feed."""
FRONT, GARDEN = "Front door", "Garden door"
SIDE, CELLAR = "Side door", "Cellar door"
LOCKS = (FRONT, GARDEN, SIDE, CELLAR)
ADDRESS, SERIAL_NUMBER = "C0:4E:1A:7C:00:11", "0411"
GARDEN_ADDRESS, GARDEN_SERIAL_NUMBER = "C0:4E:1A:7C:00:51", "0412"
GARDEN_BOLT = "lock.garden_door"
SIDE_ADDRESS = "0x588e81fffe411052"
ZIGBEE_OLD, ZIGBEE_NEW = 285_474_816, 285_671_424
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
    lock: VirtualLock
    """In the front door, with a Nordic bootloader: Nightlatch itself installs on it."""
    garden: VirtualMcubootLock
    """In the garden door, with MCUboot: Nightlatch itself installs on it too."""
    gateway: BoltBridge
    """Of the garden door's maker: shows its bolt, and knows nothing of firmware."""
    bridge: Zigbee2MqttBridge
    """Of the other two: one it updates, the other only its maker's app does."""
    broker: Broker

    @property
    def client(self) -> HomeClient:
        """The way to ask Home Assistant."""
        return self.home.client


def publish_all(vendor: Vendor, *, severity: str = "high") -> None:
    """Release what the locks run, and something newer."""
    for version in ("1.0.0", "1.1.0"):
        publish(vendor, version, severity=severity)
        publish_mcuboot(vendor, version, severity=severity)
    publish_by_hand(vendor, "1.1.0")


def kept_vendor(directory: Path) -> Vendor:
    """Return the vendor of all locks that is kept in a directory."""
    return Vendor.load_or_create(
        directory, name=VENDOR, models=(*MODELS, *MCUBOOT_MODELS)
    )


def give_firmware(vendor: Vendor, folder: Path) -> None:
    """Write what a vendor has before there is a feed: firmware, and who signs it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "firmware.pem").write_text(vendor.firmware_key_pem)
    for version in ("1.0.0", "1.1.0"):
        package = make_release(vendor, version)
        (folder / f"kestrel-one-{version}.zip").write_bytes(package)
    for version in ("1.1.0", "1.2.0"):
        image = make_mcuboot_firmware(vendor, version)
        (folder / f"kestrel-motor-{version}.bin").write_bytes(image)


@asynccontextmanager
async def running(
    directory: Path,
    set_up: Callable[[Demo], Awaitable[None]],
    *,
    releases: Callable[[Vendor], None] = publish_all,
    configuration: str = "",
    single_bank: bool = False,
    vendor: Vendor | None = None,
) -> AsyncGenerator[Demo]:
    """Start the rig and Home Assistant; set up what a user would, the first time.

    With ``single_bank`` the front door's lock has room for one firmware only. ``vendor``
    is another one than that of the demo, which is kept in the directory.
    """
    ports = await asyncio.to_thread(_load_ports, directory)
    vendor = vendor or kept_vendor(directory / "vendor")
    releases(vendor)
    proxy = EsphomeProxy(
        "hallway-proxy", "A0:B7:65:4C:3D:10", port=ports.get("proxy", 0)
    )
    await vendor.start(ports.get("vendor", 0))
    await proxy.start()
    lock = make_lock(
        vendor, ADDRESS, serial_number=SERIAL_NUMBER, single_bank=single_bank
    )
    proxy.add(lock, LINK)
    garden = make_mcuboot_lock(
        vendor, GARDEN_ADDRESS, serial_number=GARDEN_SERIAL_NUMBER
    )
    proxy.add(garden, LINK)
    home = Home(
        directory / "home",
        port=ports.get("home", 0),
        environment={"NIGHTLATCH_ALLOW_LOOPBACK_HTTP": "1"},
        configuration=configuration,
    )
    try:
        async with (
            running_broker(ports.get("broker", 0)) as broker,
            Zigbee2MqttBridge(host=broker.host, port=broker.port) as bridge,
            BoltBridge(host=broker.host, port=broker.port) as gateway,
            home,
        ):
            put_up(bridge)
            gateway.add(BridgedLock(name=GARDEN, lock=garden))
            demo = Demo(
                home=home,
                vendor=vendor,
                proxy=proxy,
                lock=lock,
                garden=garden,
                gateway=gateway,
                bridge=bridge,
                broker=broker,
            )
            if not ports:
                await set_up(demo)
                _save_ports(directory, demo)
            yield demo
    finally:
        await proxy.stop()
        await vendor.stop()


def _load_ports(directory: Path) -> dict[str, int]:
    """Return the ports that Home Assistant was told, if it was.

    What was set up with other locks than today's is begun anew.
    """
    try:
        ports: dict[str, int] = json.loads((directory / "ports.json").read_text())
    except FileNotFoundError:
        ports = {}
    if ports.get("locks") == len(LOCKS):
        return ports
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return {}


def _save_ports(directory: Path, demo: Demo) -> None:
    """Take note that everything is set up, and where."""
    ports = {
        "locks": len(LOCKS),
        "home": int(demo.home.url.rsplit(":", 1)[1]),
        "broker": demo.broker.port,
        "proxy": demo.proxy.port,
        "vendor": int(demo.vendor.url.rstrip("/").rsplit(":", 1)[1]),
    }
    (directory / "ports.json").write_text(json.dumps(ports))


def put_up(bridge: Zigbee2MqttBridge) -> None:
    """Hang the locks of the other integration into their doors."""
    bridge.add(
        ZigbeeLock(
            friendly_name=SIDE,
            ieee_address=SIDE_ADDRESS,
            installed_version=ZIGBEE_OLD,
            latest_version=ZIGBEE_NEW,
            script=OtaScript(duration=20.0, steps=20, reboot=5.0),
        )
    )
    bridge.add(
        ZigbeeLock(
            friendly_name=CELLAR,
            ieee_address="0x588e81fffe411099",
            manufacturer=VENDOR,
            model="Kestrel Cellar",
            model_id=WATCHED_MODEL,
            sw_build_id="1.0.0",
            updatable=False,
        )
    )


def set_by_owner(demo: Demo) -> None:
    """Let the garden door be set otherwise than new, which other firmware forgets."""
    (garden,) = demo.gateway.locks.values()
    garden.settings[AUTO_LOCK_DELAY] = "90"
    garden.forgets_settings = True
    demo.gateway.tell(garden)


async def set_up(demo: Demo) -> None:
    """Add everything as it comes."""
    entry_id = await set_up_household(demo)
    await add_lock(demo.client, entry_id, ADDRESS, lock_form(FRONT))
    await add_garden_lock(demo, entry_id)
    for name in (SIDE, CELLAR):
        await add_known_lock(demo.client, entry_id, name)


async def set_up_others(demo: Demo) -> None:
    """Add what was there before Nightlatch: a Bluetooth proxy, and MQTT."""
    await demo.home.add_proxy(demo.proxy)
    await demo.client.finish_flow(
        FlowKind.ENTRY,
        "mqtt",
        {
            "broker": demo.broker.host,
            "port": demo.broker.port,
            "other_settings": {"set_ca_cert": "off", "set_client_cert": False},
        },
    )


async def set_up_household(
    demo: Demo, feed: str | None = None, root: bytes | None = None
) -> str:
    """Do what a user does, through the flows of the user interface.

    ``feed`` and ``root`` are of another feed than the vendor's own.
    """
    client = demo.client
    await set_up_others(demo)
    result = await client.finish_flow(FlowKind.ENTRY, "nightlatch", {})
    entry_id: str = result["result"]["entry_id"]
    await client.finish_flow(
        FlowKind.SUBENTRY,
        (entry_id, "feed"),
        {
            "url": feed or demo.vendor.url,
            "root": (root or demo.vendor.root).decode(),
        },
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
    for answer in ({"locks": [address]}, form):
        step = await client.continue_flow(FlowKind.SUBENTRY, step["flow_id"], answer)
    if step["type"] != "create_entry":
        raise HomeError(f"{form['name']} could not be added: {step}")


async def add_garden_lock(demo: Demo, entry_id: str, **fields: Any) -> None:
    """Add the lock with MCUboot, with the lock entity that its gateway has for it."""
    await demo.client.wait_for_state(
        GARDEN_BOLT, lambda state: state["state"] == "locked", READY_TIMEOUT
    )
    form = lock_form(GARDEN, lock_entity=GARDEN_BOLT, **fields)
    await add_lock(demo.client, entry_id, GARDEN_ADDRESS, form)


async def add_known_lock(
    client: HomeClient, entry_id: str, name: str, **fields: Any
) -> None:
    """Add a lock that Home Assistant knows, with what is proposed for it."""
    handler = (entry_id, "lock")
    device = f"device:{await _device_id(client, name)}"
    async with asyncio.timeout(READY_TIMEOUT):
        while True:
            step = await client.start_flow(FlowKind.SUBENTRY, handler)
            if device in _offered(step):
                break
            await asyncio.sleep(0.2)
    step = await client.continue_flow(
        FlowKind.SUBENTRY, step["flow_id"], {"locks": [device]}
    )
    fill_in = watched_form if step["step_id"] == "watched" else lock_form
    form = {**fill_in(name, **fields), **_proposed(step["data_schema"])}
    door = next(each for each in step["data_schema"] if each["name"] == "door")
    form["door"] |= _proposed(door["schema"])
    form["door"]["no_door_sensor"] = "door_entity" not in form["door"]
    step = await client.continue_flow(FlowKind.SUBENTRY, step["flow_id"], form)
    if step["type"] != "create_entry":
        raise HomeError(f"{name} could not be added: {step}")


async def _device_id(client: HomeClient, name: str) -> str:
    """Return the id of a device, as soon as MQTT has brought it."""
    async with asyncio.timeout(READY_TIMEOUT):
        while True:
            for device in await client.command("config/device_registry/list"):
                if device["name"] == name:
                    return str(device["id"])
            await asyncio.sleep(0.2)


def _proposed(fields: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the entities that a form proposes."""
    return {
        field["name"]: field["description"]["suggested_value"]
        for field in fields
        if field["name"].endswith("_entity")
        and (field.get("description") or {}).get("suggested_value")
    }


def _offered(step: dict[str, Any]) -> set[str]:
    """Return what a form lists."""
    return {
        option["value"]
        for field in step["data_schema"]
        if field["name"] == "locks"
        for option in field["selector"]["select"]["options"]
    }


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
    if after != wanted or demo.lock.version != wanted:
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
    print(f"The panel:       {demo.home.url}/nightlatch")
    print(f"Log in as:       {USERNAME} / {PASSWORD}")
    print("The locks are under Settings > Devices & services > Nightlatch.")
    print("Ctrl-C ends it.", flush=True)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    print("Stopping.")


async def _try_feed(url: str, root_file: Path) -> None:
    """Update the front door out of somebody's feed of the demo's firmware."""
    root = await asyncio.to_thread(root_file.read_bytes)
    # Begun anew, or Home Assistant would go by the root of another try.
    await asyncio.to_thread(shutil.rmtree, OWN_FEED, ignore_errors=True)

    async def set_up_own(demo: Demo) -> None:
        entry_id = await set_up_household(demo, url, root)
        await add_lock(demo.client, entry_id, ADDRESS, lock_form(FRONT))

    async with running(
        OWN_FEED,
        set_up_own,
        releases=lambda _: None,
        vendor=await asyncio.to_thread(kept_vendor, FIRMWARE),
    ) as demo:
        print(await install(demo), flush=True)


async def _run(options: argparse.Namespace) -> None:
    # They are made of what is here.
    from .recover import recover
    from .tonight import tonight

    print("Starting the rig and Home Assistant ...", flush=True)
    if (whole := asyncio.current_task()) is not None:
        # Ctrl-C does this already: nothing that was started may outlive the demo.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, whole.cancel)
    if options.tonight:
        await tonight()
        return
    if options.recover:
        await recover()
        return
    if options.feed is not None:
        await _try_feed(options.feed, options.root)
        return
    async with running(DIRECTORY, set_up) as demo:
        set_by_owner(demo)
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
        help="let the night come at once: the schedule updates two locks, asks for the "
        "third, and ends",
    )
    parser.add_argument(
        "--recover",
        action="store_true",
        help="cut the power in the middle of an update, and let the firmware of another "
        "be bad; see that no lock is lost, and end",
    )
    parser.add_argument(
        "--firmware",
        type=Path,
        metavar="FOLDER",
        help="write firmware for the demo's locks, to put into a feed, and end",
    )
    parser.add_argument(
        "--feed",
        metavar="URL",
        help="install the update on the front door out of a feed of that firmware",
    )
    parser.add_argument(
        "--root", type=Path, metavar="FILE", help="the root.json of that feed"
    )
    options = parser.parse_args()
    if (options.feed is None) != (options.root is None):
        parser.error("--feed and --root go together")
    if options.firmware is not None:
        give_firmware(kept_vendor(FIRMWARE), options.firmware)
        return 0
    try:
        asyncio.run(_run(options))
    except (HomeError, TimeoutError, OSError) as err:
        print(f"The demo failed: {err or type(err).__name__}", file=sys.stderr)
        return 1
    except asyncio.CancelledError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
