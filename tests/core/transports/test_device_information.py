"""What a lock says of itself, and what is not believed of it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import override

import pytest

from custom_components.nightlatch.core.errors import TransportError, TransportProblem
from custom_components.nightlatch.core.model import LockIdentity
from custom_components.nightlatch.core.transports.device_information import (
    READ_TIMEOUT,
    read_identity,
)
from tests.rig.gatt import (
    AdvertisingData,
    AttError,
    AttRefusal,
    Central,
    Characteristic,
    Peripheral,
    Property,
    Service,
)
from tests.rig.link import Link, LinkModel
from tests.rig.lock_services import (
    BATTERY_LEVEL,
    CONTROL_POINT,
    DEVICE_INFORMATION,
    FIRMWARE_REVISION,
    HARDWARE_REVISION,
    MANUFACTURER,
    MODEL,
    SERIAL_NUMBER,
    Buttonless,
)
from tests.rig.radio import RigRadio
from tests.rig.virtual_time import virtual_time

from ..doorway import ADDRESS, NAME, OLD, doorway

pytestmark = virtual_time

KNOWN: Mapping[str, bytes] = {
    MODEL: b"KL-1",
    FIRMWARE_REVISION: b"1.0.0",
    HARDWARE_REVISION: b"B",
    MANUFACTURER: b"Kestrel Locks",
    SERIAL_NUMBER: b"0001",
    BATTERY_LEVEL: b"\x5a",
}
ALL = LockIdentity(
    model="KL-1",
    firmware_version="1.0.0",
    hardware_revision="B",
    manufacturer="Kestrel Locks",
    serial_number="0001",
    battery=90,
)
FIELDS = {
    HARDWARE_REVISION: "hardware_revision",
    MANUFACTURER: "manufacturer",
    SERIAL_NUMBER: "serial_number",
}


class Teller(Peripheral):
    """Says what it was given to say."""

    def __init__(self, values: Mapping[str, bytes]) -> None:
        """Take what it says, by characteristic."""
        self.values = dict(values)
        self._central: Central | None = None

    @property
    @override
    def advertising(self) -> AdvertisingData | None:
        if self._central is not None:
            return None
        return AdvertisingData(address=ADDRESS, local_name="Teller")

    @property
    @override
    def services(self) -> tuple[Service, ...]:
        characteristics = tuple(
            Characteristic(uuid=uuid, handle=handle, properties=Property.READ)
            for handle, uuid in enumerate(self.values, 2)
        )
        return (
            Service(uuid=DEVICE_INFORMATION, handle=1, characteristics=characteristics),
        )

    @override
    def on_advertising_changed(self, callback: Callable[[], None]) -> None:
        pass

    @override
    def connect(self, central: Central) -> None:
        self._central = central

    @override
    def disconnect(self) -> None:
        self._central = None

    @override
    def pair(self) -> bool:
        return False

    @override
    def read(self, handle: int) -> bytes:
        return list(self.values.values())[handle - 2]

    @override
    def write(self, handle: int, data: bytes, *, response: bool) -> None:
        raise AttRefusal(AttError.WRITE_NOT_PERMITTED)


async def told(values: Mapping[str, bytes]) -> LockIdentity:
    """Return what is read of a lock that says this."""
    radio = RigRadio()
    link = radio.add(Teller(values))
    try:
        return await read_identity(radio, ADDRESS, NAME)
    finally:
        assert not link.connected


@pytest.fixture
async def link() -> AsyncIterator[tuple[RigRadio, Link]]:
    """A lock that says everything, on a link that takes its time."""
    radio = RigRadio()
    link = radio.add(Teller(KNOWN), LinkModel(connection_interval=0.1))
    yield radio, link
    link.cut()


async def test_all_is_read() -> None:
    """Text as text, the battery in percent."""
    assert await told(KNOWN) == ALL


@pytest.mark.parametrize("missing", [*FIELDS, BATTERY_LEVEL])
async def test_what_is_missing_is_unknown(missing: str) -> None:
    """It is not made up."""
    identity = await told({key: KNOWN[key] for key in KNOWN if key != missing})
    field = FIELDS.get(missing, "battery")
    assert getattr(identity, field) is None
    assert identity.model == "KL-1"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"KL-1\0\0", "KL-1"),
        (b"  KL-1 ", "KL-1"),
        ("Türschloß".encode(), "Türschloß"),
        (b"x" * 64, "x" * 64),
    ],
)
async def test_text_is_tidied(data: bytes, text: str) -> None:
    """Vendors fill fields with zeros and blanks."""
    assert (await told({**KNOWN, MODEL: data})).model == text


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\0\0\0", id="zeros"),
        pytest.param(b"   ", id="blanks"),
        pytest.param(b"\xff\xfe\xfd", id="no UTF-8"),
        pytest.param(b"x" * 65, id="too long"),
        pytest.param(b"KL\n1", id="line break"),
        pytest.param(b"KL\x1b[1m", id="control character"),
        pytest.param("KL\u202e1".encode(), id="writes backwards"),
    ],
)
async def test_what_is_no_text_is_unknown(data: bytes) -> None:
    """And a lock whose model or version is unknown is no lock that is known."""
    for uuid, field in FIELDS.items():
        assert getattr(await told({**KNOWN, uuid: data}), field) is None
    for uuid in (MODEL, FIRMWARE_REVISION):
        with pytest.raises(TransportError) as error:
            await told({**KNOWN, uuid: data})
        assert error.value.reason is TransportProblem.NO_IDENTITY


@pytest.mark.parametrize("missing", [MODEL, FIRMWARE_REVISION])
async def test_without_model_or_version_there_is_no_identity(missing: str) -> None:
    """Nothing could be chosen for it."""
    with pytest.raises(TransportError) as error:
        await told({key: KNOWN[key] for key in KNOWN if key != missing})
    assert error.value.reason is TransportProblem.NO_IDENTITY


@pytest.mark.parametrize(
    ("data", "battery"),
    [
        (b"\x00", 0),
        (b"\x64", 100),
        (b"\x65", None),
        (b"\xff", None),
        (b"", None),
        (b"\x32\x00", None),
    ],
)
async def test_a_battery_level_is_one_byte_of_percent(
    data: bytes, battery: int | None
) -> None:
    """255 is how some locks say that they do not know."""
    assert (await told({**KNOWN, BATTERY_LEVEL: data})).battery == battery


async def test_a_bootloader_in_its_place_is_told_apart() -> None:
    """A lock that has no identity because it waits in its bootloader."""
    with pytest.raises(TransportError) as error:
        await told({CONTROL_POINT: b""})
    assert error.value.reason is TransportProblem.IN_BOOTLOADER


async def test_a_real_bootloader_is_told_apart() -> None:
    """At the application's own address."""
    async with doorway(buttonless=Buttonless.BONDED) as door:
        door.radio.believes_memory = True
        assert (await read_identity(door.radio, ADDRESS, NAME)).firmware_version == OLD
        door.lock.bonded = True
        door.lock._jump()
        await asyncio.sleep(1)
        with pytest.raises(TransportError) as error:
            await read_identity(door.radio, ADDRESS, NAME, fresh_services=True)
        assert error.value.reason is TransportProblem.IN_BOOTLOADER
        door.assert_nothing_left()


