"""The boot loader with two slots: swaps, reverts, and cuts at every write of them."""

from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given, settings, strategies as st
import pytest

from tests.rig.dfu_package import generate_key
from tests.rig.flash import PowerLost
from tests.rig.image import make_image
from tests.rig.mcuboot_bootloader import McubootBootloader
from tests.rig.mcuboot_flash import SECTOR, McubootFlash
from tests.rig.mcuboot_image import ImageFlag, SigningKey, TlvType, make_mcuboot_image
from tests.rig.mcuboot_offset import OffsetBootloader
from tests.rig.mcuboot_trailer import (
    TRAILER_SECTORS,
    BadTrailer,
    Flag,
    Magic,
    SwapState,
    SwapType,
    next_swap,
    set_confirmed,
    set_pending,
)

from .mcuboot import KEY, NEW, OLD, SECTORS, Board, image_of

# What is done to a board that has the old image, and what runs when all is over.


def _swap(board: Board) -> None:
    board.boot()


def _prepare_test(board: Board) -> None:
    board.stage(image_of(NEW))


def _prepare_permanent(board: Board) -> None:
    board.stage(image_of(NEW), permanent=True)


def _prepare_revert(board: Board) -> None:
    board.stage(image_of(NEW))
    assert board.runs() == NEW


both = pytest.mark.parametrize(
    "boot_loader", [McubootBootloader, OffsetBootloader], ids=["move", "offset"]
)

PREPARED: dict[str, tuple[Callable[[Board], None], str]] = {
    "test": (_prepare_test, NEW),
    "permanent": (_prepare_permanent, NEW),
    "revert": (_prepare_revert, OLD),
}


# What it does.


@both
def test_an_image_on_trial_runs_once_and_is_taken_back(
    boot_loader: type[McubootBootloader],
) -> None:
    """Unless somebody confirms it."""
    board = Board(boot_loader=boot_loader)
    assert board.runs() == OLD
    board.stage(image_of(NEW))
    assert next_swap(board.flash) is SwapType.TEST
    assert board.runs() == NEW
    assert board.holds(0, image_of(NEW))
    assert board.holds(1, image_of(OLD))
    assert next_swap(board.flash) is SwapType.REVERT
    for _ in range(3):
        assert board.runs() == OLD
    assert board.holds(0, image_of(OLD))
    assert board.holds(1, image_of(NEW))
    assert next_swap(board.flash) is SwapType.NONE
    assert board.bootloader.counters.swaps == 2
    assert board.bootloader.counters.reverts == 1


@both
def test_a_confirmed_image_stays(
    boot_loader: type[McubootBootloader],
) -> None:
    """Confirming twice is as good as once."""
    board = Board(boot_loader=boot_loader)
    board.stage(image_of(NEW))
    assert board.runs() == NEW
    assert board.operations(lambda: set_confirmed(board.flash)) == 1
    assert board.operations(lambda: set_confirmed(board.flash)) == 0
    for _ in range(3):
        assert board.runs() == NEW
    assert board.bootloader.counters.swaps == 1


@both
def test_a_permanent_image_needs_no_confirmation(
    boot_loader: type[McubootBootloader],
) -> None:
    """That is the dangerous way."""
    board = Board(boot_loader=boot_loader)
    board.stage(image_of(NEW), permanent=True)
    assert next_swap(board.flash) is SwapType.PERMANENT
    for _ in range(3):
        assert board.runs() == NEW


