"""Whoever answers as the SMP server of a lock: what comes of it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
import tracemalloc
from typing import Any

from bleak.exc import BleakError
import cbor2
from hypothesis import example, given, strategies as st
import pytest

from custom_components.nightlatch.core.errors import NightlatchError, TransportError
from custom_components.nightlatch.core.transports.base import Counters, GattClient
from custom_components.nightlatch.core.transports.smp import SmpTransport
from custom_components.nightlatch.core.transports.smp_link import SmpLink
from custom_components.nightlatch.core.transports.smp_protocol import (
    READ_STATE,
    SmpError,
    parse_offset,
    parse_parameters,
    parse_state,
    read_answer,
)
from tests.attacks.table import Tried
from tests.core.trial_doorway import (
    ADDRESS,
    NAME,
    NEW,
    TrialDoorway,
    artifact,
    trial_doorway,
)
from tests.rig.gatt import CCCD, Characteristic, Descriptor, Property, Service, uuid16
from tests.rig.lock_services import SMP_CHARACTERISTIC, SMP_SERVICE
from tests.rig.radio import RigClient, RigRadio
from tests.rig.smp_messages import (
    HEADER,
    Group,
    ImageCommand,
    Operation,
    OsCommand,
    SmpRequest,
    decode,
    encode,
)

from .hostile import (
    LONG,
    QUESTION_TIMEOUT,
    CarelessRadio,
    Meeting,
    Mouth,
    Move,
    Script,
    Stranger,
    Way,
    ends,
    link_model,
    longest_transfer,
    nothing_is_left,
    patience,
    run,
    scripts,
    tries,
    vanish,
)

pytestmark = patience

WANTED = artifact(NEW, 4_000)
IMAGE, HASH = WANTED.firmware, WANTED.image_hash
LIMIT = longest_transfer(len(IMAGE))

# CBOR, all of it, written by hand: also what no library would write.


def head(major: int, value: int, width: int) -> bytes:
    """Return the head of an item, as wide as is wanted, or as it must be."""
    if value < 24 and not width:
        return bytes((major << 5 | value,))
    for code, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if size >= width and value < 1 << 8 * size:
            return bytes((major << 5 | code,)) + value.to_bytes(size)
    raise AssertionError("wider than CBOR can be")


widths = st.sampled_from([0, 0, 0, 1, 2, 4, 8])
lengths = st.integers(0, 30) | st.sampled_from(
    [255, 65536, 2**31, 2**32, 2**63, 2**64 - 1]
)
whole = st.integers(0, 40) | st.sampled_from(
    [255, 2475, len(IMAGE), len(IMAGE) + 1, 2**31, 2**32, 2**63, 2**64 - 1]
)
NAMES = [
    "rc", "err", "group", "off", "match", "images", "slot", "image", "version", "hash",
    "pending", "permanent", "confirmed", "active", "buf_size", "buf_count", "mode",
]  # fmt: skip


def text(value: str) -> bytes:
    """Return a text."""
    data = value.encode(errors="surrogatepass")
    return head(3, len(data), 0) + data


leaves = st.one_of(
    st.builds(head, st.sampled_from([0, 0, 1]), whole, widths),
    st.builds(lambda data: head(2, len(data), 0) + data, st.binary(max_size=40)),
    st.builds(text, st.text(max_size=20) | st.sampled_from(NAMES)),
    st.just(head(2, 32, 0) + HASH),
    # More or less than is declared, in bytes or in text that is none.
    st.builds(
        lambda major, length, data: head(major, length, 0) + data,
        st.sampled_from([2, 3]),
        lengths,
        st.binary(max_size=8),
    ),
    st.sampled_from([b"\xf4", b"\xf5", b"\xf6", b"\xf7", b"\xff"]),
    st.integers(0, 255).map(lambda byte: bytes((byte,))),
    st.integers(0, 255).map(lambda byte: bytes((0xF8, byte))),
    # Not a number, infinite, and others, in three widths.
    st.sampled_from([b"\xf9\x7e\x00", b"\xf9\x7c\x00", b"\xf9\xfc\x00"]),
    st.binary(min_size=4, max_size=4).map(lambda data: b"\xfa" + data),
    st.binary(min_size=8, max_size=8).map(lambda data: b"\xfb" + data),
)
keys = st.sampled_from(NAMES).map(text)


def inner(items: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Return what holds items."""
    pairs = st.lists(st.tuples(keys | keys | items, items).map(b"".join), max_size=5)
    return st.one_of(
        st.lists(items, max_size=4).map(
            lambda each: head(4, len(each), 0) + b"".join(each)
        ),
        pairs.map(lambda each: head(5, len(each), 0) + b"".join(each)),
        st.lists(items, max_size=4).map(
            lambda each: b"\x9f" + b"".join(each) + b"\xff"
        ),
        pairs.map(lambda each: b"\xbf" + b"".join(each) + b"\xff"),
        # Strings in pieces, which may be no strings.
        st.builds(
            lambda start, each: start + b"".join(each) + b"\xff",
            st.sampled_from([b"\x5f", b"\x7f"]),
            st.lists(items, max_size=3),
        ),
        # Declared to be more, or fewer.
        st.builds(
            lambda major, length, each: head(major, length, 0) + b"".join(each),
            st.sampled_from([4, 5]),
            lengths,
            st.lists(items, max_size=3),
        ),
        st.builds(
            lambda tag, item: head(6, tag, 0) + item,
            st.integers(0, 64)
            | st.sampled_from([100, 258, 261, 28, 29, 55799, 2**64 - 1]),
            items,
        ),
        st.builds(
            lambda depth, start, item: start * depth + item,
            st.sampled_from([3, 9, 100, 1000]),
            st.sampled_from([b"\x81", b"\x9f", b"\xa1\x00", b"\xbf\x00", b"\xc6"]),
            items,
        ),
    )


