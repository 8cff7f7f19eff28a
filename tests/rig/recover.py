"""A bad day of a household's locks, and what is left of them: scripts/demo --recover.

First the power goes in the whole house, in the middle of a transfer to the front door.
Its lock has room for one firmware only, and that is half there now; and when everything
is back the vendor is out of reach. Then the firmware for the garden door starts well
and jams the bolt. At the end the vault says what it keeps, in two places. Nothing is
sped up and nothing is faked; what the phone shows is printed as it comes.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
import shutil
from typing import Any

from .demo import (
    ADDRESS,
    DIRECTORY,
    FRONT,
    GARDEN,
    GARDEN_BOLT,
    INSTALL_TIMEOUT,
    READY_TIMEOUT,
    UPDATE,
    Demo,
    add_garden_lock,
    add_lock,
    running,
    set_up_household,
)
from .home_client import HomeError
from .image import Behaviour
from .lock_body import Bolt, LockBody, Mode
from .mcuboot_lock import VirtualMcubootLock
from .mcuboot_trailer import SwapType, next_swap
from .phone import Phone
from .scene import (
    IMAGE_SIZE,
    MCUBOOT_MODEL,
    MODEL,
    lock_form,
    make_firmware,
    make_mcuboot_firmware,
    publish,
    publish_mcuboot,
)
from .story import entry_id, say, set_option, show, tell_everything
from .vendor import Vendor

_DIRECTORY = DIRECTORY.with_name("recover")
_SECOND_PLACE = _DIRECTORY / "second-place"
_CONFIGURATION = "mobile_app:\n"
_OLD, _NEW = "1.0.0", "1.1.0"
_CUT_AT = 43
"""Percent of the firmware that the front door has when the power goes."""
_DARK = 2.0
"""Seconds until the lock has power again."""
_DOORS = {MODEL: FRONT, MCUBOOT_MODEL: GARDEN}
_GARDEN_UPDATE = "update.garden_door_firmware"
_LAST = {
    FRONT: "sensor.front_door_last_installation",
    GARDEN: "sensor.garden_door_last_installation",
}
_TIMEOUT = 600.0
# What is told of an end comes a moment after it.
_TELLING = 2.0


async def recover() -> None:
    """Let the day go wrong, and see that no lock is lost."""
    await asyncio.to_thread(shutil.rmtree, _DIRECTORY, ignore_errors=True)
    async with (
        asyncio.timeout(_TIMEOUT),
        running(
            _DIRECTORY,
            _set_up,
            releases=_release,
            configuration=_CONFIGURATION,
            single_bank=True,
        ) as demo,
    ):
        phone = await Phone.register(demo.client, "Anna")
        await tell_everything(demo.client, phone)
        await _lose_power(demo, phone)
        await _come_back(demo, phone)
        await _install_bad_firmware(demo, phone)
        await _look_into_the_vault(demo)
        say(f"front door: cut at {_CUT_AT} %, runs {_NEW} out of the vault: verified")
        say(f"garden door: jammed by {_NEW}, runs {_OLD} again: verified, told")


def _release(vendor: Vendor) -> None:
    """Release what the locks run and something newer, of which one is bad."""
    for version in (_OLD, _NEW):
        publish(vendor, version)
    publish_mcuboot(vendor, _OLD)
    publish_mcuboot(vendor, _NEW, behaviour=Behaviour.JAMS_BOLT)


async def _set_up(demo: Demo) -> None:
    """Add the two locks that Nightlatch itself brings firmware to.

    And name a second place for what it keeps of them.
    """
    household = await set_up_household(demo)
    await asyncio.to_thread(_SECOND_PLACE.mkdir)
    await set_option(
        demo.client,
        "vault",
        {
            "second_place": str(_SECOND_PLACE),
            "vault_limit": 64,
            "key_source": "storage",
        },
    )
    await add_lock(demo.client, household, ADDRESS, lock_form(FRONT))
    await add_garden_lock(demo, household)


# The front door.


async def _lose_power(demo: Demo, phone: Phone) -> None:
    """Install on the front door, and cut the power in the middle."""
    lock = demo.lock
    await _wait_for_offer(demo, UPDATE, _OLD)
    lock.cut_power_at(IMAGE_SIZE * _CUT_AT // 100, restore_after=_DARK)
    say(f"(somebody presses Install: front door, {_OLD} to {_NEW})")
    async with phone.on(show):
        pressed = asyncio.create_task(_press_install(demo, UPDATE))
        await _until_mode(lock, Mode.OFF)
    await demo.home.lose_power()
    await demo.proxy.stop()
    await demo.vendor.stop()
    await pressed
    say(f"(at {_CUT_AT} % the power goes: the lock's, the radio's, Home Assistant's)")
    _check(lock.version is None, "the front door still has firmware that runs")


async def _come_back(demo: Demo, phone: Phone) -> None:
    """Give the power back, and see that the front door is brought out by itself."""
    lock = demo.lock
    await _until_mode(lock, Mode.BOOTLOADER)
    say("(power again: nothing runs on the lock any more, it waits in its bootloader)")
    say("(the vendor is out of reach, and nobody presses anything)")
    await demo.proxy.start()
    await demo.home.start()
    say("(Home Assistant runs again)")
    phone.reach(demo.client)
    async with phone.on(show), _transfers(demo):
        await demo.client.wait_for_state(UPDATE, _runs(_NEW), INSTALL_TIMEOUT)
        await asyncio.sleep(_TELLING)
    installed = bytes(lock.flash.application[:IMAGE_SIZE])
    _check(installed == make_firmware(_NEW), "the front door has other firmware")
    _check(lock.mode is Mode.APPLICATION, "the front door does not run it")
    await _check_end(demo, FRONT, "succeeded")
    _check_told(phone, f"{FRONT} runs {_NEW} and works")
    await demo.vendor.start()
    say("(the vendor can be reached again)")


# The garden door.


async def _install_bad_firmware(demo: Demo, phone: Phone) -> None:
    """Install firmware that jams the bolt, and see that it is taken back."""
    client, lock = demo.client, demo.garden
    await client.call_service("nightlatch", "check_now", _GARDEN_UPDATE)
    await _wait_for_offer(demo, _GARDEN_UPDATE, f"{_OLD}+0")
    say(f"(somebody presses Install: garden door, {_OLD} to {_NEW})")
    stop_watching = lock.on_change(_watcher(lock))
    async with phone.on(show), _bolt(demo):
        refusal = await _press_install(demo, _GARDEN_UPDATE)
        await asyncio.sleep(_TELLING)
    stop_watching()
    _check(refusal is not None, "the bad firmware counts as a success")
    _check(lock.bootloader.counters.reverts == 1, "the garden door was not reverted")
    _check(lock.version == f"{_OLD}+0", f"the garden door runs {lock.version}")
    _check(lock.bolt is Bolt.LOCKED, f"the garden door's bolt is {lock.bolt}")
    image = make_mcuboot_firmware(demo.vendor, _OLD)
    primary = lock.flash.primary.read(0, len(image))
    _check(primary == image, "the garden door has other firmware")
    bolt = await client.state(GARDEN_BOLT)
    _check(bolt is not None and bolt["state"] == "locked", f"the bolt is {bolt}")
    state = await client.state(_GARDEN_UPDATE)
    _check(
        state is not None and _runs(f"{_OLD}+0")(state), f"the garden door says {state}"
    )
    await _check_end(demo, GARDEN, "rolled_back")
    _check_told(phone, "jammed")


def _watcher(lock: VirtualMcubootLock) -> Callable[[], None]:
    """Return what prints what the processor of the garden door's lock does."""
    seen, on_trial = lock.mode, False

    def look() -> None:
        nonlocal seen, on_trial
        if lock.mode is seen:
            return
        seen = lock.mode
        if seen is Mode.SWAPPING:
            which = "old firmware back in" if on_trial else "new firmware in"
            say(f"(the lock restarts, and its boot loader swaps the {which})")
        elif seen is Mode.APPLICATION:
            on_trial = next_swap(lock.flash) is SwapType.REVERT
            say(f"(it runs {lock.version}{', on trial' if on_trial else ''})")

    return look


