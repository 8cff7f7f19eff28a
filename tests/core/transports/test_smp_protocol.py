"""The messages of SMP, read and written by somebody else too."""

from typing import Any

import cbor2
from hypothesis import given, strategies as st
import pytest
from smp import header as smp_header, image_management as smp_image
from smp.error import MGMT_ERR
from smp.os_management import (
    BootloaderInformationReadRequest,
    MCUMgrParametersReadRequest,
    MCUMgrParametersReadResponse,
    ResetWriteRequest,
)

from custom_components.nightlatch.core.errors import TransportError, TransportProblem
from custom_components.nightlatch.core.transports.smp_protocol import (
    HEADER_SIZE,
    READ_BOOT_LOADER,
    READ_PARAMETERS,
    READ_STATE,
    RESET,
    UPLOAD,
    WRITE_STATE,
    Command,
    Group,
    ImageResult,
    Parameters,
    Slot,
    SmpError,
    SmpResult,
    encode_request,
    message_size,
    parse_offset,
    parse_parameters,
    parse_state,
    read_answer,
    split_answer,
)

HASH = bytes(range(32))
REQUESTS: list[tuple[Command, dict[str, Any], Any]] = [
    (READ_PARAMETERS, {}, MCUMgrParametersReadRequest),
    (READ_BOOT_LOADER, {"query": "mode"}, BootloaderInformationReadRequest),
    (RESET, {}, ResetWriteRequest),
    (READ_STATE, {}, smp_image.ImageStatesReadRequest),
    (WRITE_STATE, {"hash": HASH, "confirm": False}, smp_image.ImageStatesWriteRequest),
    (WRITE_STATE, {"confirm": True}, smp_image.ImageStatesWriteRequest),
    (
        UPLOAD,
        {"data": b"x" * 400, "image": 0, "len": 9000, "sha": HASH, "off": 0},
        smp_image.ImageUploadWriteRequest,
    ),
    (UPLOAD, {"data": b"y", "off": 8999}, smp_image.ImageUploadWriteRequest),
]


@pytest.mark.parametrize(("command", "body", "oracle"), REQUESTS)
def test_requests_are_understood_by_others(
    command: Command, body: dict[str, Any], oracle: Any
) -> None:
    """To the last field, and with the version of the protocol that they speak."""
    message = encode_request(command, 200, body)
    assert len(message) == message_size(message[:HEADER_SIZE])
    read = oracle.loads(message)
    fields = read.model_dump(
        exclude_unset=True, exclude={"header", "version", "sequence", "smp_data"}
    )
    assert {key: fields[key] for key in body} == body
    assert read.header.sequence == 200
    assert read.header.version == smp_header.Version.V2


def test_answers_of_others_are_understood() -> None:
    """As the library writes them."""
    answer = MCUMgrParametersReadResponse(buf_size=2475, buf_count=4, sequence=7)
    read = split_answer(bytes(answer))
    assert read.sequence == 7
    assert read.is_to(READ_PARAMETERS)
    assert not read.is_to(READ_STATE)
    assert not read.is_to(WRITE_STATE)
    body = read_answer(READ_PARAMETERS, read.payload)
    assert parse_parameters(body) == Parameters(2475, 4)


def test_states_of_others_are_understood() -> None:
    """With what they leave out."""
    states = smp_image.ImageStatesReadResponse(
        images=[
            smp_image.ImageState(
                slot=0, version="1.0.0", hash=HASH, active=True, confirmed=True
            ),
            smp_image.ImageState(slot=1, version="1.1.0.7", pending=True, image=0),
            smp_image.ImageState(slot=0, version="9.9.9", hash=HASH, image=1),
        ],
        sequence=1,
    )
    read = split_answer(bytes(states))
    running, waiting = parse_state(read_answer(READ_STATE, read.payload))
    assert running == Slot(
        slot=0,
        version="1.0.0",
        hash=HASH,
        pending=False,
        permanent=False,
        confirmed=True,
        active=True,
    )
    assert waiting == Slot(
        slot=1,
        version="1.1.0.7",
        hash=b"",
        pending=True,
        permanent=False,
        confirmed=False,
        active=False,
    )