anything = st.recursive(leaves, inner, max_leaves=10)
states = st.fixed_dictionaries(
    {"slot": st.integers(0, 2)},
    optional={
        "image": st.sampled_from([0, 1, None, "", 2**64 - 1]),
        "version": st.text(max_size=40) | st.sampled_from([NEW, 7, b"x"]),
        "hash": st.sampled_from([HASH, HASH, b"", HASH[:-1], HASH + b"\0", "x", 7])
        | st.binary(max_size=600),
        **{
            flag: st.sampled_from([True, False, True, False, 1, None])
            for flag in ("pending", "permanent", "confirmed", "active")
        },
    },
)
bodies: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.lists(states, max_size=4).map(lambda images: {"images": images}),
    st.fixed_dictionaries(
        {},
        optional={
            "rc": st.integers(-1, 300)
            | st.sampled_from([None, "8", True, 0.0, [], 2**64 - 1]),
            "err": st.none()
            | st.fixed_dictionaries(
                {},
                optional={
                    "group": whole,
                    "rc": st.integers(0, 40) | st.text(max_size=3),
                },
            ),
            "off": st.integers(-(2**63), 2**64 - 1)
            | st.integers(-1, len(IMAGE) + 1)
            | st.sampled_from([None, True, 1.0, "7"]),
            "match": st.booleans() | st.none(),
            "buf_size": whole | st.sampled_from([None, -1, "x"]),
            "buf_count": whole | st.sampled_from([None, -1, "x"]),
            "mode": st.integers(-1, 12) | st.sampled_from([None, True, 3.0]),
        },
    ),
)
contents = st.one_of(anything, bodies.map(cbor2.dumps), st.binary(max_size=60))