# The vault.


async def _look_into_the_vault(demo: Demo) -> None:
    """See that it keeps what both locks run and ran, and nobody can read it there."""
    client = demo.client
    path = f"/api/diagnostics/config_entry/{await entry_id(client)}"
    kept = (await client.get(path))["data"]["vault"]["kept"]
    listed = sorted((each["model"], each["version"]) for each in kept)
    wanted = [(model, version) for model in _DOORS for version in (_OLD, _NEW)]
    _check(listed == wanted, f"the vault keeps {listed}")
    report = await client.call_service("nightlatch", "test_vault", return_response=True)
    _check(len(report["places"]) == 2, f"the vault has the places {report['places']}")
    _check(report["sound"] == 2 * len(wanted), f"the vault's test says {report}")
    firmware = [make_firmware(version) for version in (_OLD, _NEW)]
    readable = await asyncio.to_thread(_files_with, firmware)
    _check(not readable, f"firmware can be read in {readable}")
    names = ", ".join(f"{_DOORS[model].lower()} {each}" for model, each in listed)
    say(f"vault: {names}")
    say(f"       {report['sound']} copies in two places, each decrypted and proven")


def _files_with(firmware: Iterable[bytes]) -> list[Path]:
    """Return the files of Home Assistant and of the second place that have firmware."""
    needles = [
        each[offset : offset + 32] for each in firmware for offset in (256, 65536)
    ]
    return [
        path
        for folder in (_DIRECTORY / "home", _SECOND_PLACE)
        for path in folder.rglob("*")
        if path.is_file() and any(each in path.read_bytes() for each in needles)
    ]


