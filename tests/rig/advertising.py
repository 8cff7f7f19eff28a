"""Advertising data as they are on the air.

AD structures: Bluetooth Core 5.4 Vol 3 Part C 11, types in the Supplement Part A 1.
"""

from uuid import UUID

from .gatt import AdvertisingData

MAX_PDU = 31
"""Bytes of advertising data in a legacy advertising PDU, and in a scan response."""

_BASE_UUID = UUID("00000000-0000-1000-8000-00805f9b34fb")

_FLAGS = 0x01
_COMPLETE_UUIDS_16 = 0x03
_COMPLETE_UUIDS_128 = 0x07
_COMPLETE_NAME = 0x09
_MANUFACTURER_DATA = 0xFF

_LE_GENERAL_DISCOVERABLE_BR_EDR_NOT_SUPPORTED = 0x06


def short_uuid(uuid: str) -> int | None:
    """Return the 16-bit form of a UUID, if it has one."""
    value = UUID(uuid).int - _BASE_UUID.int
    short, rest = divmod(value, 1 << 96)
    return short if rest == 0 and 0 <= short <= 0xFFFF else None


def encode_advertisement(advertising: AdvertisingData) -> tuple[bytes, bytes]:
    """Return the payload of the advertising PDU and of the scan response.

    The name moves to the scan response where it doesn't fit into the PDU: then only an
    active scanner sees it. Raises ``ValueError`` for data that no legacy advertisement
    can carry.
    """
    short: list[int] = []
    long: list[UUID] = []
    for uuid in advertising.service_uuids:
        if (number := short_uuid(uuid)) is None:
            long.append(UUID(uuid))
        else:
            short.append(number)

    pdu = _structure(_FLAGS, bytes((_LE_GENERAL_DISCOVERABLE_BR_EDR_NOT_SUPPORTED,)))
    if short:
        pdu += _structure(
            _COMPLETE_UUIDS_16,
            b"".join(number.to_bytes(2, "little") for number in short),
        )
    if long:
        pdu += _structure(
            _COMPLETE_UUIDS_128, b"".join(uuid.bytes[::-1] for uuid in long)
        )
    for company, data in advertising.manufacturer_data.items():
        pdu += _structure(_MANUFACTURER_DATA, company.to_bytes(2, "little") + data)
    name = _structure(_COMPLETE_NAME, advertising.local_name.encode())

    scan_response = b""
    if len(pdu) + len(name) <= MAX_PDU:
        pdu += name
    else:
        scan_response = name
    if len(pdu) > MAX_PDU or len(scan_response) > MAX_PDU:
        raise ValueError(f"Too much to advertise for {advertising.address}")
    return pdu, scan_response


def _structure(kind: int, data: bytes) -> bytes:
    """Return one AD structure."""
    return bytes((len(data) + 1, kind)) + data