def message(content: bytes, sequence: int, command: tuple[int, int, int]) -> bytes:
    """Return an answer, with what it likes to say."""
    operation, group, number = command
    start: bytes = HEADER.pack(
        operation | 8, 0, len(content) % 65536, group, sequence, number
    )
    return start + content


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """Return anything that comes as a notification or as several."""
    known = st.sampled_from(
        [(1, 1, 0), (3, 1, 0), (3, 1, 1), (1, 0, 6), (1, 0, 8), (3, 0, 5)]
    )
    content = draw(contents)
    whole_one = message(content, draw(st.integers(0, 255)), draw(known))
    said = [whole_one, content[:200], whole_one[:7], whole_one + b"\0"]
    chosen: bytes = draw(st.sampled_from(said))
    return chosen


# A server that answers as it likes.


@dataclass
class Server:
    """Answers as a server does, and lies about what it has; notes what it is told."""

    slots: Sequence[list[dict[str, Any]]]
    """What it says of its slots, in turns; empty for what is true of it."""
    offsets: Sequence[int | None]
    """What it says in place of where it is; None is the truth."""
    parameters: dict[str, Any]
    mode: Any
    replaced: Sequence[bytes | None]
    """The contents of answers in place of its own, in turns."""
    renumbered: Sequence[int]
    """What is added to sequence numbers, in turns."""
    turn: int = 0
    received: int = 0
    pending: bool = False
    told: list[Any] = field(default_factory=list)
    """The states that it has told."""
    resets: int = 0
    wrong: list[Any] = field(default_factory=list)
    """What it was told and should not have been."""
    _partial: bytes = b""

    def true_slots(self) -> list[dict[str, Any]]:
        """Return two slots as a lock shows them."""
        active = {"slot": 0, "version": "1.0.0", "hash": b"o" * 32}
        waiting = {"slot": 1, "version": NEW, "hash": HASH, "pending": self.pending}
        slots = [{**active, "active": True, "confirmed": True}]
        return [*slots, waiting] if self.received == len(IMAGE) else slots

    def answer(self, uuid: str, data: bytes) -> bytes | None:
        """Return what it would say to a write."""
        if not self._partial and len(data) >= HEADER.size:
            self._partial = data
        else:
            self._partial += data
        if len(self._partial) < HEADER.size + HEADER.unpack_from(self._partial)[2]:
            return None
        request, self._partial = decode(self._partial), b""
        if request is None:
            return None
        self.turn += 1
        fields = self._carry_out(request, _map_in(request.payload))
        content = cbor2.dumps(fields)
        if self.replaced and (other := self.replaced[self.turn % len(self.replaced)]):
            content = other[:4000]
        self._note(request, content)
        more = (
            self.renumbered[self.turn % len(self.renumbered)] if self.renumbered else 0
        )
        command = (request.operation + 1, request.group, request.command)
        return message(content, (request.sequence + more) % 256, command)

    def _carry_out(self, request: SmpRequest, fields: dict[str, Any]) -> dict[str, Any]:
        match request.group, request.command:
            case Group.OS, OsCommand.PARAMETERS:
                return self.parameters
            case Group.OS, OsCommand.BOOTLOADER:
                return {} if self.mode is None else {"mode": self.mode}
            case Group.OS, OsCommand.RESET:
                self.resets += 1
            case Group.IMAGE, ImageCommand.UPLOAD:
                if not fields.keys() >= {"off", "data"}:
                    # The rest of a request that was given up, put together with the next.
                    return {"rc": 3}
                return {"off": self._upload(fields)}
            case Group.IMAGE, ImageCommand.STATE:
                if request.operation == Operation.WRITE:
                    self.pending = True
                    if fields != {"hash": HASH, "confirm": False}:
                        self.wrong.append(fields)
                slots = self.slots[self.turn % len(self.slots)] if self.slots else None
                return {"images": slots or self.true_slots()}
        return {}

    def _upload(self, fields: dict[str, Any]) -> int:
        start, data = fields["off"], fields["data"]
        if data != IMAGE[start : start + len(data)]:
            self.wrong.append(fields)
        if start == self.received:
            self.received += len(data)
        lie = self.offsets[self.turn % len(self.offsets)] if self.offsets else None
        return self.received if lie is None else lie

    def _note(self, request: SmpRequest, content: bytes) -> None:
        if (request.group, request.command) != (Group.IMAGE, ImageCommand.STATE):
            return
        try:
            images = cbor2.loads(content)["images"]
            self.told.append([each for each in images if isinstance(each, dict)])
        except Exception:  # noqa: BLE001
            return

    def has_told(self, **wanted: Any) -> bool:
        """Return whether it has ever shown a slot with these fields."""
        return any(
            all(slot.get(key, False) == value for key, value in wanted.items())
            for slots in self.told
            for slot in slots
        )


