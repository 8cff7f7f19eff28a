"""Repairs: the clock was ahead at an earlier check, and a person says that it is right now."""

from typing import override

from homeassistant.components.repairs import RepairsFlowResult
from homeassistant.util import dt as dt_util

from ..adapters.storage import unsaved_for_now
from ..core.moments import is_set
from ..runtime import Runtime
from .repair import HouseholdRepairFlow
from .who import user_of_form


class TrustedTimeFlow(HouseholdRepairFlow):
    """Lets the trusted time be now; what versions must not sink below stays.

    Home Assistant lets administrators only fix an issue.
    """

    @override
    async def _async_repair(self, runtime: Runtime) -> RepairsFlowResult | None:
        """Reset it, and ask all feeds that wait for it."""
        now, store = dt_util.utcnow(), runtime.store
        if not is_set(now):
            return self.async_abort(reason="clock_not_set")
        before = store.trust.time
        await runtime.audit.async_append(
            "trusted_time_reset",
            user=user_of_form(),
            before=before.isoformat() if before else None,
            now=now.isoformat(),
        )
        with unsaved_for_now("That the trusted time was reset"):
            await store.async_reset_trusted_time(now)
        await runtime.vault.async_write_ledger()
        for feed in runtime.feeds.values():
            feed.async_clock_put_right()
        return None
