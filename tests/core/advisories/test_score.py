"""How bad a hole is: by base metrics of each version of CVSS, and never by guessing."""

from contextlib import suppress

from hypothesis import given, strategies as st
import pytest

from custom_components.nightlatch.core.advisories.score import MAX_VECTOR, severity_of
from custom_components.nightlatch.core.model import Severity

V3 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
V4 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"


@pytest.mark.parametrize(
    ("vector", "severity"),
    [
        (V3, Severity.CRITICAL),
        (V3.replace("3.1", "3.0"), Severity.CRITICAL),
        # What holds for the one who has measured it says nothing of this household.
        (f"{V3}/E:U/RL:O/MAV:P", Severity.CRITICAL),
        ("CVSS:3.1/AV:A/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", Severity.HIGH),
        ("CVSS:3.1/AV:P/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", Severity.MEDIUM),
        ("CVSS:3.1/AV:P/AC:H/PR:N/UI:N/S:U/C:L/I:N/A:N", Severity.LOW),
        ("CVSS:3.1/AV:P/AC:H/PR:N/UI:N/S:U/C:N/I:N/A:N", Severity.NONE),
        (V4, Severity.CRITICAL),
        (V4.replace("AV:N", "AV:P"), Severity.HIGH),
        (f"{V4}/E:U/CR:L/IR:L/AR:L", Severity.CRITICAL),
        (f"{V4}/MVC:N/MVI:N/MVA:N", Severity.CRITICAL),
        # It knows nothing above.
        ("AV:N/AC:L/Au:N/C:C/I:C/A:C", Severity.HIGH),
        ("AV:N/AC:L/Au:N/C:N/I:N/A:N", Severity.NONE),
        ("AV:L/AC:H/Au:M/C:P/I:N/A:N", Severity.LOW),
    ],
)
def test_each_version_is_measured_by_its_base_metrics(
    vector: str, severity: Severity
) -> None:
    """As FIRST publishes the bands."""
    assert severity_of(vector) is severity


@pytest.mark.parametrize(
    "vector",
    [
        "",
        "9.8",
        "CVSS:3.1",
        "CVSS:3.1/",
        "CVSS:5.0/AV:N",
        "CVSS:2.0/AV:N/AC:L/Au:N/C:C/I:C/A:C",
        "(AV:N/AC:L/Au:N/C:C/I:C/A:C)",
        f"{V3}/",
        f"{V3}/AV:N",
        V3.replace("/A:H", ""),
        V3.replace("C:H", "C:X"),
        f" {V3}",
        f"{V3}/{'E:U/' * MAX_VECTOR}",
    ],
)
def test_what_is_no_vector_has_no_severity(vector: str) -> None:
    """It is refused, not taken for harmless."""
    with pytest.raises(ValueError, match="vector"):
        severity_of(vector)


@given(
    st.text(max_size=300)
    | st.lists(st.sampled_from([*V4.split("/"), *V3.split("/"), "", ":"])).map("/".join)
)
def test_no_vector_is_too_odd(vector: str) -> None:
    """A severity, or the one error."""
    with suppress(ValueError):
        assert severity_of(vector) in Severity
