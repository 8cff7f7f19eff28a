"""Repairs: a release waits for a person's approval, and gets it here."""

from typing import Any

import probatio

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.exceptions import HomeAssistantError

from ..markup import neutral_all
from ..runtime import async_get_runtime
from .decide import async_consent, consent_fields
from .who import async_told


class ApprovalFlow(RepairsFlow):
    """Shows what waits, and takes a person's consent to it."""

    def __init__(self, lock_id: str, version: str) -> None:
        """Take the lock, and what the person has been told of."""
        self._lock_id = lock_id
        self._version = version

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Begin."""
        return await self.async_step_approve()

    async def async_step_approve(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Ask until it is given, or there is nothing to approve any more."""
        runtime = async_get_runtime(self.hass)
        if runtime is None:
            return self.async_abort(reason="not_loaded")
        lock = runtime.locks.get(self._lock_id)
        release = lock.release if lock is not None else None
        if lock is None or release is None or release.version.text != self._version:
            return self.async_abort(reason="nothing_to_approve")
        told = ""
        if user_input is not None:
            try:
                await async_consent(self.hass, lock, release, user_input)
            except HomeAssistantError as err:
                told = await async_told(self.hass, err)
            else:
                return self.async_create_entry(data={})
        return self.async_show_form(
            step_id="approve",
            data_schema=probatio.Schema(consent_fields(lock)),
            errors={"base": "refused"} if told else {},
            description_placeholders=neutral_all(
                {
                    "lock": lock.name,
                    "version": self._version,
                    "installed": lock.record.identity.firmware_version,
                    "problem": told,
                }
            ),
        )