def _map_in(payload: bytes) -> dict[str, Any]:
    """Return what a request says; nothing where it is not to be read."""
    try:
        fields = cbor2.loads(payload)
    except cbor2.CBORDecodeError:
        return {}
    return fields if isinstance(fields, dict) else {}


servers = st.builds(
    Server,
    st.lists(st.just([]) | st.lists(states, max_size=4), max_size=4),
    st.lists(
        st.none() | st.none() | st.integers(-2, len(IMAGE) + 2) | st.just(2**63),
        max_size=6,
    ),
    st.fixed_dictionaries(
        {"buf_size": whole | st.just(2475), "buf_count": whole | st.just(4)}
    ),
    st.sampled_from([3, 3, 1, 2, None, True, -1, 99, "swap", 2**64 - 1]),
    st.lists(st.none() | st.none() | st.none() | contents, max_size=8),
    st.lists(st.sampled_from([0, 0, 0, 1, 255, 128]), max_size=6),
)


# With it a request is given up before its last piece is sent.
_CUT_SHORT = Server(
    [],
    [10],
    {"buf_count": 4, "buf_size": 2475},
    1,
    [b"\xa0", None, b"\xa0", b"", b"", None, None],
    [],
)


def table(copies: int = 1, *, notifies: bool = True) -> tuple[Service, ...]:
    """Return services with the characteristic of SMP, so many times."""
    return (
        Service(
            uuid=SMP_SERVICE,
            handle=1,
            characteristics=tuple(
                Characteristic(
                    uuid=SMP_CHARACTERISTIC,
                    handle=2 + 3 * nth,
                    properties=Property.WRITE_WITHOUT_RESPONSE | Property.NOTIFY,
                    descriptors=(Descriptor(uuid=uuid16(CCCD), handle=3 + 3 * nth),)
                    if notifies
                    else (),
                )
                for nth in range(copies)
            ),
        ),
    )


mtus = (
    st.none()
    | st.none()
    | st.sampled_from([0, 3, 22, 23, 65535])
    | st.integers(0, 65535)
)
strangers = st.fixed_dictionaries(
    {
        "services": st.sampled_from(
            [table()] * 6 + [table(0), table(2), table(notifies=False)]
        ),
        "script": scripts(messages()),
        "meetings": st.lists(st.sampled_from(Meeting), max_size=12),
        "pairs": st.booleans(),
        "values": st.just([]),
    }
)
Outcomes = Counter[str]


async def deliver(
    radio: CarelessRadio, server: Server | None
) -> NightlatchError | None:
    """Send firmware to whoever is there; return what was raised."""
    called: list[str] = []

    async def about_to_touch() -> None:
        assert server is None or server.has_told(active=True)
        called.append("touch")

    async def about_to_activate() -> None:
        assert called == ["touch"] or called[-1] == "activate"
        assert server is None or server.has_told(hash=HASH, pending=True)
        called.append("activate")

    progress = [0.0]

    def note(percent: float) -> None:
        assert progress[-1] <= percent <= 100
        progress.append(percent)

    transport = SmpTransport(radio, ADDRESS, NAME)
    raised = await ends(
        transport.transfer(WANTED, note, about_to_activate, about_to_touch), LIMIT
    )
    nothing_is_left(radio)
    if raised is None:
        assert called
    if server is not None:
        assert not server.wrong
        if "activate" not in called:
            assert not server.resets
    return raised


