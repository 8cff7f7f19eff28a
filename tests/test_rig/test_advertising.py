"""Virtual locks advertise with the bytes of real ones."""

from bluetooth_data_tools import parse_advertisement_data
from hypothesis import given, strategies as st
import pytest

from tests.rig.advertising import MAX_PDU, encode_advertisement, short_uuid
from tests.rig.gatt import AdvertisingData, uuid16

LONG_UUID = "6f7a0001-51b1-4a5e-9c0a-3d2f5ce10f7b"


def advertising(**changes: object) -> AdvertisingData:
    """Return advertising data."""
    return AdvertisingData(
        **{"address": "C3:11:22:33:44:55", "local_name": "DfuTarg"} | changes  # type: ignore[arg-type]
    )


def test_bootloader() -> None:
    """A Secure DFU bootloader says flags, its service and its name."""
    data = advertising(service_uuids=(uuid16(0xFE59),))
    assert encode_advertisement(data) == (
        bytes.fromhex("020106 0303 59fe 08 09") + b"DfuTarg",
        b"",
    )


def test_all_structures() -> None:
    """Home Assistant's parser reads what was said."""
    data = advertising(
        local_name="L1",
        service_uuids=(uuid16(0x180F), LONG_UUID),
        manufacturer_data={0x0059: b"\x07"},
    )
    pdu, scan_response = encode_advertisement(data)
    parsed = parse_advertisement_data((pdu, scan_response))
    assert parsed.local_name == "L1"
    assert parsed.service_uuids == [uuid16(0x180F), LONG_UUID]
    assert parsed.manufacturer_data == {0x0059: b"\x07"}


def test_name_moves_to_the_scan_response() -> None:
    """A name that doesn't fit is only told to active scanners."""
    data = advertising(local_name="Nightjar 500 Front", service_uuids=(LONG_UUID,))
    pdu, scan_response = encode_advertisement(data)
    assert parse_advertisement_data((pdu,)).local_name is None
    assert parse_advertisement_data((scan_response,)).local_name == "Nightjar 500 Front"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"local_name": "x" * 30}, id="name"),
        pytest.param({"service_uuids": (LONG_UUID, LONG_UUID)}, id="UUIDs"),
        pytest.param({"manufacturer_data": {1: bytes(30)}}, id="manufacturer data"),
    ],
)
def test_too_much(changes: dict[str, object]) -> None:
    """A virtual lock can't say more than a real one."""
    with pytest.raises(ValueError, match="Too much"):
        encode_advertisement(advertising(**changes))


@given(
    name=st.text(
        st.characters(codec="ascii", categories=["L", "N"]), min_size=1
    ).filter(lambda name: len(name) <= 29),
    short=st.lists(st.integers(0, 0xFFFF), max_size=3, unique=True),
)
def test_never_longer_than_the_air_allows(name: str, short: list[int]) -> None:
    """Each part fits into its PDU, and nothing gets lost."""
    data = advertising(
        local_name=name, service_uuids=tuple(uuid16(number) for number in short)
    )
    pdu, scan_response = encode_advertisement(data)
    assert len(pdu) <= MAX_PDU
    assert len(scan_response) <= MAX_PDU
    parsed = parse_advertisement_data((pdu, scan_response))
    assert parsed.local_name == name
    assert sorted(parsed.service_uuids) == sorted(data.service_uuids)


@pytest.mark.parametrize(
    ("uuid", "short"),
    [
        (uuid16(0xFE59), 0xFE59),
        (uuid16(0xFE59).upper(), 0xFE59),
        (LONG_UUID, None),
        ("00010000-0000-1000-8000-00805f9b34fb", None),
        ("00000000-0000-0000-0000-000000000000", None),
    ],
)
def test_short_uuid(uuid: str, short: int | None) -> None:
    """Only UUIDs on the Bluetooth base have a short form."""
    assert short_uuid(uuid) == short
