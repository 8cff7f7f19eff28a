"""Bonds: what a lock speaks of only to whoever is paired with it.

A bond is made where the lock asks for one, and not before. It belongs to the adapter or
the proxy that made it: over another one the lock asks again. So it is kept which one that
is, and the lock is reached over it as long as it hears the lock.
"""

from collections.abc import Awaitable, Callable
import re

from bleak.exc import (
    BleakDBusError,
    BleakError,
    BleakGATTProtocolError,
    BleakGATTProtocolErrorCode,
)

from ..errors import TransportError, TransportProblem
from .base import GattClient, Radio

# Bluetooth Core 5.4 Vol 3 Part F 3.4.1.1.
_WANTS_BOND = frozenset(
    {
        BleakGATTProtocolErrorCode.INSUFFICIENT_AUTHENTICATION,
        BleakGATTProtocolErrorCode.INSUFFICIENT_AUTHORIZATION,
        BleakGATTProtocolErrorCode.INSUFFICIENT_ENCRYPTION_KEY_SIZE,
        BleakGATTProtocolErrorCode.INSUFFICIENT_ENCRYPTION,
    }
)
# ESPHome's proxies pass an ATT error on in the text of a plain BleakError
# (aioesphomeapi, BluetoothGATTAPIError).
_ERROR_IN_TEXT = re.compile(r"\berror=(\d+)\b")
# BlueZ has one answer for three of these errors (src/gatt-client.c,
# create_gatt_dbus_error), which bleak leaves as it is.
_NOT_PERMITTED = "org.bluez.Error.NotPermitted"
_NOT_PAIRED = "Not paired"
# Why a proxy's pairing failed (ESP-IDF, esp_gap_ble_api.h: passkey, out of band data,
# requirements that what has no keys cannot meet).
_PASSKEY_IN_TEXT = re.compile(r"due to error: (78|79|80)\b")


def wants_bond(err: BleakError) -> bool:
    """Return whether a lock refused something because it is not bonded, or not enough."""
    if isinstance(err, BleakGATTProtocolError):
        return err.code in _WANTS_BOND
    if isinstance(err, BleakDBusError):
        return err.dbus_error == _NOT_PERMITTED and _NOT_PAIRED in str(err)
    found = _ERROR_IN_TEXT.search(str(err))
    return found is not None and int(found[1]) in _WANTS_BOND


async def with_bond[T](
    radio: Radio, client: GattClient, do: Callable[[], Awaitable[T]]
) -> T:
    """Do something that a lock may ask a bond for, and bond with it if it does.

    What is done may be done twice. Raises what it raises, or ``TransportError``: see
    ``bond``.
    """
    try:
        return await do()
    except BleakError as err:
        if not wants_bond(err):
            raise
    await _pair(radio, client)
    try:
        done = await do()
    except BleakError as err:
        if not wants_bond(err):
            raise
        # It has paired without a passkey, and that is not enough for the lock.
        raise _refused(radio, client, passkey=True) from err
    await radio.note_bond(client)
    return done


async def bond(radio: Radio, client: GattClient) -> None:
    """Bond with a lock.

    Raises ``TransportError``: LINK_LOST, or where the lock does not agree PAIRING_REFUSED
    or NEEDS_PASSKEY, PAIRED_ELSEWHERE where it is known to be paired with another adapter
    or proxy, and NOT_BONDED where it is not known who asked it.
    """
    await _pair(radio, client)
    await radio.note_bond(client)


async def _pair(radio: Radio, client: GattClient) -> None:
    try:
        await client.pair()
    except (BleakError, NotImplementedError) as err:
        if not client.is_connected:
            raise TransportError(TransportProblem.LINK_LOST) from err
        passkey = _PASSKEY_IN_TEXT.search(str(err)) is not None
        raise _refused(radio, client, passkey=passkey) from err


def _refused(radio: Radio, client: GattClient, *, passkey: bool) -> TransportError:
    if (way := radio.way(client)) is None:
        return TransportError(TransportProblem.NOT_BONDED)
    if (paired := radio.paired_with(client)) not in {None, way}:
        return TransportError(
            TransportProblem.PAIRED_ELSEWHERE, way=way, paired=str(paired)
        )
    if passkey:
        return TransportError(TransportProblem.NEEDS_PASSKEY, way=way)
    return TransportError(TransportProblem.PAIRING_REFUSED, way=way)
