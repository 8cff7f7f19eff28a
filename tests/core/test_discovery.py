"""Which advertisements may be those of a lock that a feed knows."""

import re
from uuid import UUID

from hypothesis import given, strategies as st
import pytest

from custom_components.nightlatch.core.discovery import matches, narrowness
from custom_components.nightlatch.core.model import BluetoothMatch
from custom_components.nightlatch.core.transports.base import Advertisement

ADDRESS = "C0:11:22:33:44:55"
SERVICE = str(UUID(int=1))
OTHER_SERVICE = str(UUID(int=2))


def seen(
    name: str | None = None,
    services: tuple[str, ...] = (),
    manufacturers: tuple[int, ...] = (),
) -> Advertisement:
    """Return an advertisement."""
    return Advertisement(
        address=ADDRESS,
        local_name=name,
        service_uuids=services,
        manufacturer_ids=manufacturers,
    )


EVERYTHING = BluetoothMatch(
    local_name="Kestrel*", service_uuid=SERVICE, manufacturer_id=0x0059
)


@pytest.mark.parametrize(
    ("wanted", "advertisement", "expected"),
    [
        pytest.param(None, seen("Kestrel One"), False, id="unknown looks"),
        pytest.param(BluetoothMatch(), seen("Kestrel One"), False, id="no looks"),
        pytest.param(
            BluetoothMatch(local_name="Kestrel*"), seen("Kestrel One"), True, id="name"
        ),
        pytest.param(
            BluetoothMatch(local_name="Kestrel*"), seen("Kestrel"), True, id="no rest"
        ),
        pytest.param(
            BluetoothMatch(local_name="Kestrel*"),
            seen("kestrel One"),
            False,
            id="small letters",
        ),
        pytest.param(
            BluetoothMatch(local_name="Kestrel*"),
            seen("A Kestrel"),
            False,
            id="in the middle",
        ),
        pytest.param(
            BluetoothMatch(local_name="Kestrel One"),
            seen("Kestrel One 2"),
            False,
            id="longer",
        ),
        pytest.param(
            BluetoothMatch(local_name="Kestrel*"), seen(None), False, id="no name"
        ),
        pytest.param(
            BluetoothMatch(service_uuid=SERVICE),
            seen(services=(OTHER_SERVICE, SERVICE)),
            True,
            id="service",
        ),
        pytest.param(
            BluetoothMatch(service_uuid=SERVICE),
            seen(services=(OTHER_SERVICE,)),
            False,
            id="other service",
        ),
        pytest.param(
            BluetoothMatch(manufacturer_id=0),
            seen(manufacturers=(0,)),
            True,
            id="manufacturer zero",
        ),
        pytest.param(
            BluetoothMatch(manufacturer_id=89),
            seen(manufacturers=(88,)),
            False,
            id="other manufacturer",
        ),
        pytest.param(
            EVERYTHING, seen("Kestrel One", (SERVICE,), (89,)), True, id="all parts"
        ),
        pytest.param(EVERYTHING, seen("Robin", (SERVICE,), (89,)), False, id="no name"),
        pytest.param(
            EVERYTHING, seen("Kestrel One", (), (89,)), False, id="no service"
        ),
        pytest.param(
            EVERYTHING, seen("Kestrel One", (SERVICE,)), False, id="no manufacturer"
        ),
    ],
)
def test_all_given_parts_must_match(
    wanted: BluetoothMatch | None, advertisement: Advertisement, expected: bool
) -> None:
    """It is only a proposal, but it should not propose the neighbour's fridge."""
    assert matches(wanted, advertisement) is expected


# Few letters, so that names often match; and all that means something to some matcher.
texts = st.text(st.sampled_from("ab*?[]!-^$.\\(){}|+\n"), max_size=10)


@given(pattern=texts, name=texts)
def test_no_character_but_the_star_means_anything(pattern: str, name: str) -> None:
    """Names have brackets and question marks too."""
    expected = re.fullmatch(
        ".*".join(re.escape(part) for part in pattern.split("*")), name, re.DOTALL
    )
    found = matches(BluetoothMatch(local_name=pattern), seen(name))
    assert found is (expected is not None)


@given(pattern=texts, rest=texts)
def test_a_name_matches_itself_with_a_star_in_any_place(
    pattern: str, rest: str
) -> None:
    """Whatever it is made of."""
    name = pattern.replace("*", rest)
    assert matches(BluetoothMatch(local_name=pattern), seen(name))


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        (
            BluetoothMatch(local_name="Kestrel Motor*"),
            BluetoothMatch(local_name="Kes*"),
        ),
        (EVERYTHING, BluetoothMatch(local_name="Kestrel Motor*")),
        (BluetoothMatch(service_uuid=SERVICE), BluetoothMatch()),
        (BluetoothMatch(local_name="Kes*"), None),
    ],
)
def test_the_model_that_asks_more_is_the_narrower(
    narrow: BluetoothMatch, wide: BluetoothMatch | None
) -> None:
    """A device that looks like two models is called by the name that says more."""
    assert narrowness(narrow) > narrowness(wide)