def answer(body: object) -> dict[str, Any]:
    """Read an answer to an upload."""
    return read_answer(UPLOAD, cbor2.dumps(body))


def error(body: object) -> SmpError:
    """Return the error that an answer is; it must be one."""
    with pytest.raises(SmpError) as caught:
        answer(body)
    return caught.value


def test_success_comes_in_several_ways() -> None:
    """With or without a code."""
    assert answer({"off": 5}) == {"off": 5}
    assert answer({"rc": 0, "off": 5})["off"] == 5
    assert answer({"err": {"group": 1, "rc": 0}, "off": 5})["off"] == 5
    indefinite = bytes.fromhex("bf 62 7263 00 63 6f6666 05 ff")
    assert read_answer(UPLOAD, indefinite) == {"rc": 0, "off": 5}


def test_errors_come_in_two_ways() -> None:
    """Those of all groups, and those of one."""
    first = error({"rc": 8})
    assert (first.result, first.group, first.code) == (8, None, "8")
    assert first.not_supported
    second = error({"err": {"group": 1, "rc": 8}})
    assert (second.result, second.group, second.code) == (8, 1, "1/8")
    assert not second.not_supported
    assert "upload" in str(second)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"rc": SmpResult.UNKNOWN}, TransportProblem.REJECTED),
        ({"rc": SmpResult.NO_MEMORY}, TransportProblem.REJECTED_SPACE),
        ({"rc": SmpResult.ACCESS_DENIED}, TransportProblem.NOT_BONDED),
        ({"rc": 99}, TransportProblem.REJECTED),
        ({"err": {"group": 0, "rc": 10}}, TransportProblem.REJECTED),
        ({"err": {"group": 1, "rc": 99}}, TransportProblem.REJECTED),
        ({"err": {"group": 1, "rc": 9}}, TransportProblem.REJECTED_SPACE),
        ({"err": {"group": 1, "rc": 30}}, TransportProblem.REJECTED_SPACE),
        ({"err": {"group": 1, "rc": 12}}, TransportProblem.LOCK_MEMORY),
        ({"err": {"group": 1, "rc": 13}}, TransportProblem.LOCK_MEMORY),
        ({"err": {"group": 1, "rc": 24}}, TransportProblem.REJECTED_HASH),
        ({"err": {"group": 1, "rc": 27}}, TransportProblem.REJECTED_VERSION),
    ],
)
def test_errors_are_told_in_words(body: object, problem: TransportProblem) -> None:
    """With the code that the vendor's support will ask for."""
    caught = error(body)
    told = caught.as_transport_error()
    assert told.reason is problem
    assert told.details == {"operation": "upload", "code": caught.code}


def test_codes_are_those_of_others() -> None:
    """By their names; the library leaves out some of the later ones."""
    theirs = smp_image.IMG_MGMT_ERR.__members__
    ours = {result.name: int(result) for result in ImageResult}
    shared = ours.keys() & theirs.keys()
    assert {"HASH_NOT_FOUND", "NO_FREE_SLOT", "INVALID_OFFSET"} <= shared
    assert {name: ours[name] for name in shared} == {
        name: int(theirs[name]) for name in shared
    }
    assert {result.value for result in SmpResult} <= {code.value for code in MGMT_ERR}


def test_only_some_errors_pass() -> None:
    """Those that come of what arrived, not of what was meant."""
    for code in (1, 2, 3, 4, 9, 10):
        assert error({"rc": code}).passing
    for code in (5, 6, 7, 8, 11, 12):
        assert not error({"rc": code}).passing
    for code in (1, 15, 20, 21):
        assert error({"err": {"group": Group.IMAGE, "rc": code}}).passing
        assert not error({"err": {"group": 5, "rc": code}}).passing
    for code in (8, 9, 12, 24, 27, 30):
        assert not error({"err": {"group": Group.IMAGE, "rc": code}}).passing


