"""The services of a virtual lock, in its application and in its bootloader."""

from dataclasses import dataclass
from enum import Enum
from functools import cache

from .gatt import CCCD, Characteristic, Descriptor, Property, Service, uuid16

DEVICE_INFORMATION = uuid16(0x180A)
MODEL = uuid16(0x2A24)
SERIAL_NUMBER = uuid16(0x2A25)
FIRMWARE_REVISION = uuid16(0x2A26)
HARDWARE_REVISION = uuid16(0x2A27)
MANUFACTURER = uuid16(0x2A29)
BATTERY = uuid16(0x180F)
BATTERY_LEVEL = uuid16(0x2A19)
DFU_SERVICE = uuid16(0xFE59)
CONTROL_POINT = "8ec90001-f315-4f60-9fb8-838830daea50"
PACKET = "8ec90002-f315-4f60-9fb8-838830daea50"

SMP_SERVICE = "8d53dc1d-1db7-4cd3-868b-8a527460aa84"
SMP_CHARACTERISTIC = "da2e7828-fbce-4e01-ae9e-261174997c48"

_EXPERIMENTAL = "8e400001-f315-4f60-9fb8-838830daea50"


class Buttonless(Enum):
    """How an application can be told to enter the bootloader: service and characteristic."""

    UNBONDED = (DFU_SERVICE, "8ec90003-f315-4f60-9fb8-838830daea50")
    BONDED = (DFU_SERVICE, "8ec90004-f315-4f60-9fb8-838830daea50")
    """Needs a bond; the bootloader keeps the address."""
    EXPERIMENTAL = (_EXPERIMENTAL, _EXPERIMENTAL)
    """Of SDK 12 and 13, insecure; it notifies instead of indicating."""
    NONE = ("", "")

    @property
    def service(self) -> str:
        """The UUID of the service."""
        return self.value[0]

    @property
    def uuid(self) -> str:
        """The UUID of the characteristic."""
        return self.value[1]


class _Table:
    """Lays out services as a real attribute table is: one handle each attribute."""

    def __init__(self) -> None:
        self._handle = 0
        self.services: list[Service] = []

    def _next(self) -> int:
        self._handle += 1
        return self._handle

    def add(self, uuid: str, characteristics: dict[str, Property]) -> None:
        """Append a service."""
        handle = self._next()
        laid_out = tuple(
            self._characteristic(uuid, properties)
            for uuid, properties in characteristics.items()
        )
        self.services.append(
            Service(uuid=uuid, handle=handle, characteristics=laid_out)
        )

    def _characteristic(self, uuid: str, properties: Property) -> Characteristic:
        self._next()  # its declaration
        handle = self._next()
        descriptors: tuple[Descriptor, ...] = ()
        if properties & (Property.NOTIFY | Property.INDICATE):
            descriptors = (Descriptor(uuid=uuid16(CCCD), handle=self._next()),)
        return Characteristic(
            uuid=uuid, handle=handle, properties=properties, descriptors=descriptors
        )


@dataclass(frozen=True, slots=True)
class Telling:
    """What an application tells of itself, beyond what every lock does."""

    hardware: bool = True
    battery: bool = True


def _common_services(telling: Telling) -> _Table:
    """Lay out what every application has."""
    table = _Table()
    told = [MANUFACTURER, MODEL, SERIAL_NUMBER, FIRMWARE_REVISION]
    if telling.hardware:
        told.insert(-1, HARDWARE_REVISION)
    table.add(DEVICE_INFORMATION, dict.fromkeys(told, Property.READ))
    if telling.battery:
        table.add(BATTERY, {BATTERY_LEVEL: Property.READ})
    return table


@cache
def application_services(
    buttonless: Buttonless, telling: Telling
) -> tuple[Service, ...]:
    """Return the services of the application."""
    table = _common_services(telling)
    if buttonless is not Buttonless.NONE:
        told = Property.INDICATE
        if buttonless is Buttonless.EXPERIMENTAL:
            told = Property.NOTIFY
        table.add(buttonless.service, {buttonless.uuid: Property.WRITE | told})
    return tuple(table.services)


@cache
def smp_application_services(
    telling: Telling, *, updatable: bool = True
) -> tuple[Service, ...]:
    """Return the services of an application that is updated over SMP."""
    table = _common_services(telling)
    if updatable:
        table.add(
            SMP_SERVICE,
            {SMP_CHARACTERISTIC: Property.WRITE_WITHOUT_RESPONSE | Property.NOTIFY},
        )
    return tuple(table.services)


@cache
def bootloader_services() -> tuple[Service, ...]:
    """Return the services of the bootloader."""
    table = _Table()
    table.add(
        DFU_SERVICE,
        {
            CONTROL_POINT: Property.WRITE | Property.NOTIFY,
            PACKET: Property.WRITE_WITHOUT_RESPONSE,
        },
    )
    return tuple(table.services)
