"""Firmware for virtual locks."""

from hypothesis import given, settings, strategies as st
import pytest

from tests.rig.image import image_version, make_image

IMAGE = make_image("1.0.0", 1000, 1)


@settings(deadline=None)
@given(st.integers(16, 3000).map(lambda words: 4 * words), st.integers(0, 9))
def test_images_have_their_size_and_tell_their_version(size: int, seed: int) -> None:
    """They are the same each time, and another for another seed."""
    image = make_image("6.5.07", size, seed)
    assert len(image) == size
    assert image_version(image) == "6.5.07"
    assert image == make_image("6.5.07", size, seed)
    assert image != make_image("6.5.07", size, seed + 1)


@settings(deadline=None)
@given(st.integers(0, len(IMAGE) * 8 - 1))
def test_a_damaged_image_does_not_boot(bit: int) -> None:
    """Not a bit may be wrong."""
    damaged = bytearray(IMAGE)
    damaged[bit // 8] ^= 1 << bit % 8
    assert image_version(bytes(damaged)) is None


@pytest.mark.parametrize(("size", "version"), [(60, "1"), (66, "1"), (64, "")])
def test_impossible_images_are_not_made(size: int, version: str) -> None:
    """Firmware has whole words and room for its header."""
    with pytest.raises(ValueError, match="no image"):
        make_image(version, size, 0)
