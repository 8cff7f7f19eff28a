"""Steps of a lock's flow in which a person decides: yes, no, back."""

import asyncio
from typing import Any, Final

import probatio

from homeassistant.config_entries import SubentryFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.selector import (
    BooleanSelector,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    TextSelector,
)

from ..core.model import Release
from ..core.records.decisions import Override
from ..core.schedule.plan import Waiting
from ..core.schedule.policy import ApprovalNeed
from ..install.approval import async_approve
from ..install.rollback import MOST_WORDS
from ..install.ways_back import ways_back
from ..locks.lock import ManagedLock
from ..markup import neutral_all
from ..rights import Deed, async_check_right
from .firmware_file import FirmwareFileFlow
from .who import CODE_SELECTOR, CONF_CODE, async_told, user_of_form

CONF_BACK_TO: Final = "back_to"
CONF_HOLES_KNOWN: Final = "holes_known"
CONF_HALT_KNOWN: Final = "halt_known"

# Seconds in which it is found out whether anything stands against a rollback.
_BEGINS_WITHIN = 20.0


def consent_fields(lock: ManagedLock) -> dict[probatio.Marker, Any]:
    """Return what a person fills in to approve a release of the lock."""
    fields: dict[probatio.Marker, Any] = {}
    if lock.release is not None and lock.release.was_halted:
        fields[probatio.Required(CONF_HALT_KNOWN, default=False)] = BooleanSelector()
    if lock.policy.approval is ApprovalNeed.SECOND_FACTOR:
        fields[probatio.Required(CONF_CODE)] = CODE_SELECTOR
    return fields


async def async_consent(
    hass: HomeAssistant, lock: ManagedLock, release: Release, given: dict[str, Any]
) -> None:
    """Approve the release for the person before the form, or raise why not."""
    known = {Override.HALT} if given.get(CONF_HALT_KNOWN) else ()
    await async_approve(
        hass,
        lock,
        release,
        user_of_form(),
        code=given.get(CONF_CODE),
        overrides=frozenset(known),
    )


class DecideSteps(FirmwareFileFlow):
    """What can be decided about a lock, where a person stands."""

    _version: str
    """What the person has been shown."""

    def _decisions(self, lock: ManagedLock) -> list[str]:
        """Return what there is to decide now, as steps."""
        if lock.progress is not None:
            return ["cancel"]
        steps = []
        if self._runtime.planner.plan(lock).waiting is Waiting.APPROVAL:
            steps.append("approve")
        if lock.decisions.choice is not None:
            steps.append("give_up")
        if ways_back(lock, self._runtime.vault):
            steps.append("roll_back")
        return steps

    async def async_step_approve(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask for a person's consent to the release that is shown."""
        lock = self._managed
        if lock is None or (release := lock.release) is None:
            return self.async_abort(reason="nothing_to_decide")
        told = ""
        if user_input is None:
            self._version = release.version.text
        else:
            try:
                if release.version.text != self._version:
                    raise lock.error("approval_outdated", version=self._version)
                await async_consent(self.hass, lock, release, user_input)
            except HomeAssistantError as err:
                told = await async_told(self.hass, err)
                self._version = release.version.text
            else:
                return self.async_abort(
                    reason="approved",
                    description_placeholders=neutral_all(
                        {"lock": lock.name, "version": self._version}
                    ),
                )
        return self._ask(
            "approve",
            consent_fields(lock),
            told,
            lock,
            version=self._version,
            installed=lock.record.identity.firmware_version,
        )

    async def async_step_roll_back(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask where to go back to, and for the code that it takes."""
        lock = self._managed
        back = ways_back(lock, self._runtime.vault) if lock is not None else ()
        if lock is None or not back:
            return self.async_abort(reason="nothing_to_decide")
        told = ""
        if user_input is not None:
            version = user_input[CONF_BACK_TO]
            begun = self.hass.async_create_task(
                self._runtime.rollback.async_rollback(
                    lock,
                    user_of_form(),
                    version=version,
                    code=user_input[CONF_CODE],
                    words=user_input.get(CONF_HOLES_KNOWN, "")[:MOST_WORDS],
                ),
                f"rollback of {lock.name}",
            )
            # What stands against it is known by then; how it ends, every end tells.
            begun.add_done_callback(lambda done: done.cancelled() or done.exception())
            await asyncio.wait((begun,), timeout=_BEGINS_WITHIN)
            if not begun.done() or begun.exception() is None:
                return self.async_abort(
                    reason="rollback_begun",
                    description_placeholders=neutral_all(
                        {"lock": lock.name, "version": version}
                    ),
                )
            err = begun.exception()
            if not isinstance(err, HomeAssistantError):
                begun.result()
            else:
                told = await async_told(self.hass, err)
        versions = [each.release.version.text for each in back]
        fields: dict[probatio.Marker, Any] = {
            probatio.Required(CONF_BACK_TO, default=versions[0]): SelectSelector(
                SelectSelectorConfig(
                    options=[
                        SelectOptionDict(value=version, label=version)
                        for version in dict.fromkeys(versions)
                    ]
                )
            ),
            probatio.Required(CONF_CODE): CODE_SELECTOR,
            probatio.Optional(CONF_HOLES_KNOWN): TextSelector(),
        }
        return self._ask(
            "roll_back",
            fields,
            told,
            lock,
            installed=lock.record.identity.firmware_version,
        )

    async def async_step_cancel(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask whether what runs, or waits for its turn, is to be stopped."""
        lock = self._managed
        if lock is None or lock.progress is None:
            return self.async_abort(reason="nothing_to_decide")
        told = ""
        if user_input is not None:
            try:
                await async_check_right(self.hass, Deed.CANCEL, user_of_form(), lock)
                await self._runtime.installations.of(lock).async_cancel()
            except HomeAssistantError as err:
                told = await async_told(self.hass, err)
            else:
                return self.async_abort(
                    reason="cancelled",
                    description_placeholders=neutral_all({"lock": lock.name}),
                )
        return self._ask("cancel", {}, told, lock)

    async def async_step_give_up(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask whether what was chosen, a file or a way back, is no longer wanted."""
        lock = self._managed
        choice = lock.decisions.choice if lock is not None else None
        if lock is None or choice is None:
            return self.async_abort(reason="nothing_to_decide")
        told = ""
        if user_input is not None:
            try:
                await async_check_right(self.hass, Deed.CANCEL, user_of_form(), lock)
                await lock.decided.async_unchoose()
            except HomeAssistantError as err:
                told = await async_told(self.hass, err)
            else:
                return self.async_abort(
                    reason="given_up",
                    description_placeholders=neutral_all(
                        {"lock": lock.name, "version": choice.version}
                    ),
                )
        return self._ask("give_up", {}, told, lock, version=choice.version)

    def _ask(
        self,
        step_id: str,
        fields: dict[probatio.Marker, Any],
        told: str,
        lock: ManagedLock,
        **shown: str,
    ) -> SubentryFlowResult:
        return self.async_show_form(
            step_id=step_id,
            data_schema=probatio.Schema(fields),
            errors={"base": "refused"} if told else {},
            description_placeholders=neutral_all(
                {"lock": lock.name, "problem": told, **shown}
            ),
        )
