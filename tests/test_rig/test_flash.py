"""Flash that counts, and loses its power where it is told to."""

import pytest

from tests.rig.flash import Operations, PowerLost, write_bits
from tests.rig.mcuboot_flash import SECTOR, McubootFlash


def test_operations_are_counted_and_cut_once() -> None:
    """Counted from the order on; the operation itself is not done."""
    operations = Operations()
    done: list[int] = []
    operations.perform(8, done.append)
    operations.cut_at(2, restore_after=5)
    operations.perform(8, done.append)
    with pytest.raises(PowerLost) as lost:
        operations.perform(8, done.append)
    assert lost.value.restore_after == 5
    operations.perform(8, done.append)
    assert done == [8, 8, 8]
    assert operations.count == 4
    with pytest.raises(ValueError, match="no operation 0"):
        operations.cut_at(0)


@pytest.mark.parametrize(("size", "torn_at"), [(4, 0), (8, 4), (16, 8), (20, 8)])
def test_a_torn_operation_is_half_done(size: int, torn_at: int) -> None:
    """In whole words."""
    operations = Operations()
    operations.cut_at(1, torn=True)
    done: list[int] = []
    with pytest.raises(PowerLost):
        operations.perform(size, done.append)
    assert done == [torn_at]


def test_writing_clears_bits_and_only_erasing_sets_them() -> None:
    """As flash is; whoever forgets to erase is told."""
    memory = bytearray(b"\xff" * 8)
    write_bits(memory, 4, b"\x0f\xff\xff\xff")
    write_bits(memory, 4, b"\x0e\xff\xff\xff")
    with pytest.raises(ValueError, match="not erased"):
        write_bits(memory, 4, b"\x0f\xff\xff\xff")
    for offset, data in ((1, b"1234"), (4, b"12"), (8, b"1234")):
        with pytest.raises(ValueError, match="no words"):
            write_bits(memory, offset, data)


def test_slots_are_erased_by_the_sector() -> None:
    """Both count the same operations."""
    flash = McubootFlash(b"\0" * SECTOR * 2, sectors=4)
    assert flash.primary.erase(0) == pytest.approx(0.085)
    assert flash.primary.erased(0, SECTOR)
    assert flash.primary.read(SECTOR, 2) == b"\0\0"
    flash.secondary.write(0, b"1234")
    assert flash.operations.count == 2
    flash.cut_at(1, torn=True)
    with pytest.raises(PowerLost):
        flash.primary.erase(1)
    assert flash.primary.erased(0, SECTOR + SECTOR // 2)
    assert not flash.primary.erased(0, SECTOR + SECTOR // 2 + 1)
