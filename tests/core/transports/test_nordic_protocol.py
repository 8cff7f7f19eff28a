"""The messages of Nordic Secure DFU, byte for byte."""

from collections.abc import Callable

from hypothesis import given, strategies as st
import pytest

from custom_components.nightlatch.core.errors import TransportError, TransportProblem
from custom_components.nightlatch.core.transports.nordic_protocol import (
    BootloaderError,
    NordicOperation,
    ObjectSelection,
    ObjectType,
    Receipt,
    as_receipt,
    bootloader_address,
    check_buttonless,
    check_result,
    create,
    execute,
    parse_selection,
    select,
    set_receipt,
    split_response,
)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (select(ObjectType.COMMAND), "0601"),
        (create(ObjectType.COMMAND, 139), "01018b000000"),
        (execute(), "04"),
        (select(ObjectType.DATA), "0602"),
        (create(ObjectType.DATA, 1508), "0102e4050000"),
        (set_receipt(0), "020000"),
        (set_receipt(0x1234), "023412"),
    ],
)
def test_requests_are_those_of_a_recorded_transfer(
    message: bytes, expected: str
) -> None:
    """Little-endian, as a real bootloader took them."""
    assert message.hex() == expected


def test_answers_are_those_of_a_recorded_transfer() -> None:
    """A selection of an empty bootloader, and a receipt."""
    operation, rest = split_response(bytes.fromhex("600601000200000000000000000000"))
    assert operation == NordicOperation.SELECT
    selection = parse_selection(check_result(NordicOperation.SELECT, rest))
    assert selection == ObjectSelection(max_size=512, offset=0, crc=0)
    receipt = as_receipt(bytes.fromhex("600301e40500004ce17734"))
    assert receipt == Receipt(offset=1508, crc=0x3477E14C)


@pytest.mark.parametrize(
    "data",
    [
        "",
        "60",
        "6003",
        "600301",
        "600301e40500004ce177",
        "600301e40500004ce1773400",
        "610301e40500004ce17734",
        "600601e40500004ce17734",
        "600308e40500004ce17734",
    ],
)
def test_what_is_no_receipt_is_not_taken_for_one(data: str) -> None:
    """Another answer, another result, or another length."""
    assert as_receipt(bytes.fromhex(data)) is None


@pytest.mark.parametrize("data", ["", "60", "6001", "200101", "ff0101"])
def test_what_is_no_answer_is_garbled(data: str) -> None:
    """The error shows what came."""
    with pytest.raises(TransportError) as error:
        split_response(bytes.fromhex(data))
    assert error.value.reason is TransportProblem.GARBLED_ANSWER
    assert error.value.details == {"answer": data}


def test_of_a_garbled_answer_only_the_beginning_is_shown() -> None:
    """It goes into a sentence."""
    with pytest.raises(TransportError) as error:
        split_response(b"\xaa" * 244)
    assert error.value.details == {"answer": "aa" * 20}


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param("", id="empty"),
        pytest.param("0010000000000000000000", id="short"),
        pytest.param("00100000000000000000000000", id="long"),
        pytest.param("000000000000000000000000", id="no room at all"),
    ],
)
def test_a_selection_has_its_length_and_a_size(payload: str) -> None:
    """Objects of no bytes would never end."""
    with pytest.raises(TransportError) as error:
        parse_selection(bytes.fromhex(payload))
    assert error.value.reason is TransportProblem.GARBLED_ANSWER


def problem_with(read: Callable[[], object]) -> TransportProblem | int | None:
    """Return what reading ends with; None where it is fine."""
    try:
        read()
    except TransportError as error:
        return error.reason
    except BootloaderError as error:
        return error.result
    return None


@given(st.binary(max_size=30) | st.binary(max_size=13).map(b"\x60\x06".__add__))
def test_no_notification_breaks_the_parsers(data: bytes) -> None:
    """Whatever comes is an answer or a problem with a name."""

    def read_selection() -> None:
        _, rest = split_response(data)
        parse_selection(check_result(NordicOperation.SELECT, rest))

    as_receipt(data)
    assert problem_with(read_selection) in {
        None,
        TransportProblem.GARBLED_ANSWER,
        *data[2:3],
    }
    problem = problem_with(lambda: check_buttonless(data))
    if data[:3] == b"\x20\x01\x01":
        assert problem is None
    else:
        assert problem in {
            TransportProblem.GARBLED_ANSWER,
            TransportProblem.BUTTONLESS_REFUSED,
            TransportProblem.NOT_BONDED,
        }


@pytest.mark.parametrize(
    ("rest", "code"),
    [("08", "0x08"), ("0b", "0x0B"), ("0b0c", "0x0B/0x0C"), ("fe", "0xFE")],
)
def test_the_code_is_shown_as_the_vendors_support_asks_for_it(
    rest: str, code: str
) -> None:
    """With the extended one, if there is one."""
    with pytest.raises(BootloaderError, match=f"EXECUTE.*{code}") as error:
        check_result(NordicOperation.EXECUTE, bytes.fromhex(rest))
    told = error.value.as_transport_error(ObjectType.DATA)
    assert told.details == {"operation": "execute", "code": code}


@pytest.mark.parametrize(
    ("application", "bootloader"),
    [
        ("C0:11:22:33:44:55", "C0:11:22:33:44:56"),
        ("c0:11:22:33:44:0f", "C0:11:22:33:44:10"),
        ("C0:11:22:33:FF:FF", "C0:11:22:33:FF:00"),
    ],
)
def test_the_bootloaders_address_wraps_without_a_carry(
    application: str, bootloader: str
) -> None:
    """As its source adds one to a byte."""
    assert bootloader_address(application) == bootloader
