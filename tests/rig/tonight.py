"""One night of a household, moved to now: scripts/demo --tonight.

Nothing is sped up and nothing is faked: the household's quiet hours begin in a few
minutes, and its evening notice comes just before. The door sensor of the front door
says that it is open; only when it is shut, and has been for a while, that lock's turn
comes. What the phone shows is printed as it comes.
"""

import asyncio
from datetime import datetime, timedelta
from functools import partial
import shutil
from typing import Any

from .demo import (
    ADDRESS,
    CELLAR,
    DIRECTORY,
    FRONT,
    SIDE,
    SIDE_ADDRESS,
    ZIGBEE_NEW,
    Demo,
    add_known_lock,
    add_lock,
    publish_all,
    running,
    set_up_household,
)
from .home_client import HomeError
from .phone import Phone
from .scene import lock_form
from .story import ZONE, say, set_option, show, tell_everything

_DIRECTORY = DIRECTORY.with_name("tonight")
_CONFIGURATION = """\
mobile_app:
input_boolean:
  front_door_open:
    name: Front door open
    initial: true
template:
  - binary_sensor:
      - name: Front door contact
        unique_id: front_door_contact
        device_class: door
        state: "{{ is_state('input_boolean.front_door_open', 'on') }}"
"""
_CONTACT = "binary_sensor.front_door_contact"
_UPDATES = {
    SIDE: "update.side_door_guarded_firmware",
    FRONT: "update.front_door_firmware",
}
_BY_HAND = "update.cellar_door_watched_firmware"
_TIMEOUT = 720.0


async def tonight() -> None:
    """Let the night come, and see that it ends as it should."""
    await asyncio.to_thread(shutil.rmtree, _DIRECTORY, ignore_errors=True)
    async with running(
        _DIRECTORY,
        _set_up,
        releases=partial(publish_all, severity="critical"),
        configuration=_CONFIGURATION,
    ) as demo:
        phone = await Phone.register(demo.client, "Anna")
        started: list[str] = []
        async with (
            asyncio.timeout(_TIMEOUT),
            phone.on(show),
            demo.client.subscription(
                "subscribe_events", event_type="nightlatch_event"
            ) as events,
        ):
            await _move_the_night(demo, phone)
            while len(await _done(demo)) < len(_UPDATES):
                happening = (await events.get())["data"]
                if happening["type"] == "update_started":
                    started.append(happening["name"])
                    say(f"(transfer to the {happening['name'].lower()} begins)")
                    if started == [SIDE]:
                        say("(somebody shuts the front door)")
                        await _open_front_door(demo, open_=False)
            # What is told of the end comes a moment after it.
            await asyncio.sleep(2)
        if started != list(_UPDATES):
            raise HomeError(f"the locks were updated in this order: {started}")
        told = sum("and works" in notice.message for notice in phone.notices)
        if told != len(_UPDATES):
            raise HomeError(f"the phone was told {told} times that a lock works")
        await _ask_for_the_third(demo)
        say("side door through Zigbee2MQTT, then front door: verified, told")
        say("cellar door: asked for in Settings > Repairs, with the steps")


async def _set_up(demo: Demo) -> None:
    """Add two locks that may be updated by themselves."""
    entry_id = await set_up_household(demo)
    automatic = {"mode": "automatic", "consent": True}
    front = lock_form(FRONT, importance="entry", door_entity=_CONTACT, **automatic)
    await add_lock(demo.client, entry_id, ADDRESS, front)
    await add_known_lock(demo.client, entry_id, SIDE, **automatic)
    await add_known_lock(demo.client, entry_id, CELLAR)


async def _move_the_night(demo: Demo, phone: Phone) -> None:
    """Let quiet hours begin at once, through the options of the user interface."""
    now = datetime.now(ZONE)
    notice = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    start = notice + timedelta(minutes=1)
    if notice - now < timedelta(seconds=10):
        notice, start = start, start + timedelta(minutes=1)
    end = start + timedelta(hours=3)
    await tell_everything(demo.client, phone)
    for step, answer in (
        (
            "night",
            {
                "notice_at": f"{notice:%H:%M:%S}",
                "soak_days": 0,
                "two_entry_doors": False,
            },
        ),
        (
            "quiet_hours",
            {
                "weekdays": [str(day) for day in range(7)],
                "start": f"{start:%H:%M:%S}",
                "end": f"{end:%H:%M:%S}",
            },
        ),
    ):
        await set_option(demo.client, step, answer)
    say(
        f"evening notice at {notice:%H:%M}, quiet hours {start:%H:%M} to {end:%H:%M}; "
        "the front door stands open"
    )


async def _open_front_door(demo: Demo, *, open_: bool) -> None:
    await demo.client.call_service(
        "input_boolean",
        "turn_on" if open_ else "turn_off",
        "input_boolean.front_door_open",
    )


async def _done(demo: Demo) -> list[str]:
    """Return the doors whose lock runs the release, and says so."""
    done = []
    for name, entity_id in _UPDATES.items():
        state: dict[str, Any] | None = await demo.client.state(entity_id)
        if (
            state is not None
            and state["state"] == "off"
            and not state["attributes"]["in_progress"]
            and _runs_new(demo, name)
        ):
            done.append(name)
    return done


def _runs_new(demo: Demo, name: str) -> bool:
    """Return whether the lock itself runs the release."""
    if name == FRONT:
        return demo.lock.version == "1.1.0"
    return demo.bridge.locks[SIDE_ADDRESS].installed_version == ZIGBEE_NEW


async def _ask_for_the_third(demo: Demo) -> None:
    """See that a person is asked for what only a person can do."""
    state = await demo.client.state(_BY_HAND)
    if state is None or state["state"] != "on":
        raise HomeError(f"the cellar door's update does not wait: {state}")
    issues = await demo.client.command("repairs/list_issues")
    keys = {issue["translation_key"] for issue in issues["issues"]}
    if "update_by_hand" not in keys:
        raise HomeError(f"nobody is asked for the cellar door: {keys}")
