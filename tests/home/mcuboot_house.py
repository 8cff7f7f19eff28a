"""A home whose front door has a lock with MCUboot, and an integration that moves it."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry  # type: ignore[import-untyped]

from custom_components.nightlatch.const import DOMAIN
from custom_components.nightlatch.core.installation import verification
from homeassistant.core import callback
from homeassistant.util import dt as dt_util
from tests.rig import mcuboot_bootloader
from tests.rig.fixtures import ProxiedHome
from tests.rig.image import Behaviour
from tests.rig.link import LinkModel
from tests.rig.mcuboot_lock import VirtualMcubootLock
from tests.rig.scene import (
    MCUBOOT_MODELS,
    VENDOR,
    make_mcuboot_firmware,
    make_mcuboot_lock,
    publish_mcuboot,
)
from tests.rig.vendor import Vendor

from .flows import until
from .house import FRONT_DOOR, House
from .impatience import IMAGE_SIZE

BOLT = "lock.front"


@dataclass
class McubootHouse:
    """Everything that a test may look at or order."""

    house: House
    lock: VirtualMcubootLock

    async def release(
        self, version: str, behaviour: Behaviour = Behaviour.WELL, **fields: Any
    ) -> str:
        """Let the vendor release a version, and Nightlatch see it."""
        path = publish(self.house.vendor, version, behaviour, **fields)
        await self.house.check()
        return path

    def link_bolt(self) -> None:
        """Let another integration show where the bolt is, and Nightlatch know that."""
        house = self.house

        @callback
        def moved() -> None:
            house.hass.states.async_set(
                BOLT,
                self.lock.bolt,
                # As if it had been there for a while: a test does not wait for that.
                timestamp=dt_util.utcnow().timestamp() - 600,
            )

        moved()
        self.lock.on_change(moved)
        subentry = house.subentry("Front door")
        house.hass.config_entries.async_update_subentry(
            house.entry, subentry, data={**subentry.data, "lock_entity": BOLT}
        )


def publish(
    vendor: Vendor,
    version: str,
    behaviour: Behaviour = Behaviour.WELL,
    **fields: Any,
) -> str:
    """Release a version that is small; return its path in the feed."""
    image = make_mcuboot_firmware(vendor, version, size=IMAGE_SIZE, behaviour=behaviour)
    return publish_mcuboot(vendor, version, image=image, **fields)


@pytest.fixture
async def mcuboot_vendor(socket_enabled: None) -> AsyncGenerator[Vendor]:
    """Run a vendor whose locks have MCUboot."""
    vendor = Vendor(name=VENDOR, models=MCUBOOT_MODELS)
    publish(vendor, "1.0.0")
    await vendor.start()
    yield vendor
    await vendor.stop()


@pytest.fixture
async def mcuboot_house(
    proxied_home: ProxiedHome,
    mcuboot_vendor: Vendor,
    monkeypatch: pytest.MonkeyPatch,
) -> McubootHouse:
    """Hang the lock into the front door, with its vendor's feed."""
    monkeypatch.setattr(mcuboot_bootloader, "VALIDATION_TIME", 0.01)
    # Exchanging two images takes longer than copying one.
    monkeypatch.setattr(verification, "RETURN_TIMEOUT", 6.0)
    entry = MockConfigEntry(domain=DOMAIN, title="Nightlatch")
    entry.add_to_hass(proxied_home.hass)
    assert await proxied_home.hass.config_entries.async_setup(entry.entry_id)
    house = House(
        hass=proxied_home.hass,
        proxy=proxied_home.proxy,
        vendor=mcuboot_vendor,
        entry=entry,
    )
    await house.add_feed()
    lock = make_mcuboot_lock(mcuboot_vendor, FRONT_DOOR, size=IMAGE_SIZE)
    lock.cut_power()
    lock.application_start = 0.02
    lock.restore_power()
    house.links[FRONT_DOOR] = house.proxy.add(lock, LinkModel(supervision_timeout=0.2))
    await until(lambda: house.heard(FRONT_DOOR))
    await house.add_lock_already_up(FRONT_DOOR, "Front door")
    return McubootHouse(house, lock)
