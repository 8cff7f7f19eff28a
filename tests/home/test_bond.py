"""A lock behind a proxy that lets itself be updated only by who is paired with it."""

import pytest

from homeassistant.exceptions import HomeAssistantError

from .house import OUTCOME
from .mcuboot_house import McubootHouse


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