@both
def test_images_may_be_installed_one_after_the_other(
    boot_loader: type[McubootBootloader],
) -> None:
    """Larger and smaller ones, up to what there is room for."""
    board = Board(boot_loader=boot_loader)
    room = (SECTORS - TRAILER_SECTORS - 1) * SECTOR - 0x200 - 160
    for version, size in (
        ("1.1.0", 400),
        ("1.2.0", room // 4 * 4),
        ("1.3.0", 9000),
        ("1.2.0", room // 4 * 4),
    ):
        board.stage(image_of(version, size))
        assert board.runs() == version
        set_confirmed(board.flash)
        assert board.runs() == version


def test_an_image_that_leaves_no_room_to_move_is_not_swapped() -> None:
    """It would need the sector of the trailer."""
    board = Board()
    board.stage(image_of(NEW, (SECTORS - 2) * SECTOR))
    assert board.runs() == OLD


def test_a_swap_takes_seconds() -> None:
    """Erasing is what takes long."""
    board = Board()
    board.boot()
    assert board.seconds < 1
    board.stage(image_of(NEW))
    board.boot()
    # Two sectors, each moved, and copied both ways.
    assert 6 * 0.085 < board.seconds < 6 * 0.2


def test_pending_twice_is_once() -> None:
    """And a trailer that is neither good nor empty costs the slot its image."""
    board = Board()
    board.stage(image_of(NEW))
    assert board.operations(lambda: set_pending(board.flash, permanent=False)) == 0
    board = Board()
    board.put(image_of(NEW))
    board.flash.secondary.data[-16:-12] = bytes(4)
    with pytest.raises(BadTrailer):
        set_pending(board.flash, permanent=False)
    assert board.flash.secondary.erased(0, board.flash.secondary.size)
    assert board.runs() == OLD
    board.flash.primary.data[-16:-12] = bytes(4)
    with pytest.raises(BadTrailer):
        set_confirmed(board.flash)


# What it does not believe.


@pytest.mark.parametrize(
    "knobs",
    [
        {"unsigned": True},
        {"key": generate_key()},
        {"key": ec.generate_private_key(ec.SECP256R1()), "key_hash": b""},
        {"flip_signature_bit": 77},
        {"digest": bytes(32)},
        {"without_digest": True},
        {"signed_over": b"something else"},
        {"key_hash": bytes(32)},
        {"key": ed25519.Ed25519PrivateKey.generate()},
        {"signature_type": TlvType.ED25519},
        {"signature_type": TlvType.RSA2048_PSS},
        {"flags": ImageFlag.NON_BOOTABLE},
        {"info_size": 3},
        {"info_size": 0xFFFF},
        {"info_size": 149},
        {"info_magic": 1},
        {"protected_tlvs": [(0xA0, b"")], "protected_size": 4},
        {"protected_tlvs": [(0xA0, b"")], "protected_magic": 1},
        {"image_size": 0x7FFFFFFF},
        {"header_size": 16},
        {"unsigned": True, "tlvs_last": [(0xA0, b"12345")], "info_size": 42},
    ],
)
def test_an_image_that_is_not_genuine_never_runs(knobs: dict[str, Any]) -> None:
    """It is erased, and the old one goes on for good."""
    board = Board()
    bad = make_mcuboot_image(
        make_image(NEW, 6000, 1), **{"key": KEY, "version": NEW, **knobs}
    )
    board.stage(bad)
    for _ in range(3):
        assert board.runs() == OLD
    assert board.bootloader.counters.swaps == 0
    assert not board.holds(1, bad)


def test_what_is_no_image_at_all_is_left_alone() -> None:
    """There is nothing to swap."""
    board = Board()
    board.stage(bytes(1000))
    assert board.runs() == OLD
    assert board.flash.secondary.read(0, 1000) == bytes(1000)


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_an_image_with_a_wrong_bit_never_runs(data: st.DataObject) -> None:
    """Wherever it is, apart from padding that nobody signs."""
    image = bytearray(image_of(NEW))
    bit = data.draw(st.integers(0, len(image) * 8 - 1))
    image[bit // 8] ^= 1 << bit % 8
    board = Board()
    board.stage(bytes(image))
    assert board.runs() == OLD


@pytest.mark.parametrize(
    "key",
    [
        ed25519.Ed25519PrivateKey.generate(),
        rsa.generate_private_key(65537, 2048),
        rsa.generate_private_key(65537, 3072),
    ],
    ids=["ed25519", "rsa2048", "rsa3072"],
)
def test_it_may_be_built_for_another_kind_of_key(key: SigningKey) -> None:
    """Then that one counts, and no other."""

    def image(version: str, signed_by: SigningKey) -> bytes:
        return make_mcuboot_image(
            make_image(version, 6000, 1), key=signed_by, version=version
        )

    flash = McubootFlash(image(OLD, key), sectors=SECTORS)
    board = Board()
    board.flash = flash
    board.bootloader = McubootBootloader(flash, public_key=key.public_key())
    board.stage(image(NEW, KEY))
    assert board.runs() == OLD
    board.stage(image(NEW, key))
    assert board.runs() == NEW


def test_nothing_runs_where_the_only_image_is_damaged() -> None:
    """A boot loader has no firmware of its own."""
    board = Board()
    board.flash.primary.data[1000] ^= 1
    assert board.boot() is None


def test_a_lower_version_may_be_refused() -> None:
    """The build does not count."""
    board = Board(image_of("1.1.0"), prevents_downgrade=True)
    board.stage(image_of("1.0.9"))
    assert board.runs() == "1.1.0"
    assert board.flash.secondary.erased(0, SECTOR)
    board.stage(image_of("1.1.0", 7000))
    assert board.boot()
    assert board.holds(0, image_of("1.1.0", 7000))
    # Taking it back is no downgrade.
    board = Board(image_of("1.0.0"), prevents_downgrade=True)
    board.stage(image_of("1.1.0"))
    assert [board.runs(), board.runs()] == ["1.1.0", "1.0.0"]
    damaged = Board(image_of("1.1.0"), prevents_downgrade=True)
    damaged.flash.primary.data[0] ^= 1
    damaged.stage(image_of("1.0.0"))
    assert damaged.runs() == "1.0.0"


def test_a_lower_security_counter_may_be_refused() -> None:
    """Once an image with a higher one was confirmed, but not before."""
    old = image_of(OLD, security_counter=2)
    new = image_of(NEW, security_counter=5)
    board = Board(old, counts_security=True)
    assert board.runs() == OLD
    assert board.flash.security_counter == 2
    board.stage(image_of("2.0.0"))  # without a counter
    assert board.runs() == OLD
    board.stage(new)
    assert board.runs() == NEW
    assert board.flash.security_counter == 2
    assert board.runs() == OLD
    board.stage(new)
    assert board.runs() == NEW
    set_confirmed(board.flash)
    assert board.runs() == NEW
    assert board.flash.security_counter == 5
    board.stage(old)
    assert board.runs() == NEW


# Cuts.


@pytest.mark.parametrize("torn", [False, True], ids=["between", "torn"])
@both
@pytest.mark.parametrize("prepared", PREPARED)
def test_a_swap_that_is_cut_at_every_write_is_finished(
    prepared: str,
    torn: bool,
    boot_loader: type[McubootBootloader],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """After each of them a genuine image runs; and mostly the one that was wanted.

    Only a magic that was half written is lost, and with it what was about to be done.
    """
    prepare, wanted = PREPARED[prepared]
    whole = Board(boot_loader=boot_loader)
    prepare(whole)
    cuts = whole.operations(lambda: _swap(whole))
    # Swap using offset does the least: it moves nothing up first.
    assert cuts >= 30
    otherwise = 0
    for operation in range(1, cuts + 1):
        board = Board(boot_loader=boot_loader)
        prepare(board)
        board.flash.cut_at(operation, torn=torn)
        version = board.runs()
        assert board.losses == 1
        assert version in {OLD, NEW}
        otherwise += version != wanted
        if version == wanted:
            assert board.holds(0, image_of(wanted))
            assert board.holds(1, image_of(OLD if wanted == NEW else NEW))
        # And it is as it was after a swap without a cut: reverted, or for good.
        after = {NEW: {"test": OLD}.get(prepared, NEW), OLD: OLD}
        if version == wanted:
            assert board.runs() == after[wanted]
    with capsys.disabled():
        kind = "torn" if torn else "between"
        print(  # noqa: T201
            f"\n{cuts} cuts of a {prepared} swap, {boot_loader.__name__}, {kind}: "
            f"{otherwise} not done"
        )
    assert otherwise <= torn


@both
@pytest.mark.parametrize("prepared", PREPARED)
def test_a_swap_that_is_cut_twice_is_finished(
    prepared: str, boot_loader: type[McubootBootloader]
) -> None:
    """Every pair of cuts: the second one counts from the first."""
    prepare, wanted = PREPARED[prepared]
    whole = Board(boot_loader=boot_loader)
    prepare(whole)
    cuts = whole.operations(lambda: _swap(whole))
    pairs = 0
    for first in range(1, cuts + 1, 3):
        for second in range(1, cuts - first + 2):
            board = Board(boot_loader=boot_loader)
            prepare(board)
            board.flash.cut_at(first)
            board.flash.cut_at(first + second)
            assert board.runs() == wanted
            assert board.losses == 2
            pairs += 1
    assert pairs > 100


@both
def test_a_cut_while_an_image_comes_or_is_chosen_leaves_the_old_one(
    boot_loader: type[McubootBootloader],
) -> None:
    """Of every write of an upload and of what the application says to the boot loader."""
    whole = Board(boot_loader=boot_loader)
    cuts = whole.operations(lambda: whole.stage(image_of(NEW)))
    assert cuts > 15
    for torn in (False, True):
        for operation in range(1, cuts + 1):
            board = Board(boot_loader=boot_loader)
            board.flash.cut_at(operation, torn=torn)
            with pytest.raises(PowerLost):
                board.stage(image_of(NEW))
            # Once the magic is there it is as good as chosen.
            assert board.runs() == (NEW if operation == cuts else OLD)
            if operation == cuts:
                continue
            board.stage(image_of(NEW))
            assert board.runs() == NEW


@pytest.mark.parametrize("torn", [False, True])
def test_a_cut_of_the_confirmation_takes_it_back(torn: bool) -> None:
    """It is one word, which is there or not."""
    board = Board()
    _prepare_revert(board)
    board.flash.cut_at(1, torn=torn)
    with pytest.raises(PowerLost):
        set_confirmed(board.flash)
    assert board.runs() == OLD


@both
@settings(deadline=None, max_examples=150)
@given(
    story=st.lists(
        st.tuples(
            st.sampled_from(["stage", "permanent", "damaged", "confirm", "boot"]),
            st.none() | st.integers(1, 80),
            st.booleans(),
        ),
        max_size=8,
    )
)
def test_whatever_happens_a_genuine_image_runs(
    boot_loader: type[McubootBootloader], story: list[tuple[str, int | None, bool]]
) -> None:
    """However often, and wherever, the power goes."""
    board = Board(boot_loader=boot_loader)
    damaged = bytearray(image_of("3.0.0"))
    damaged[3000] ^= 1
    genuine = {"1.0.0", "2.0.0", "4.0.0"}
    for act, cut, torn in story:
        if cut is not None:
            board.flash.cut_at(cut, torn=torn)
        try:
            # As the application does it: nothing comes while something is pending.
            free = next_swap(board.flash) is SwapType.NONE
            if act == "confirm":
                set_confirmed(board.flash)
            elif act == "stage" and free:
                board.stage(image_of("2.0.0", 9000))
            elif act == "permanent" and free:
                board.stage(image_of("4.0.0", 3000), permanent=True)
            elif act == "damaged" and free:
                board.stage(bytes(damaged))
        except PowerLost, BadTrailer:
            pass
        assert board.runs() in genuine


# Trailers.


def test_a_trailer_is_as_the_layout_says() -> None:
    """To the byte; docs/design.md."""
    board = Board()
    board.stage(image_of(NEW))
    board.boot()
    end = board.flash.primary.data[-48:]
    assert end[-16:].hex() == "77c295f360d2ef7f3552500f2cb67980"
    assert end[-24] == 0xFF  # image_ok
    assert end[-32] == 1  # copy_done
    assert end[-40] == SwapType.TEST
    # DER makes signatures of different length.
    larger = max(len(image_of(NEW)), len(image_of(OLD)))
    assert int.from_bytes(end[-48:-44], "little") == larger
    set_confirmed(board.flash)
    assert board.flash.primary.data[-24] == 1


def test_flags_and_magic_can_be_bad() -> None:
    """Neither set nor unset."""
    board = Board()
    trailer, other = board.trailers
    board.flash.primary.data[-24] = 0
    board.flash.primary.data[-1] = 0
    assert trailer.state == SwapState(Magic.BAD, Flag.BAD, Flag.UNSET)
    assert other.state == SwapState(Magic.UNSET, Flag.UNSET, Flag.UNSET)
