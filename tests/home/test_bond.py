"""A lock behind a proxy that lets itself be updated only by who is paired with it."""

from collections.abc import AsyncGenerator

import pytest

from custom_components.nightlatch.core.preflight.base import Reason, Verdict
from custom_components.nightlatch.diagnostics import async_get_config_entry_diagnostics
from homeassistant.components import bluetooth
from homeassistant.exceptions import HomeAssistantError
from tests.rig.fixtures import connected
from tests.rig.link import LinkModel
from tests.rig.proxy import EsphomeProxy

from .asked import checks_of
from .flows import until
from .house import FRONT_DOOR, OUTCOME
from .mcuboot_house import McubootHouse


@pytest.fixture
async def attic(mcuboot_house: McubootHouse) -> AsyncGenerator[EsphomeProxy]:
    """Run another proxy, which hears the lock far better than the first one does."""
    house, lock = mcuboot_house.house, mcuboot_house.lock
    attic = EsphomeProxy("attic-proxy", "A0:B7:65:4C:3D:20")
    await attic.start()
    async with connected(house.hass, attic):
        attic.add(lock, LinkModel(supervision_timeout=0.2), rssi=-40)
        house.proxy.set_rssi(lock, -78)
        await until(lambda: heard_by(mcuboot_house, house.proxy) == -78)
        await until(lambda: heard_by(mcuboot_house, attic) == -40)
        yield attic
    await attic.stop()


def heard_by(mcuboot_house: McubootHouse, proxy: EsphomeProxy) -> int | None:
    """Return how well Home Assistant hears the lock over a proxy."""
    found = bluetooth.async_scanner_devices_by_address(
        mcuboot_house.house.hass, FRONT_DOOR, connectable=True
    )
    return next(
        (
            device.advertisement.rssi
            for device in found
            if device.scanner.source == proxy.bluetooth_mac
        ),
        None,
    )


async def test_a_bond_is_made_over_the_proxy_and_its_refusal_told(
    mcuboot_house: McubootHouse,
) -> None:
    """ESPHome passes the lock's refusal on in the text of a plain error."""
    house, lock = mcuboot_house.house, mcuboot_house.lock
    await mcuboot_house.release("1.1.0")
    lock.needs_bond = lock.reads_need_bond = True
    for refuse, said in (
        ("refuses_pairing", "refused to pair with hallway-proxy"),
        ("needs_passkey", "wants a passkey for pairing, and hallway-proxy"),
    ):
        setattr(lock, refuse, True)
        with pytest.raises(HomeAssistantError, match=said) as caught:
            await house.install()
        assert str(caught.value).startswith("Front door ")
        assert house.state(OUTCOME).state == "failed"
        setattr(lock, refuse, False)
    assert lock.version == "1.0.0+0"

    await house.install()
    assert lock.version == "1.1.0+0"
    assert lock.bonds == {house.proxy.name}
    assert house.state(OUTCOME).state == "succeeded"


async def test_a_lock_stays_with_the_proxy_that_it_is_paired_with(
    mcuboot_house: McubootHouse, attic: EsphomeProxy
) -> None:
    """However well another one hears it: there it would have to be paired anew."""
    house, lock = mcuboot_house.house, mcuboot_house.lock
    lock.needs_bond = lock.reads_need_bond = True
    await mcuboot_house.release("1.1.0")
    await house.install()
    # The strongest, as with any lock.
    assert lock.bonds == {attic.name}
    told = await async_get_config_entry_diagnostics(house.hass, house.entry)
    assert [each["paired_with"] for each in told["locks"].values()] == [attic.name]

    attic.set_rssi(lock, -80)
    house.proxy.set_rssi(lock, -40)
    await until(lambda: heard_by(mcuboot_house, attic) == -80)
    await until(lambda: heard_by(mcuboot_house, house.proxy) == -40)
    assert await house.hass.config_entries.async_reload(house.entry.entry_id)
    await house.settle()
    lock.refuses_pairing = True
    assert house.managed().kind.radio().rssi == -80
    await mcuboot_house.release("1.2.0")
    await house.install()
    assert lock.version == "1.2.0+0"
    assert lock.bonds == {attic.name}


async def test_a_lock_whose_proxy_is_gone_is_told_and_can_be_paired_with_another(
    mcuboot_house: McubootHouse, attic: EsphomeProxy
) -> None:
    """At night it is left alone; a person who is at the lock pairs it anew."""
    house, lock = mcuboot_house.house, mcuboot_house.lock
    lock.needs_bond = True
    await mcuboot_house.release("1.1.0")
    await house.install()
    await mcuboot_house.release("1.2.0")
    attic.remove(lock)
    await attic.stop()
    await until(lambda: heard_by(mcuboot_house, attic) is None)

    def pairing(*, unattended: bool) -> tuple[Verdict, Reason]:
        checks = house.runtime.planner.checks_of_offer(
            house.managed(), unattended=unattended
        )
        (check,) = (each for each in checks if each.rule == "pairing")
        return check.verdict, check.reason

    assert pairing(unattended=True) == (Verdict.BLOCKER, Reason.PAIRED_ELSEWHERE)
    assert pairing(unattended=False) == (Verdict.WARNING, Reason.PAIRED_ELSEWHERE)
    (told,) = (each for each in checks_of(house.managed()) if each.rule == "pairing")
    assert told.measured == attic.name

    lock.refuses_pairing = True
    with pytest.raises(HomeAssistantError, match="is paired with attic-proxy") as err:
        await house.install()
    assert "refused to pair with hallway-proxy" in str(err.value)
    assert lock.version == "1.1.0+0"

    lock.refuses_pairing = False
    await house.install()
    assert lock.version == "1.2.0+0"
    assert lock.bonds == {attic.name, house.proxy.name}
    radio = house.managed().kind.radio()
    assert (radio.paired_with, radio.pair_heard) == (house.proxy.name, True)