# Both.


async def _press_install(demo: Demo, entity_id: str) -> str | None:
    """Press Install and wait for the end; return why it was none that was wanted."""
    try:
        await demo.client.call_service(
            "update", "install", entity_id, timeout=INSTALL_TIMEOUT
        )
    except HomeError as err:
        return str(err)
    return None


def _transfers(demo: Demo) -> AbstractAsyncContextManager[None]:
    """Print that a transfer begins which nobody has asked for."""

    def show_start(data: dict[str, Any]) -> None:
        if data["type"] == "update_started":
            say(f"(Nightlatch goes on by itself: {data['name'].lower()})")

    return _listening(demo, "nightlatch_event", show_start)


def _bolt(demo: Demo) -> AbstractAsyncContextManager[None]:
    """Print what the garden door's lock entity says."""

    def show_bolt(data: dict[str, Any]) -> None:
        if data["entity_id"] == GARDEN_BOLT and data["new_state"]:
            say(f"(Home Assistant shows the bolt: {data['new_state']['state']})")

    return _listening(demo, "state_changed", show_bolt)


@asynccontextmanager
async def _listening(
    demo: Demo, event_type: str, heard: Callable[[dict[str, Any]], None]
) -> AsyncGenerator[None]:
    """Listen on Home Assistant's bus."""
    async with demo.client.subscription(
        "subscribe_events", event_type=event_type
    ) as events:

        async def listen() -> None:
            while True:
                heard((await events.get())["data"])

        listener = asyncio.create_task(listen())
        try:
            yield
        finally:
            listener.cancel()


async def _wait_for_offer(demo: Demo, entity_id: str, runs: str) -> None:
    await demo.client.wait_for_state(
        entity_id,
        lambda state: state["state"] == "on" and _runs(runs)(state),
        READY_TIMEOUT,
    )


def _runs(version: str) -> Callable[[dict[str, Any]], bool]:
    """Return what tells whether an update entity says that a version runs, and rests."""

    def runs(state: dict[str, Any]) -> bool:
        attributes = state["attributes"]
        return (
            attributes.get("installed_version") == version
            and not attributes["in_progress"]
        )

    return runs


async def _check_end(demo: Demo, door: str, wanted: str) -> None:
    """See that an installation ended as it should, and is on record so."""
    state = await demo.client.state(_LAST[door])
    said = state and state["state"]
    _check(said == wanted, f"{door.lower()}: the installation counts as {said}")


def _check_told(phone: Phone, words: str) -> None:
    _check(
        any(words in notice.message for notice in phone.notices),
        f"the phone was not told: {words}",
    )


def _check(holds: bool, otherwise: str) -> None:
    if not holds:
        raise HomeError(otherwise)


async def _until_mode(lock: LockBody, mode: Mode) -> None:
    """Wait for what a lock's processor does."""
    reached = asyncio.Event()

    def look() -> None:
        if lock.mode is mode:
            reached.set()

    stop_looking = lock.on_change(look)
    look()
    try:
        async with asyncio.timeout(READY_TIMEOUT):
            await reached.wait()
    finally:
        stop_looking()
