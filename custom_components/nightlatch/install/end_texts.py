"""What people are told of an end: by how far it came, and what the lock says now.

The sentence for an error says why; what it may say of the lock is filled in here.
"""

from dataclasses import dataclass

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError

from ..core.errors import NightlatchError, TransportError, TransportProblem
from ..core.installation.confirmation import BOLT_PROBLEMS
from ..core.installation.machine import Outcome
from ..core.installation.standing import standing_of, waits_in_bootloader, what_to_tell
from ..core.model import OutcomeKind
from ..core.preflight.base import PreflightError
from ..markup import Composed, together
from ..translation import (
    async_as_home_assistant_error,
    async_describe,
    async_door_first,
    async_sentence,
    door_key,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndTexts:
    """Puts into words how one installation has ended."""

    hass: HomeAssistant
    outcome: Outcome
    lock: str
    """What people call it."""
    feed: str
    from_version: str
    version: str
    """What was to be installed."""

    async def async_message(self) -> Composed | None:
        """Return what people are told, of the door first; None where all is well."""
        told = await self._async_told()
        if told is None:
            return None
        return await async_door_first(
            self.hass, told, self.outcome.door, lock=self.lock
        )

    async def async_error(self, error: NightlatchError) -> HomeAssistantError:
        """Return what who has waited for the end is shown."""
        if (door := self.outcome.door) is not None:
            why = await self._async_why(error)
            return await async_as_home_assistant_error(
                self.hass, door, door_key(door), lock=self.lock, why=why
            )
        return await async_as_home_assistant_error(
            self.hass, error, self._key(error), **await self._async_names(error)
        )

    async def _async_told(self) -> Composed | None:
        error, outcome = self.outcome.error, self.outcome
        if outcome.kind is OutcomeKind.ROLLED_BACK:
            return await self._async_way_back(error)
        if error is None:
            return None
        message = await self._async_why(error)
        if (
            not waits_in_bootloader(outcome)
            or error.reason is TransportProblem.IN_BOOTLOADER
        ):
            return message
        waiting = TransportError(TransportProblem.IN_BOOTLOADER)
        return together(
            [message, await async_describe(self.hass, waiting, lock=self.lock)]
        )

    async def _async_why(self, error: NightlatchError) -> Composed:
        names = await self._async_names(error)
        if isinstance(error, PreflightError):
            return await async_describe(self.hass, error, **names)
        return await async_sentence(self.hass, self._key(error), names)

    async def _async_way_back(self, error: NightlatchError | None) -> Composed:
        """Return what is told of a lock that has gone back to its old firmware.

        ``error`` is why; None where it only had to be brought out of its bootloader.
        """
        runs = await self._async_standing()
        names = {"lock": self.lock, "version": self.version}
        if error is None:
            return together(
                [await async_sentence(self.hass, "way_back_recovered", names), runs]
            )
        told = [await self._async_why(error)]
        if error.reason not in BOLT_PROBLEMS | {TransportProblem.REVERTED}:
            told.insert(0, await async_sentence(self.hass, "way_back_not_kept", names))
        if runs not in told[-1]:
            told.append(runs)
        told.append(await async_sentence(self.hass, "way_back_not_again", names))
        return together(told)

    def _key(self, error: NightlatchError) -> str:
        went_back = self.outcome.kind is OutcomeKind.ROLLED_BACK
        if went_back and error.reason in BOLT_PROBLEMS:
            # It no longer runs what the usual sentence says that it runs.
            return f"way_back_{error.reason}"
        return str(what_to_tell(error, self.outcome, self.from_version))

    async def _async_names(self, error: NightlatchError) -> dict[str, str]:
        return {
            "version": self.version,
            **self._running(),
            # What it says itself of versions was read at the lock.
            **({} if isinstance(error, PreflightError) else error.details),
            "lock": self.lock,
            "feed": self.feed,
            "standing": await self._async_standing(),
        }

    async def _async_standing(self) -> Composed:
        key = (
            "way_back_runs"
            if self.outcome.kind is OutcomeKind.ROLLED_BACK
            else f"standing_{standing_of(self.outcome)}"
        )
        return await async_sentence(self.hass, key, self._running())

    def _running(self) -> dict[str, str]:
        running = self.outcome.running
        return {} if running is None else {"running": running.firmware_version}
