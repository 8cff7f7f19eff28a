"""Repairs: the settings of a lock are not as they were; a person restores or keeps them."""

import asyncio
from typing import Any

from homeassistant.components.repairs import (
    RepairsFlow,
    RepairsFlowContext,
    RepairsFlowResult,
)
from homeassistant.exceptions import HomeAssistantError

from ..markup import neutral_all
from ..runtime import async_get_runtime
from ..snapshots.restore import Restored
from ..snapshots.snapshots import LockSnapshots
from ..texts.settings import told_lines, told_name, told_why
from .progress import ProgressFlow


class SettingsFlow(
    ProgressFlow[RepairsFlowContext, RepairsFlowResult, str], RepairsFlow
):
    """Shows what is different, sets it back if that is wanted, and tells what came of it."""

    def __init__(self, lock_id: str) -> None:
        """Take the lock."""
        self._lock_id = lock_id
        self._name = ""
        self._task: asyncio.Task[Restored] | None = None

    @property
    def _snapshots(self) -> LockSnapshots | None:
        """Return what is kept of the lock; None where it, or Nightlatch, is gone."""
        runtime = async_get_runtime(self.hass)
        lock = runtime.locks.get(self._lock_id) if runtime is not None else None
        if runtime is None or lock is None:
            return None
        self._name = lock.name
        return runtime.snapshots.of(lock)

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Ask what is to be done."""
        snapshots = self._snapshots
        if snapshots is None:
            return self.async_abort(reason="lock_gone")
        return self.async_show_menu(
            step_id="init",
            menu_options=["restore", "keep"] if snapshots.may_be_restored else ["keep"],
            description_placeholders=neutral_all(
                {"lock": self._name, "changes": snapshots.told}
            ),
        )

    async def async_step_keep(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Leave everything as it is now."""
        if (snapshots := self._snapshots) is not None:
            await snapshots.async_keep()
        elif async_get_runtime(self.hass) is None:
            # Whether anything is kept nobody can say now.
            return self.async_abort(reason="lock_gone")
        return self.async_create_entry(data={})

    async def async_step_restore(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Set back what can be set back; it goes on when the dialog is closed."""
        if self._task is None:
            if (snapshots := self._snapshots) is None:
                return self.async_abort(reason="lock_gone")
            self._task = self.hass.async_create_task(
                snapshots.async_restore_differences(), "restoring settings"
            )
        if not self._task.done():
            return self.async_show_progress(
                step_id="restore",
                progress_action="restoring",
                description_placeholders=neutral_all({"lock": self._name}),
                progress_task=self._task,
            )
        return self.async_show_progress_done(next_step_id="restored")

    async def async_step_restored(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Tell what came of it; the issue stays for what is left."""
        if self._task is None:
            # Nothing leads here but the step before; anybody can name a step.
            return self.async_abort(reason="lock_gone")
        try:
            restored = self._task.result()
        except HomeAssistantError as err:
            return self.async_abort(
                reason="not_restored",
                description_placeholders=neutral_all(
                    {"lock": self._name, "problem": str(err)}
                ),
            )
        if not restored.not_set:
            return self.async_create_entry(data={})
        return self.async_abort(
            reason="partly_restored",
            description_placeholders=neutral_all(
                {"lock": self._name, **self._told(restored)}
            ),
        )

    def _told(self, restored: Restored) -> dict[str, str]:
        hass = self.hass
        return {
            "done": told_lines(hass, [told_name(hass, each) for each in restored.done])
            or "-",
            "left": told_lines(
                hass,
                [
                    f"{told_name(hass, each.setting)}:"
                    f" {told_why(hass, each.why_not, each.detail)}"
                    for each in restored.not_set
                ],
            ),
        }
