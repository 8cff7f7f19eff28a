"""What stands around the kept home: its doors, its vendor, its bridge, its broker.

All of it is built anew for whoever writes the home and for whoever reads it. Only what
Home Assistant and Nightlatch have written is kept, and the vendor, whose feed the home
trusts by its root.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from custom_components.nightlatch.const import DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from tests.home.flows import until
from tests.home.zigbee_house import make_zigbee_lock
from tests.rig.dfu_package import make_package
from tests.rig.image import make_image
from tests.rig.mosquitto import running_broker
from tests.rig.scene import (
    HARDWARE_VERSION,
    MODELS,
    VENDOR,
    WATCHED_MODEL,
    firmware_version,
    publish,
)
from tests.rig.vendor import Vendor
from tests.rig.zigbee2mqtt import Zigbee2MqttBridge, ZigbeeLock
from tests.rig.zigbee_settings import ZigbeeSettings

DATA = Path(__file__).parent / "data"
"""What was written: ``storage`` as Home Assistant's own, ``second`` as the second place
of the vault, ``vendor`` with the keys of a vendor that exists only here."""

# In the place of what is another one each time.
FEED_URL = "http://127.0.0.1:1/"
BROKER_PORT = 1883
SECOND_PLACE = "/media/nightlatch"

FRONT, BACK, CELLAR = (f"C0:11:22:33:44:{each}" for each in ("55", "99", "77"))

# Three objects of a transfer, so that it can be cut off, and little to keep.
_IMAGE_SIZE = 12_000


@dataclass(kw_only=True)
class Surroundings:
    """Everything around the home that may be looked at or ordered."""

    vendor: Vendor
    bridge: Zigbee2MqttBridge
    port: int
    """Of the broker."""
    side: ZigbeeLock
    garage: ZigbeeLock
    attic: ZigbeeLock
    settings: ZigbeeSettings
    """Of the side door's lock."""


def open_vendor(directory: Path) -> Vendor:
    """Return the vendor that is kept in a directory, or a new one."""
    return Vendor.load_or_create(directory, name=VENDOR, models=MODELS)


def publish_small(vendor: Vendor, version: str, **fields: Any) -> str:
    """Release a version whose file is small; return its path in the feed."""
    number = firmware_version(version)
    package = make_package(
        make_image(version, _IMAGE_SIZE, seed=number),
        key=vendor.firmware_key,
        fw_version=number,
        hw_version=HARDWARE_VERSION,
    )
    return publish(vendor, version, package=package, **fields)


@asynccontextmanager
async def surrounded(
    hass: HomeAssistant, vendor: Vendor
) -> AsyncGenerator[Surroundings]:
    """Open the vendor's server, a broker, and a bridge with three locks."""
    # MQTT reads it, whether or not it says anything of MQTT.
    Path(hass.config.path("configuration.yaml")).touch()  # noqa: ASYNC240
    assert await async_setup_component(hass, "bluetooth", {})
    side = make_zigbee_lock()
    async with (
        running_broker() as broker,
        Zigbee2MqttBridge(host=broker.host, port=broker.port) as bridge,
    ):
        await vendor.start()
        bridge.add(side)
        garage = bridge.add(
            make_zigbee_lock(friendly_name="Garage", ieee_address="0x588e81fffe123457")
        )
        attic = bridge.add(
            make_zigbee_lock(
                friendly_name="Attic",
                ieee_address="0x588e81fffe123458",
                manufacturer=VENDOR,
                model="Kestrel Cellar",
                model_id=WATCHED_MODEL,
                sw_build_id="1.0.0",
                updatable=False,
            )
        )
        async with ZigbeeSettings(side, bridge.address) as settings:
            # What cannot be set back stays different.
            settings["sound_volume"].stubborn = True
            yield Surroundings(
                vendor=vendor,
                bridge=bridge,
                port=broker.port,
                side=side,
                garage=garage,
                attic=attic,
                settings=settings,
            )
            for domain in (DOMAIN, "mqtt"):
                for entry in hass.config_entries.async_loaded_entries(domain):
                    await hass.config_entries.async_unload(entry.entry_id)
        await vendor.stop()


async def mqtt_told(hass: HomeAssistant) -> None:
    """Wait until Home Assistant knows what the bridge has told."""
    await until(
        lambda: all(
            (state := hass.states.get(entity_id)) is not None
            and state.state not in {"unavailable", "unknown"}
            for entity_id in (
                "update.side_door",
                "update.garage",
                "lock.side_door",
                "lock.garage",
                "lock.attic",
                "number.side_door_auto_relock_time",
                "select.side_door_sound_volume",
                "select.side_door_operating_mode",
            )
        )
    )
