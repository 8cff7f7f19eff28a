"""A lock whose only connection somebody else holds: it works, and is never heard."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from custom_components.nightlatch.core.errors import TransportError, TransportProblem
from custom_components.nightlatch.core.installation.verification import (
    await_return,
    find_out,
    silence,
)
from custom_components.nightlatch.core.transports.base import Advertisement
from tests.rig.virtual_time import virtual_time

from ..doorway import ADDRESS, NAME, Doorway, doorway


@pytest.fixture
async def door() -> AsyncIterator[Doorway]:
    """Return a doorway."""
    async with doorway() as door:
        yield door


def nobody_is_heard(door: Doorway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the radio connect, as to a lock that somebody is connected to already."""

    async def find(
        wanted: Callable[[Advertisement], bool], timeout: float
    ) -> Advertisement:
        raise TimeoutError

    monkeypatch.setattr(door.radio, "find", find)


@virtual_time
@pytest.mark.parametrize("ask", [await_return, find_out])
async def test_a_lock_that_is_not_heard_is_asked_all_the_same(
    door: Doorway, monkeypatch: pytest.MonkeyPatch, ask: Any
) -> None:
    """Some radios share a connection that another integration has."""
    nobody_is_heard(door, monkeypatch)
    identity = await ask(door.radio, ADDRESS, NAME)
    assert identity.firmware_version == door.lock.version


@virtual_time
async def test_a_lock_that_is_neither_heard_nor_reached_has_not_come_back(
    door: Doorway,
) -> None:
    """Whatever the attempts to connect have failed with."""
    door.lock.cut_power()
    with pytest.raises(TransportError) as caught:
        await await_return(door.radio, ADDRESS, NAME)
    assert caught.value.reason is TransportProblem.DID_NOT_COME_BACK


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        (TransportProblem.NOT_FOUND, TransportProblem.HELD_ELSEWHERE),
        (TransportProblem.DID_NOT_COME_BACK, TransportProblem.HELD_SINCE_RESTART),
        (TransportProblem.IN_BOOTLOADER, TransportProblem.IN_BOOTLOADER),
        (TransportProblem.LINK_LOST, TransportProblem.LINK_LOST),
    ],
)
def test_only_silence_is_explained_by_who_reaches_the_lock(
    reason: TransportProblem, told: TransportProblem
) -> None:
    """What the lock has said itself counts more; and nobody is named who does not."""
    err = TransportError(reason)
    assert silence(err, None) is err
    explained = silence(err, "Yale")
    assert explained.reason is told
    if told is not reason:
        assert explained.details == {"integration": "Yale"}