async def meet_stranger(
    server: Server, options: dict[str, Any], mtu: int | None
) -> Outcomes:
    """Have a board at the lock's address, and ask and tell it all that there is."""
    radio = CarelessRadio(mtu)
    outcomes: Outcomes = Counter()
    stranger = Stranger(ADDRESS, answers=server.answer, **options)
    stranger.radio = radio
    radio.add(stranger, link_model())
    raised = await deliver(radio, server)
    outcomes[str(getattr(raised, "reason", "an update"))] += 1
    transport = SmpTransport(radio, ADDRESS, NAME)
    for ask in (
        transport.running,
        lambda: transport.is_pending(WANTED),
        lambda: transport.take_back(WANTED),
        lambda: transport.confirm(WANTED),
    ):
        resets = server.resets
        raised = await ends(ask(), QUESTION_TIMEOUT)
        outcomes[str(getattr(raised, "reason", "an answer"))] += 1
        nothing_is_left(radio)
        if server.resets > resets:
            assert server.has_told(active=True, hash=HASH)
    assert all(told == {"confirm": True} for told in server.wrong)
    stranger.mouth.behave()
    stranger.show(on=False)
    radio.say_late(message(b"\xa0", 1, (3, 0, 5)))
    radio.forget_peers()
    async with trial_doorway() as door:
        await update(door)
    return outcomes


async def update(door: TrialDoorway) -> None:
    """Check that a lock is updated as any other."""
    await door.restarted()
    await door.transfer(WANTED)
    await door.assert_on_trial(IMAGE)


def told(attack: Tried, name: str, peers: int, outcomes: Outcomes, result: str) -> None:
    """Add a line to the table."""
    attack(name, peers, f"{result}; {len(outcomes)} outcomes, all known")


def test_whoever_answers_as_the_server_of_a_lock_stops_nothing(attack: Tried) -> None:
    """It ends in time and in words, and the lock itself is updated when it is back."""
    outcomes: Outcomes = Counter()
    peers = 0

    @tries(40, 320)
    @given(servers, strangers, mtus)
    def meet(server: Server, options: dict[str, Any], mtu: int | None) -> None:
        nonlocal peers
        peers += 1
        outcomes.update(run(meet_stranger(server, options, mtu)))

    meet()
    told(attack, "boards in the place of a server", peers, outcomes, "told in words")


def test_a_server_that_lies_and_else_keeps_to_the_protocol(attack: Tried) -> None:
    """About slots, offsets, buffers and numbers; never is anything else told to it."""
    outcomes: Outcomes = Counter()
    peers = 0

    @tries(40, 320)
    @example(_CUT_SHORT)
    @given(servers)
    def meet(server: Server) -> None:
        nonlocal peers
        peers += 1
        options = {
            "services": table(),
            "script": Script((), Move(Way.HONEST)),
            "values": (),
        }
        outcomes.update(run(meet_stranger(server, options, None)))

    meet()
    told(
        attack, "servers that lie", peers, outcomes, "only what it showed is activated"
    )


# A lock whose answers somebody alters on their way.


async def meet_altered_lock(script: Script, mtu: int | None) -> Outcomes:
    """Send firmware to a lock that does not say what it means."""
    outcomes: Outcomes = Counter()
    async with trial_doorway(model=link_model()) as door:
        radio = CarelessRadio(mtu)
        radio.links = door.radio.links
        notify = door.lock.notify_smp
        room = door.link.model.mtu - 3

        def say(data: bytes) -> None:
            for start in range(0, max(len(data), 1), room):
                notify(data[start : start + room])

        mouth = Mouth(
            script, say, door.link.cut, partial(vanish, door.link), radio.say_late
        )
        door.lock.notify_smp = mouth.answer  # type: ignore[assignment, method-assign]
        raised = await deliver(radio, None)
        outcomes[str(getattr(raised, "reason", "an update"))] += 1
        mouth.behave()
        radio.say_late(b"")
        await door.restarted()
        if door.runs != NEW:
            await update(door)
        await door.transport.confirm(WANTED)
        assert (await door.transport.running()).confirmed
        door.assert_nothing_left()
    return outcomes


