"""Zigbee2MQTT's requests for one lock's updates, each with the answer that is its own."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
import json
from typing import Any, Self
from uuid import uuid4

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.importlib import async_import_module

from ..core.errors import DelegateError, DelegateProblem
from ..core.phrase import Phrase

# Seconds. A lock that is silent is given up by the bridge after a minute.
CHECK_TIMEOUT = 120.0
CLOSES_WITHIN = 150.0
"""For a transfer that was aborted to be over: a lock need not ask for its next part."""
_SUBSCRIBE_TIMEOUT = 10.0
_MQTT = "mqtt"


@dataclass(frozen=True, slots=True, kw_only=True)
class OtaCommand:
    """Where the bridge listens for a lock's updates, and what names the lock there."""

    topic: str
    lock: dict[str, Any]

    @property
    def base_topic(self) -> str:
        """Return the base topic of the bridge."""
        return self.topic.partition("/bridge/")[0]

    def answers(self, verb: str) -> str:
        """Return where a request is answered."""
        return (
            f"{self.topic.replace('/request/', '/response/').rpartition('/')[0]}/{verb}"
        )


def ota_command(discovered: Any) -> OtaCommand | None:
    """Return what MQTT was told of an update entity; None where it is not the bridge's."""
    if not isinstance(discovered, dict):
        return None
    topic = str(discovered.get("command_topic"))
    with suppress(ValueError):
        lock = json.loads(str(discovered.get("payload_install")))
        if isinstance(lock, dict) and "/bridge/request/" in topic:
            return OtaCommand(topic=topic, lock=lock)
    return None


class _Listener:
    """Hears the answers to one kind of request, as long as it is open."""

    def __init__(self, hass: HomeAssistant, topic: str) -> None:
        self._hass = hass
        self._topic = topic
        self._answers: dict[str, asyncio.Future[dict[str, Any]]] = {}

    async def __aenter__(self) -> Self:
        mqtt = await async_import_module(self._hass, "homeassistant.components.mqtt")
        heard = asyncio.Event()
        try:
            # An answer may come at once: nobody repeats it.
            waiting = mqtt.async_on_subscribe_done(
                self._hass, self._topic, mqtt.DEFAULT_QOS, heard.set
            )
            self._close = await mqtt.async_subscribe(
                self._hass, self._topic, self._told
            )
        except Exception as err:
            raise _refused(err) from err
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(_SUBSCRIBE_TIMEOUT):
                    await heard.wait()
        except BaseException:
            self._close()
            raise
        finally:
            waiting()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._close()
        for answer in self._answers.values():
            answer.cancel()

    def answer(self, transaction: str) -> asyncio.Future[dict[str, Any]]:
        """Return the answer to a request, once it is there."""
        return self._answers.setdefault(transaction, self._hass.loop.create_future())

    @callback
    def _told(self, message: Any) -> None:
        with suppress(ValueError):
            told = json.loads(message.payload)
            if not isinstance(told, dict):
                return
            answer = self._answers.get(str(told.get("transaction")))
            if answer is not None and not answer.done():
                answer.set_result(told)


class OtaRequests:
    """Asks the bridge for what concerns the updates of one lock."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Nothing was asked yet."""
        self._hass = hass
        self._update: str | None = None
        """What tells our latest update from those of others."""

    async def async_update(self, command: OtaCommand) -> None:
        """Let the lock be updated; return when the bridge says that it is.

        Raises ``DelegateError`` with REFUSED, and the bridge's own words.
        """
        self._update = transaction = uuid4().hex
        async with _Listener(self._hass, command.answers("update")) as listener:
            answer = listener.answer(transaction)
            await self._async_publish(command, "", transaction)
            _check(await answer)

    async def async_check(self, command: OtaCommand) -> None:
        """Let the lock itself be asked what it runs; raise ``DelegateError``.

        After an update the bridge tells the version of the image, until it is told to
        ask.
        """
        transaction = uuid4().hex
        async with _Listener(self._hass, command.answers("check")) as listener:
            answer = listener.answer(transaction)
            await self._async_publish(command, "check", transaction)
            try:
                async with asyncio.timeout(CHECK_TIMEOUT):
                    _check(await answer)
            except TimeoutError as err:
                raise _refused(err) from None

    async def async_abort(self, command: OtaCommand) -> None:
        """Abort an update; return when nothing of it can go on.

        The bridge agrees at once, and the transfer stays open until the lock has heard
        of it: only then the update itself is answered.
        """
        async with _Listener(self._hass, command.answers("update")) as listener:
            closed = listener.answer(self._update or "")
            await self._async_publish(command, "update/abort", uuid4().hex)
            await asyncio.wait((closed,), timeout=CLOSES_WITHIN)

    async def _async_publish(
        self, command: OtaCommand, verb: str, transaction: str
    ) -> None:
        root = command.topic.rpartition("/")[0]
        try:
            await self._hass.services.async_call(
                _MQTT,
                "publish",
                {
                    "topic": f"{root}/{verb}" if verb else command.topic,
                    "payload": json.dumps({**command.lock, "transaction": transaction}),
                },
                blocking=True,
            )
        except Exception as err:
            raise _refused(err) from err


def _check(answer: dict[str, Any]) -> None:
    if answer.get("status") != "ok":
        raise DelegateError(
            DelegateProblem.REFUSED,
            problem=str(answer.get("error") or "") or Phrase("it does not say why"),
        )


def _refused(err: Exception) -> DelegateError:
    problem = str(err) or type(err).__name__
    return DelegateError(DelegateProblem.REFUSED, problem=problem)
