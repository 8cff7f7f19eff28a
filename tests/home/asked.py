"""What is asked of a lock through the services that care for it."""

import asyncio

from custom_components.nightlatch.core.model import Origin
from custom_components.nightlatch.core.preflight.base import Check
from custom_components.nightlatch.core.schedule.plan import Plan
from custom_components.nightlatch.locks.lock import ManagedLock
from custom_components.nightlatch.runtime import Runtime, async_get_runtime


async def a_turn() -> None:
    """Let what is new be told to those who look at several locks: once a turn."""
    await asyncio.sleep(0)


def runtime_of(lock: ManagedLock) -> Runtime:
    """Return the services that care for a lock."""
    runtime = async_get_runtime(lock.hass)
    assert runtime is not None
    return runtime


def plan_of(lock: ManagedLock) -> Plan:
    """Return when its release would be installed, and what it waits for."""
    return runtime_of(lock).planner.plan(lock)


def checks_of(lock: ManagedLock, *, unattended: bool = False) -> tuple[Check, ...]:
    """Return what the rules say of its release."""
    return runtime_of(lock).planner.checks_of_offer(lock, unattended=unattended)


async def install(lock: ManagedLock, origin: Origin = Origin.PERSON) -> None:
    """Install its release."""
    await runtime_of(lock).installations.of(lock).async_install(origin)


async def cancel(lock: ManagedLock) -> None:
    """Cancel what is being installed on it."""
    await runtime_of(lock).installations.of(lock).async_cancel()


async def read(lock: ManagedLock) -> None:
    """Ask it what it runs."""
    await runtime_of(lock).reader.async_read(lock)
