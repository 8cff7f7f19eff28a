"""The window over unacknowledged packets."""

from math import ceil

from hypothesis import given, strategies as st
import pytest

from custom_components.nightlatch.core.transports.nordic_flow import PacketFlow
from custom_components.nightlatch.core.transports.nordic_protocol import WORD

OBJECT = 4096
MAX_PACKETS = [20, 60, 180, 244]

# Losses, each with what is known of the packets before it; None is a clean object.
events = st.lists(
    st.none()
    | st.tuples(st.integers(1, 205), st.none() | st.integers(0, 205)).filter(
        lambda loss: loss[1] is None or loss[1] <= loss[0]
    ),
    max_size=30,
)


def flow_after(
    happened: list[tuple[int, int | None] | None], max_object: int, max_packet: int
) -> PacketFlow:
    """Return what a flow has become."""
    flow = PacketFlow(max_object=max_object, max_packet=max_packet)
    for event in happened:
        if event is None:
            flow.delivered()
        else:
            flow.lost(sent=event[0], taken=event[1])
    return flow


@given(
    happened=events,
    length=st.integers(1, OBJECT),
    max_object=st.sampled_from([512, OBJECT, 4 * OBJECT]),
    max_packet=st.integers(5, 61).map(lambda words: words * WORD),
)
def test_a_burst_is_all_bytes_in_packets_that_the_bootloader_takes(
    happened: list[tuple[int, int | None] | None],
    length: int,
    max_object: int,
    max_packet: int,
) -> None:
    """Whatever has happened before."""
    burst = flow_after(happened, max_object, max_packet).burst(length)
    assert sum(burst.sizes) == length
    assert all(size % WORD == 0 for size in burst.sizes[:-1])
    assert all(0 < size <= max_packet for size in burst.sizes)
    assert max(burst.sizes) - min(burst.sizes[:-1], default=burst.sizes[0]) <= WORD
    fewest = ceil(length / max_packet)
    assert fewest <= len(burst.sizes) <= fewest + 4
    assert 1 <= burst.receipt_every <= burst.window or max_object <= max_packet
    ends = len(burst.sizes) % burst.receipt_every == 0
    assert burst.ends_with_receipt is ends


@pytest.mark.parametrize(
    ("max_packet", "packets", "receipt_every"), [(244, 17, 17), (180, 24, 8)]
)
def test_whole_objects_end_with_a_receipt(
    max_packet: int, packets: int, receipt_every: int
) -> None:
    """Asking for the checksum would cost more than a packet or two."""
    burst = PacketFlow(max_object=OBJECT, max_packet=max_packet).burst(OBJECT)
    assert len(burst.sizes) == packets
    assert burst.receipt_every == receipt_every
    assert burst.window == 17
    assert burst.ends_with_receipt


def test_a_tail_that_is_far_from_a_receipt_is_not_cut_finer() -> None:
    """Twelve packets more would cost more than asking."""
    burst = PacketFlow(max_object=OBJECT, max_packet=244).burst(1000)
    assert len(burst.sizes) == 5
    assert not burst.ends_with_receipt


def test_a_few_words_are_not_cut_into_nothing() -> None:
    """There are not more packets than words."""
    burst = PacketFlow(max_object=60, max_packet=20).burst(4)
    assert burst.sizes == (4,)


def window_of(flow: PacketFlow) -> int:
    """Return how many packets may be under way."""
    return flow.burst(OBJECT).window


def test_one_loss_alone_may_be_chance() -> None:
    """A narrow window is slow, so it takes two."""
    flow = PacketFlow(max_object=OBJECT, max_packet=244)
    flow.lost(sent=17, taken=None)
    assert window_of(flow) == 17
    flow.lost(sent=17, taken=None)
    assert window_of(flow) == 8
    flow.lost(sent=17, taken=None)
    assert window_of(flow) == 4


def test_full_buffers_show_how_many_there_are() -> None:
    """The first packets without a gap were taken, and nothing after them."""
    flow = PacketFlow(max_object=OBJECT, max_packet=244)
    flow.lost(sent=17, taken=8)
    assert window_of(flow) == 8
    for _ in range(20):
        flow.delivered()
    assert window_of(flow) == 8, "more is never asked of it again"


def test_the_last_packet_alone_shows_nothing_of_buffers() -> None:
    """It is as likely lost on the way as any other."""
    flow = PacketFlow(max_object=OBJECT, max_packet=244)
    flow.lost(sent=17, taken=16)
    assert window_of(flow) == 17


def test_after_clean_objects_the_window_widens_again() -> None:
    """Up to where it was, and never a packet short of a whole object."""
    flow = PacketFlow(max_object=OBJECT, max_packet=244)
    for _ in range(4):
        flow.lost(sent=17, taken=None)
    flow.delivered()
    seen = [window_of(flow)]
    for _ in range(8):
        flow.delivered()
        seen.append(window_of(flow))
    assert seen == [2, 2, 4, 4, 8, 8, 17, 17, 17]


@given(happened=events, max_packet=st.sampled_from(MAX_PACKETS))
def test_the_window_always_lets_something_through(
    happened: list[tuple[int, int | None] | None], max_packet: int
) -> None:
    """And never more than an ordinary bootloader can take."""
    flow = flow_after(happened, OBJECT, max_packet)
    assert 1 <= window_of(flow) <= 17
    assert 1 <= flow.receipt_every <= window_of(flow)