TAGGED = [
    cbor2.CBORTag(tag, value) for tag, value in ((2, b"x" * 9), (1, 7), (35, "("))
]


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff",
        b"\xa1",
        b"\xa2\x61a\x01\x61a\x02",
        b"\xa1\x61\xff\x01",
        b"\x5b" + b"\xff" * 8,
        b"\x81" * 500 + b"\x00",
        cbor2.dumps([1]),
        cbor2.dumps(7),
        cbor2.dumps({1: 2}),
        cbor2.dumps({"rc": "8"}),
        cbor2.dumps({"rc": -1}),
        cbor2.dumps({"rc": True}),
        cbor2.dumps({"err": {"group": 1}}),
        cbor2.dumps({"err": {"group": "1", "rc": 1}}),
        *(cbor2.dumps({"off": tagged}) for tagged in TAGGED),
        cbor2.dumps({"off": cbor2.CBORTag(999, 1)}),
    ],
)
def test_what_makes_no_sense_is_said_to_make_none(payload: bytes) -> None:
    """And nothing of it is made an object of."""
    with pytest.raises(TransportError) as caught:
        read_answer(UPLOAD, payload)
    assert caught.value.reason is TransportProblem.GARBLED_ANSWER
    assert caught.value.details == {"answer": payload[:20].hex()}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"buf_size": 100},
        {"buf_size": 100, "buf_count": "4"},
        {"buf_size": -1, "buf_count": 4},
        {"buf_size": True, "buf_count": 4},
    ],
)
def test_parameters_that_make_no_sense(body: dict[str, Any]) -> None:
    """Nothing is guessed."""
    with pytest.raises(TransportError) as caught:
        parse_parameters(body)
    assert caught.value.reason is TransportProblem.GARBLED_ANSWER


@pytest.mark.parametrize("offset", [None, -1, 11, "5", True, 1.0])
def test_offsets_that_make_no_sense(offset: object) -> None:
    """Nothing is sent beyond the image, nor before it."""
    with pytest.raises(TransportError) as caught:
        parse_offset({"off": offset}, 10)
    assert caught.value.reason is TransportProblem.GARBLED_ANSWER
    assert parse_offset({"off": 10}, 10) == 10


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"images": {}},
        {"images": [7]},
        {"images": [{"version": "1.0.0"}]},
        {"images": [{"slot": -1}]},
        {"images": [{"slot": 0, "version": 1}]},
        {"images": [{"slot": 0, "hash": "text"}]},
        {"images": [{"slot": 0, "active": 1}]},
    ],
)
def test_states_that_make_no_sense(body: dict[str, Any]) -> None:
    """A wrong guess might confirm the wrong image."""
    with pytest.raises(TransportError) as caught:
        parse_state(body)
    assert caught.value.reason is TransportProblem.GARBLED_ANSWER


def test_versions_are_kept_fit_to_be_shown() -> None:
    """They end up in sentences."""
    body = {
        "images": [{"slot": 0, "version": "1" * 99}, {"slot": 1, "version": "\x1b["}]
    }
    assert [slot.version for slot in parse_state(body)] == ["1" * 32, ""]


@given(st.binary(max_size=200))
def test_arbitrary_answers_are_read_or_refused(payload: bytes) -> None:
    """And raise nothing else."""
    try:
        body = read_answer(READ_STATE, payload)
        parse_state(body)
    except SmpError, TransportError:
        return


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.binary(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(
            ["rc", "err", "off", "images", "buf_size", "buf_count", "match"]
        ),
        values,
        max_size=4,
    )
)
def test_any_fields_are_read_or_refused(body: dict[str, Any]) -> None:
    """And raise nothing else."""
    for parse in (
        parse_state,
        parse_parameters,
        lambda fields: parse_offset(fields, 9),
    ):
        try:
            parse(read_answer(UPLOAD, cbor2.dumps(body)))
        except SmpError, TransportError:
            continue