async def test_a_lock_that_is_not_there_is_not_read() -> None:
    """The radio's own words are passed on."""
    with pytest.raises(TransportError) as error:
        await read_identity(RigRadio(), ADDRESS, NAME)
    assert error.value.reason is TransportProblem.NOT_FOUND


async def test_a_link_lost_while_reading_is_told(link: tuple[RigRadio, Link]) -> None:
    """Half an identity is none."""
    radio, carrier = link
    asyncio.get_running_loop().call_later(1.0, carrier.cut)
    with pytest.raises(TransportError) as error:
        await read_identity(radio, ADDRESS, NAME)
    assert error.value.reason is TransportProblem.LINK_LOST


async def test_a_lock_that_does_not_answer_is_not_waited_for_for_ever(
    link: tuple[RigRadio, Link], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deadline is for all of it, not for each value."""
    radio, carrier = link
    carrier.model.connection_interval = 4.0
    started = asyncio.get_running_loop().time()
    with pytest.raises(TransportError) as error:
        await read_identity(radio, ADDRESS, NAME)
    assert error.value.reason is TransportProblem.NO_ANSWER
    assert error.value.details == {"step": "read_identity"}
    waited = asyncio.get_running_loop().time() - started
    assert READ_TIMEOUT < waited < READ_TIMEOUT + 20
    assert not carrier.connected


async def test_reading_can_be_cancelled(link: tuple[RigRadio, Link]) -> None:
    """And leaves no connection."""
    radio, carrier = link
    reading = asyncio.create_task(read_identity(radio, ADDRESS, NAME))
    await asyncio.sleep(1)
    assert carrier.connected
    reading.cancel()
    await asyncio.wait((reading,))
    assert reading.cancelled()
    assert not carrier.connected
