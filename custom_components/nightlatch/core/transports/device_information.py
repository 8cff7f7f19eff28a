"""What a Bluetooth lock says of itself.

Device Information service 0x180A (Bluetooth SIG, DIS 1.1) and Battery service 0x180F
(BAS 1.0).
"""

from collections.abc import Awaitable, Callable
from functools import partial

from ..errors import TransportError, TransportProblem
from ..model import LockIdentity
from .base import GattClient, Radio, close, find_characteristic, link_errors
from .bonding import with_bond
from .nordic_protocol import CONTROL_POINT

READ_TIMEOUT = 30.0


def _uuid(short: int) -> str:
    return f"0000{short:04x}-0000-1000-8000-00805f9b34fb"


_BATTERY_LEVEL = _uuid(0x2A19)
_MODEL = _uuid(0x2A24)
_SERIAL_NUMBER = _uuid(0x2A25)
FIRMWARE_REVISION = _uuid(0x2A26)
_HARDWARE_REVISION = _uuid(0x2A27)
_MANUFACTURER = _uuid(0x2A29)
# Longer strings are no names.
_MAX_LENGTH = 64


async def _nothing_else(_: GattClient) -> None:
    """Read what it says of itself only."""


async def read_identity(
    radio: Radio,
    address: str,
    name: str,
    *,
    fresh_services: bool = False,
    also: Callable[[GattClient], Awaitable[None]] = _nothing_else,
) -> LockIdentity:
    """Connect to a lock and read what it says of itself.

    ``also`` is awaited before the connection is closed; it has deadlines of its own.

    Raises ``TransportError``: IN_BOOTLOADER when a bootloader answers in its place,
    NO_IDENTITY when model or firmware revision are missing, that it does not pair where
    it asks for a bond, else what the connection failed with.
    """
    again = fresh_services
    while True:
        client = await radio.connect(
            address,
            name=name,
            disconnected=lambda: None,
            fresh_services=fresh_services,
        )
        try:
            async with link_errors("read_identity", READ_TIMEOUT):
                identity = await with_bond(radio, client, partial(_read, client))
            await also(client)
        except TransportError as err:
            # Perhaps it is not where a cache on the way still sees it: in its
            # application, or in a bootloader at the same address. Then it refuses what
            # is asked, and the link holds.
            refused = err.reason is TransportProblem.LINK_LOST and client.is_connected
            await radio.forget_services(client)
            if not (again and refused):
                raise
            again = False
        else:
            return identity
        finally:
            await close(client)


async def _read(client: GattClient) -> LockIdentity:
    model = await _text(client, _MODEL)
    version = await _text(client, FIRMWARE_REVISION)
    if model is None or version is None:
        if find_characteristic(client, CONTROL_POINT):
            raise TransportError(TransportProblem.IN_BOOTLOADER)
        raise TransportError(TransportProblem.NO_IDENTITY)
    return LockIdentity(
        model=model,
        firmware_version=version,
        hardware_revision=await _text(client, _HARDWARE_REVISION),
        manufacturer=await _text(client, _MANUFACTURER),
        serial_number=await _text(client, _SERIAL_NUMBER),
        battery=await _battery(client),
    )


async def _text(client: GattClient, uuid: str) -> str | None:
    """Return a string characteristic; None where it is absent or no printable text."""
    if (characteristic := find_characteristic(client, uuid)) is None:
        return None
    data = bytes(await client.read_gatt_char(characteristic)).rstrip(b"\0")
    try:
        text = data.decode().strip()
    except UnicodeDecodeError:
        return None
    if not text or len(text) > _MAX_LENGTH or not text.isprintable():
        return None
    return text


async def _battery(client: GattClient) -> int | None:
    if (characteristic := find_characteristic(client, _BATTERY_LEVEL)) is None:
        return None
    data = bytes(await client.read_gatt_char(characteristic))
    return data[0] if len(data) == 1 and data[0] <= 100 else None