def test_a_lock_whose_answers_are_altered_is_updated_afterwards(attack: Tried) -> None:
    """And meanwhile nothing but the firmware that was verified gets into it."""
    outcomes: Outcomes = Counter()
    peers = 0

    @tries(40, 250)
    @given(scripts(messages()), mtus)
    def meet(script: Script, mtu: int | None) -> None:
        nonlocal peers
        peers += 1
        outcomes.update(run(meet_altered_lock(script, mtu)))

    meet()
    told(
        attack, "locks whose SMP answers are altered", peers, outcomes, "updated after"
    )


@pytest.mark.parametrize("group", [Group.OS, Group.IMAGE])
def test_answers_to_other_requests_make_no_wait_longer(group: Group) -> None:
    """Of the same kind, one each second, for ever: it ends all the same."""

    async def meet() -> None:
        radio = CarelessRadio()

        def answer(_: str, data: bytes) -> bytes | None:
            request = decode(data)
            if request is None or request.group != group:
                return None
            other = replace(request, sequence=(request.sequence + 9) % 256)
            return encode(other, {}, 1)

        stranger = Stranger(
            ADDRESS,
            services=table(),
            values=(),
            script=Script((), Move(Way.CHATTER)),
            answers=answer,
        )
        radio.add(stranger, link_model())
        transport = SmpTransport(radio, ADDRESS, NAME)
        assert await ends(transport.running(), QUESTION_TIMEOUT) is not None
        stranger.mouth.behave()
        nothing_is_left(radio)

    run(meet())


@pytest.mark.parametrize("mode", [True, False, None, -1, 3.0, "3", [3]])
def test_what_is_no_number_is_no_mode_of_a_boot_loader(mode: Any) -> None:
    """A lock that only says yes is not taken for one that goes back by itself."""

    async def meet() -> None:
        radio = CarelessRadio()
        stranger = Stranger(
            ADDRESS,
            services=table(),
            values=(),
            script=Script((), Move(Way.HONEST)),
            answers=lambda _, data: encode(decoded(data), {"mode": mode}, 1),
        )
        radio.add(stranger)
        async with SmpLink.open(radio, ADDRESS, NAME) as link:
            assert await link.boot_mode() is None
        nothing_is_left(radio)

    run(meet())


def decoded(data: bytes) -> SmpRequest:
    """Return a request that has come in one piece."""
    request = decode(data)
    assert request is not None
    return request


