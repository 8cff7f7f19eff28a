"""The websocket command ``nightlatch/tonight``: all of it at once, and again when it is new.

A subscription goes on over a reload of Nightlatch. Where it does not come back soon,
nothing (null) is told once, so that nobody takes what was for what is.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Final

import probatio

from homeassistant.components import websocket_api
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_track_state_change_event
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN
from ..locks.lock import ManagedLock
from ..locks.registry import Changes
from ..rights import may_see
from ..runtime import Runtime, async_get_runtime
from ..translation import async_told_in, told_now
from .snapshot import async_snapshot

NOT_LOADED: Final = "not_loaded"
AT_MOST_EVERY: Final = 1.0
"""Seconds from one message to the next, however much is new."""
GONE_AFTER: Final = 20.0
"""Seconds after which Nightlatch is gone, and not about to be loaded again."""


class Subscription:
    """Somebody who looks at the panel, or at a card."""

    def __init__(
        self,
        hass: HomeAssistant,
        connection: websocket_api.ActiveConnection,
        message_id: int,
        language: str | None,
    ) -> None:
        """Take who looks, and in which language."""
        self._hass = hass
        self._connection = connection
        self._id = message_id
        self._language = language
        self._runtime: Runtime | None = None
        self._unsubscribe: list[CALLBACK_TYPE] = []
        self._followed: dict[str, CALLBACK_TYPE] = {}
        """What ends following the progress of each lock."""
        self._linked: dict[str, frozenset[str]] = {}
        """What the rules look at, by the id of the lock."""
        self._entities: frozenset[str] = frozenset()
        self._unfollow_entities: CALLBACK_TYPE | None = None
        self._sent: dict[str, Any] | None = None
        self._task: asyncio.Task[None] | None = None
        self._pause: asyncio.TimerHandle | None = None
        self._is_new = False
        self._gone: asyncio.TimerHandle | None = None

    @callback
    def async_attach(self, runtime: Runtime) -> None:
        """Tell what is there, and follow it from now on."""
        self.async_detach()
        self._runtime = runtime
        self._unsubscribe = [
            runtime.locks.async_subscribe(self._changed),
            runtime.locks.async_on_minute(self._minute_passed),
        ]
        self._follow(runtime, runtime.locks.keys())
        self._note()

    @callback
    def async_detach(self) -> None:
        """Tell nothing more; what is under way ends."""
        self._runtime = None
        for unsubscribe in (*self._unsubscribe, *self._followed.values()):
            unsubscribe()
        self._unsubscribe.clear()
        self._followed.clear()
        self._linked.clear()
        if self._unfollow_entities is not None:
            self._unfollow_entities()
            self._unfollow_entities = None
        self._entities = frozenset()
        for timer in (self._pause, self._gone):
            if timer is not None:
                timer.cancel()
        self._pause = self._gone = None
        if self._task is not None:
            # It belongs to the entry, which waits for it when it is unloaded.
            self._task.cancel()
            self._task = None
        self._is_new = False

    @callback
    def async_wait(self) -> None:
        """Tell nothing more but, where Nightlatch does not come back, that it is gone."""
        self.async_detach()
        self._gone = self._hass.loop.call_later(GONE_AFTER, self._is_gone)

    @callback
    def _is_gone(self) -> None:
        self._gone = self._sent = None
        self._connection.send_event(self._id, None)

    @callback
    def _follow(self, runtime: Runtime, lock_ids: Iterable[str]) -> None:
        """Follow the progress of the locks there are, and what the rules look at.

        ``lock_ids`` are those of which something is new.
        """
        locks = runtime.locks
        if self._followed.keys() != locks.keys():
            for lock_id in self._followed.keys() - locks.keys():
                self._followed.pop(lock_id)()
                self._linked.pop(lock_id, None)
            lock_ids = {*lock_ids, *(locks.keys() - self._followed.keys())}
        for lock_id in lock_ids:
            if (lock := locks.get(lock_id)) is None:
                continue
            if lock_id not in self._followed:
                self._followed[lock_id] = lock.async_subscribe_progress(self._note)
            self._linked[lock_id] = self._links_of(lock)
        household = runtime.settings.gate_entity, runtime.settings.hold_entity
        entities = frozenset(each for each in household if each is not None).union(
            *self._linked.values()
        )
        if entities != self._entities:
            if self._unfollow_entities is not None:
                self._unfollow_entities()
            self._entities = entities
            self._unfollow_entities = async_track_state_change_event(
                self._hass, entities, self._note
            )

    def _links_of(self, lock: ManagedLock) -> frozenset[str]:
        """Return what the rules look at for a lock, if whoever looks may see it."""
        if not may_see(self._connection.user, lock):
            return frozenset()
        links = lock.links
        linked = links.lock_entity, links.battery_entity, links.door_entity
        return frozenset(each for each in linked if each is not None)

    @callback
    def _changed(self, changes: Changes) -> None:
        if (runtime := self._runtime) is None:
            return
        if changes.household or changes.locks:
            self._follow(
                runtime, runtime.locks.keys() if changes.household else changes.locks
            )
        self._note()

    @callback
    def _minute_passed(self, _: frozenset[str]) -> None:
        if (runtime := self._runtime) is None:
            return
        # Rights are the owner's to set as well, without a word to us.
        self._follow(runtime, runtime.locks.keys())
        self._note()

    @callback
    def _note(self, *_: object) -> None:
        """Tell that something may be new: now, or when the pause is over."""
        self._is_new = True
        if self._task is None and self._pause is None:
            self._begin()

    @callback
    def _begin(self) -> None:
        if (runtime := self._runtime) is None or self._hass.is_stopping:
            return
        self._is_new = False
        self._task = runtime.entry.async_create_background_task(
            self._hass, self._async_tell(runtime), "panel of Nightlatch", False
        )

    async def _async_tell(self, runtime: Runtime) -> None:
        with runtime.faults.apart("panel"):
            async with async_told_in(self._hass, self._language):
                snapshot = await async_snapshot(
                    self._hass, runtime, self._connection.user
                )
            if snapshot != self._sent:
                self._sent = snapshot
                now = dt_util.utcnow().isoformat()
                self._connection.send_event(self._id, {"now": now, **snapshot})
        self._task = None
        self._pause = self._hass.loop.call_later(AT_MOST_EVERY, self._pause_is_over)

    @callback
    def _pause_is_over(self) -> None:
        self._pause = None
        if self._is_new:
            self._begin()


_OPEN: HassKey[set[Subscription]] = HassKey(f"{DOMAIN}_panels")


@callback
def async_setup_command(hass: HomeAssistant) -> None:
    """Register the command."""
    hass.data[_OPEN] = set()
    websocket_api.async_register_command(hass, _tonight)


@callback
def async_attach_all(hass: HomeAssistant, runtime: Runtime) -> None:
    """Tell all who look that Nightlatch is there (again)."""
    subscriptions = hass.data[_OPEN]
    for subscription in tuple(subscriptions):
        subscription.async_attach(runtime)


@callback
def async_detach_all(hass: HomeAssistant) -> None:
    """Tell nothing more for now, before Nightlatch is taken apart."""
    subscriptions = hass.data[_OPEN]
    for subscription in tuple(subscriptions):
        subscription.async_wait()


@websocket_api.websocket_command(
    {
        probatio.Required("type"): f"{DOMAIN}/tonight",
        probatio.Optional("language"): str,
    }
)
@callback
def _tonight(
    hass: HomeAssistant,
    connection: websocket_api.ActiveConnection,
    msg: dict[str, Any],
) -> None:
    """Begin a subscription."""
    if (runtime := async_get_runtime(hass)) is None:
        connection.send_error(msg["id"], NOT_LOADED, told_now(hass, "panel_not_loaded"))
        return
    subscription = Subscription(hass, connection, msg["id"], msg.get("language"))
    connection.subscriptions[msg["id"]] = _ending(hass, subscription)
    hass.data[_OPEN].add(subscription)
    connection.send_result(msg["id"])
    subscription.async_attach(runtime)


def _ending(hass: HomeAssistant, subscription: Subscription) -> Callable[[], None]:
    """Return what ends a subscription, when nobody looks any more."""

    @callback
    def end() -> None:
        hass.data[_OPEN].discard(subscription)
        subscription.async_detach()

    return end
