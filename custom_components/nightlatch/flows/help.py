"""Steps of a lock's flow where something is wrong: looked at live, and one thing to do."""

import asyncio
from collections.abc import Iterator
import logging
from typing import Any, Final, override

from homeassistant.config_entries import SubentryFlowContext, SubentryFlowResult
from homeassistant.core import callback

from ..core.installation.support_case import CasePart, NextAction, next_action
from ..issues.recovery_steps import recovery_steps
from ..locks.lock import ManagedLock
from ..markup import Composed, listed, neutral_all
from ..report.content import whom_to_ask
from ..report.link import async_evidence_link
from ..texts.support_case import (
    Looked,
    async_told_part,
    told_action,
    told_failed,
    told_part,
)
from ..translation import or_not_known
from .firmware_file import FirmwareFileFlow
from .progress import ProgressFlow

_LOGGER = logging.getLogger(__name__)

_HELP: Final = "help"
_EVIDENCE: Final = "help_evidence"
# What is offered first; the others can only be done at the lock.
_STEPS: Final = {
    NextAction.RECOVER: "help_recover",
    NextAction.GO_BACK: "roll_back",
    NextAction.MAKER: _EVIDENCE,
}


class HelpSteps(
    ProgressFlow[SubentryFlowContext, SubentryFlowResult, tuple[str, str]],
    FirmwareFileFlow,
):
    """Looks while the dialog is open, part by part, and ends in what fits."""

    _left: list[CasePart] | None = None
    """What is still to be looked at; None before the first."""
    _told = False
    """Whether the end was shown: who asks for this step again looks again."""
    _found: list[Composed]
    _looking: asyncio.Task[Composed] | None = None
    _failed = False
    """Whether something of ours has failed: then nobody knows that nothing is wrong."""

    async def async_step_help(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Look at one part after the other, and show each with its result."""
        lock = self._managed
        if self._left is None or self._told:
            if lock is None:
                return self.async_abort(reason="entry_not_loaded")
            self._left, self._found, self._failed = list(CasePart), [], False
            self._told = False
        if self._looking is not None and self._looking.done():
            if not self._looking.cancelled():
                self._found.append(self._looking.result())
                self._left.pop(0)
            self._looking = None
        if lock is None or not self._left:
            # What shows progress may lead to nothing but its end.
            return self.async_show_progress_done(next_step_id="help_end")
        part = self._left[0]
        if self._looking is None:
            self._looking = self._get_entry().async_create_background_task(
                self.hass,
                self._async_look_at(lock, part),
                f"look at {lock.name}: {part}",
            )
        return self.async_show_progress(
            step_id=_HELP,
            progress_action=_HELP,
            description_placeholders=neutral_all(
                {
                    "lock": lock.name,
                    "part": told_part(self.hass, part),
                    "told": listed(self._found),
                }
            ),
            progress_task=self._looking,
        )

    async def _async_look_at(self, lock: ManagedLock, part: CasePart) -> Composed:
        helping = self._runtime.helping
        try:
            await helping.async_look(lock, part)
            looked = Looked(
                facts=helping.facts(lock),
                identity=lock.record.identity,
                rehearsal=lock.rehearsal,
                source=lock.kind.source_error,
            )
            return await async_told_part(self.hass, lock, part, looked)
        except Exception:
            # What is wrong may be wrong with us: the other parts are looked at anyhow.
            _LOGGER.exception("%s: %s could not be looked at", lock.name, part)
            self._failed = True
            return told_failed(self.hass, part)

    async def async_step_help_end(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Tell what was found, and offer what fits it.

        A frontend that has heard of several parts at once asks for this several times.
        """
        lock, left = self._managed, self._left
        # Nothing leads here but the step before; anybody can name a step.
        if lock is None or left is None or left:
            return self.async_abort(reason="entry_not_loaded")
        self._told = True
        first, advice = self._advice(lock)
        offered = [*first, _HELP, _EVIDENCE]
        return self.async_show_menu(
            step_id="help_end",
            menu_options=list(dict.fromkeys(offered)),
            description_placeholders=neutral_all(
                {
                    "told": listed(self._found),
                    "advice": Composed("\n\n".join(advice)),
                }
            ),
        )

    def _advice(self, lock: ManagedLock) -> tuple[list[str], list[Composed]]:
        """Return what is offered first, and what to do."""
        try:
            facts = self._runtime.helping.facts(lock)
            action = next_action(facts)
            if action is NextAction.NOTHING and self._failed:
                return [_EVIDENCE], []
            advice = [told_action(self.hass, facts, lock)]
            if facts.in_bootloader or facts.stands_badly is not None:
                advice.append(
                    recovery_steps(lock, self._runtime.vault, self._runtime.remedies)
                )
        except Exception:
            # Of each part that was said already.
            _LOGGER.exception("%s: what to do could not be found", lock.name)
            return [_EVIDENCE], []
        first = [_STEPS.get(action, _HELP)]
        if facts.in_bootloader and not facts.can_recover:
            # Its maker may have given it out long ago.
            first.insert(0, "firmware_file")
        return first, advice

    async def async_step_help_recover(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Bring it out of its bootloader, because a person says so."""
        lock = self._managed
        if lock is None or not self._runtime.recovering.async_help_now(lock):
            return self.async_abort(reason="nothing_to_decide")
        return self.async_abort(
            reason="recovery_begun",
            description_placeholders=neutral_all({"lock": lock.name}),
        )

    async def async_step_help_evidence(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Give a link to what is known of it, and say where its maker is asked."""
        if (lock := self._managed) is None:
            return self.async_abort(reason="entry_not_loaded")
        # In its own place the frontend would look for a page of its own.
        link = async_evidence_link(self.hass, lock.subentry_id)
        return self.async_abort(
            reason="help_evidence",
            description_placeholders=neutral_all(
                {
                    "open": Composed(f'<a href="{link}" target="_blank" download>'),
                    "close": Composed("</a>"),
                    "ask": or_not_known(self.hass, ", ".join(_addresses(lock))),
                }
            ),
        )

    @callback
    @override
    def async_remove(self) -> None:
        """End what runs when the dialog is closed."""
        super().async_remove()
        if self._looking is not None:
            self._looking.cancel()


def _addresses(lock: ManagedLock) -> Iterator[str]:
    return (str(each["url"]) for each in whom_to_ask(lock))