def test_a_link_that_is_gone_with_its_services_is_a_lost_link(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Some stacks drop them with the link, and say so when they are asked for."""

    def gone(_: GattClient) -> None:
        raise BleakError("Service Discovery has not been performed yet")

    async def meet() -> None:
        async with trial_doorway() as door:
            monkeypatch.setattr(RigClient, "services", property(gone))
            await door.fails(WANTED)
            monkeypatch.undo()
            await update(door)

    run(meet())


# The messages themselves.


class Ear:
    """Hears notifications as a connection does, and reads what they make."""

    def __init__(self) -> None:
        """Begin without a connection."""
        self.link = SmpLink(RigRadio(), Counters())
        self.count = 0
        self._characteristic: Any = None

    def hear(self, *pieces: bytes) -> None:
        """Take notifications, and read all that they make in every way."""
        self.count += 1
        for piece in pieces:
            self.link._notified(self._characteristic, bytearray(piece))
        while not self.link._inbox.empty():
            answer = self.link._inbox.get_nowait()
            assert answer is not None
            read(answer.payload)
        if len(self.link._partial) > 20_000:
            raise AssertionError("it keeps what it will never need")


def read(payload: bytes) -> None:
    """Read the content of an answer in every way: it makes sense, or is called garbled."""
    details: dict[str, str] = {}
    try:
        body = read_answer(READ_STATE, payload)
    except SmpError as err:
        details.update(err.as_transport_error().details)
    except TransportError as err:
        details.update(err.details)
    else:
        for parse in (
            parse_state,
            parse_parameters,
            lambda body: parse_offset(body, 9),
        ):
            try:
                parse(body)
            except TransportError as err:
                details.update(err.details)
    assert max(map(len, details.values()), default=0) <= 50


def test_any_content_of_an_answer_is_read_or_called_garbled(attack: Tried) -> None:
    """All of CBOR, torn anywhere, and with any byte another one."""
    ear = Ear()

    @tries(80, 2_000)
    @given(contents, st.integers(0, 255))
    def one(content: bytes, mask: int) -> None:
        ear.hear(message(content, 1, (3, 1, 1)))
        for place in range(min(len(content), 120)):
            torn = content[:place]
            ear.hear(message(torn, 1, (3, 1, 1)))
            altered = bytes((content[place] ^ mask,)) + content[place + 1 :]
            ear.hear(message(torn + altered, 1, (3, 1, 1)))

    one()
    if LONG:
        # Each answer of three bytes that begins a map.
        for first in range(0xA0, 0xC0):
            for rest in range(65536):
                read(bytes((first, *rest.to_bytes(2))))
                ear.count += 1
    attack("contents of answers over SMP", ear.count, "read, or called garbled")


def test_pieces_in_any_order_are_put_together_or_dropped(attack: Tried) -> None:
    """And nothing grows while they come."""
    ear = Ear()

    @tries(80, 2_000)
    @given(st.lists(messages() | st.binary(max_size=244), max_size=6), st.randoms())
    def one(whole_ones: list[bytes], order: Any) -> None:
        pieces = [
            each[start : start + 20]
            for each in whole_ones
            for start in range(0, 200, 20)
        ]
        order.shuffle(pieces)
        ear.hear(*pieces)
        ear.link.forget_answers()
        ear.hear(message(cbor2.dumps({"off": 3}), 1, (3, 1, 1)))

    one()
    attack("answers in pieces, in any order", ear.count, "put together, or dropped")


@pytest.mark.parametrize("major", [2, 3, 4, 5])
@pytest.mark.parametrize("bits", [16, 24, 31, 32, 40, 62, 63])
def test_a_length_that_is_declared_takes_no_memory(major: int, bits: int) -> None:
    """Only what has come does."""
    tracemalloc.start()
    try:
        for start in (b"", b"\xa1\x62rc", b"\x81" * 7):
            read(start + head(major, 2**bits, 0) + b"\x00" * 40)
            read(start + head(major, 2**bits - 1, 0))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 1_000_000


def test_endless_chatter_is_not_kept(attack: Tried) -> None:
    """A thousand times what a lock may say, while nobody has the time to listen."""
    flood = 5_000
    kept: list[int] = []

    async def meet() -> None:
        async with trial_doorway() as door:
            radio = CarelessRadio()
            radio.links = door.radio.links
            content = cbor2.dumps({"x": b"y" * 400})

            async def while_it_is_written_down() -> None:
                tracemalloc.start()
                for nth in range(flood):
                    radio.say_late(message(content + bytes(2), nth % 256, (3, 1, 1)))
                kept.append(tracemalloc.get_traced_memory()[0])
                tracemalloc.stop()

            transport = SmpTransport(radio, ADDRESS, NAME)
            await transport.transfer(WANTED, lambda _: None, while_it_is_written_down)
            door.transport = transport
            await door.assert_on_trial(IMAGE)

    run(meet())
    assert kept[0] < 200_000
    attack("unasked SMP answers while nobody listens", flood, "64 are kept")
