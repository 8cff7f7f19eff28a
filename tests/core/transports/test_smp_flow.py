"""How much is under way at a time over SMP."""

from hypothesis import given, strategies as st
import pytest

from custom_components.nightlatch.core.transports.smp_flow import (
    LEAST_REQUEST,
    RequestFlow,
)
from custom_components.nightlatch.core.transports.smp_protocol import Parameters

PACKET = 244
USUAL = Parameters(2475, 4)


def flow(packet: int = PACKET, parameters: Parameters | None = USUAL) -> RequestFlow:
    """Return a flow over a new connection."""
    made = RequestFlow()
    made.connected(packet, parameters)
    return made


def test_it_begins_with_all_that_the_server_takes() -> None:
    """But for a buffer that the answer needs."""
    full = flow()
    assert full.request_size == full.first_request_size == 2475
    assert full.window == 3


@pytest.mark.parametrize(
    ("buffers", "window"), [(0, 1), (1, 1), (2, 1), (4, 3), (99, 8)]
)
def test_the_window_is_what_the_server_has_room_for(buffers: int, window: int) -> None:
    """At least one, and not so many that a proxy chokes."""
    assert flow(parameters=Parameters(2475, buffers)).window == window


@pytest.mark.parametrize(
    ("buffer", "size"),
    [(0, LEAST_REQUEST), (100, LEAST_REQUEST), (200, 200), (2475, 2475), (10**6, 8192)],
)
def test_a_request_fits_into_a_buffer(buffer: int, size: int) -> None:
    """Within reason."""
    assert flow(parameters=Parameters(buffer, 4)).request_size == size


def test_a_server_that_tells_nothing_gets_one_write_at_a_time() -> None:
    """It may not put requests together."""
    plain = flow(parameters=None)
    assert plain.request_size == plain.first_request_size == PACKET
    assert plain.window == 1


def test_a_request_may_need_several_writes_all_the_same() -> None:
    """With the smallest MTU nothing else goes."""
    tiny = flow(packet=20, parameters=None)
    assert tiny.request_size == LEAST_REQUEST


def test_what_gets_lost_makes_requests_smaller() -> None:
    """Down to one write, once it is known that the server puts them together."""
    lossy = flow()
    lossy.delivered(2475)
    sizes = []
    for _ in range(6):
        lossy.lost(lossy.request_size)
        sizes.append(lossy.request_size)
    assert sizes == [1237, 618, 309, PACKET, PACKET, PACKET]
    assert lossy.window == 3
    assert lossy.first_request_size == PACKET


def test_silence_makes_the_window_smaller() -> None:
    """Perhaps the server has fewer buffers than it told; it grows again as well."""
    silent = flow(parameters=Parameters(PACKET, 9))
    windows = []
    for _ in range(5):
        silent.fell_silent()
        windows.append(silent.window)
    assert windows == [4, 2, 1, 1, 1]
    for _ in range(16):
        silent.delivered(PACKET)
    assert silent.window == 2


def test_what_arrives_lets_them_grow_again() -> None:
    """The more was lost, the slower."""
    lossy = flow()
    lossy.delivered(2475)
    lossy.lost(2475)
    for _ in range(31):
        lossy.delivered(1237)
    assert lossy.request_size == 1237
    lossy.delivered(1237)
    assert lossy.request_size == 2475
    assert lossy.first_request_size == PACKET
    lossy.lost(2475)
    for _ in range(63):
        lossy.delivered(1237)
    assert lossy.request_size == 1237
    lossy.delivered(1237)
    assert lossy.request_size == 2475


def test_a_server_that_never_puts_requests_together_is_not_asked_to() -> None:
    """Though it tells how large they may be."""
    plain = flow()
    plain.lost(2475)
    assert plain.request_size == 1237
    assert plain.first_request_size == PACKET
    plain.lost(2475)
    assert plain.request_size == PACKET
    for _ in range(10_000):
        plain.delivered(PACKET)
    assert plain.request_size == PACKET
    assert plain.window == 3


def test_a_server_may_have_less_room_than_a_write_has() -> None:
    """It does not tell, and drops what is longer."""
    plain = flow(packet=495, parameters=None)
    sizes = []
    for _ in range(5):
        plain.lost(plain.request_size)
        sizes.append(plain.request_size)
    assert sizes == [495, 247, 247, LEAST_REQUEST, LEAST_REQUEST]
    # One that gets lost afterwards is only lost.
    plain.delivered(LEAST_REQUEST)
    for _ in range(5):
        plain.lost(LEAST_REQUEST)
    assert plain.request_size == LEAST_REQUEST
    for _ in range(512):
        plain.delivered(LEAST_REQUEST)
    assert plain.request_size == 495


def test_another_connection_may_have_another_mtu() -> None:
    """What was learned stays."""
    lossy = flow()
    lossy.delivered(2475)
    lossy.lost(2475)
    lossy.connected(495, USUAL)
    assert lossy.request_size == 1237
    assert lossy.first_request_size == 495
    lossy.connected(20, None)
    assert lossy.request_size == LEAST_REQUEST


@given(
    st.lists(
        st.sampled_from(["lost", "silent", "delivered"])
        | st.tuples(st.integers(20, 512), st.integers(0, 20_000), st.integers(0, 300)),
        max_size=200,
    )
)
def test_it_never_leaves_its_bounds(events: list[str | tuple[int, int, int]]) -> None:
    """Whatever happens: never more than the server has room for."""
    any_flow = flow()
    packet, buffer, buffers = PACKET, 2475, 4
    for event in events:
        match event:
            case "lost":
                any_flow.lost(any_flow.request_size)
            case "silent":
                any_flow.fell_silent()
            case "delivered":
                any_flow.delivered(any_flow.request_size)
            case (packet, buffer, buffers):
                any_flow.connected(packet, Parameters(buffer, buffers))
        for size in (any_flow.request_size, any_flow.first_request_size):
            assert LEAST_REQUEST <= size <= max(buffer, LEAST_REQUEST)
        assert 1 <= any_flow.window <= max(1, buffers - 1)
