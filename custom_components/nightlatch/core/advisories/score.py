"""How bad a hole is, by the vector that somebody has given it."""

from typing import Final

from cvss import CVSS2, CVSS3, CVSS4, CVSSError

from ..model import Severity

MAX_VECTOR: Final = 256
"""Characters."""

# What CVSS 4.0 calls base metrics (its specification, section 2). Its library scores the
# others along with them, and calls that the base score.
_BASE_4: Final = frozenset(
    ["AV", "AC", "AT", "PR", "UI", "VC", "VI", "VA", "SC", "SI", "SA"]
)


def severity_of(vector: str) -> Severity:
    """Return the severity of a CVSS vector; raise ``ValueError`` for what is none.

    By its base metrics: how it is for one household nobody has said. CVSS 2 knows
    nothing above *high*. A score of nought is *none*.
    """
    if len(vector) > MAX_VECTOR:
        raise ValueError(f"a vector has at most {MAX_VECTOR} characters")
    kind = (
        CVSS4
        if vector.startswith("CVSS:4.")
        else CVSS3
        if vector.startswith("CVSS:3.")
        else CVSS2
    )
    try:
        scored = kind(vector)
        if isinstance(scored, CVSS4):
            scored = CVSS4(_base_of(vector))
    # The library looks some things up that a malformed vector does not have.
    except (CVSSError, KeyError) as err:
        raise ValueError(f"{vector!r} is no CVSS vector") from err
    if not scored.base_score:
        return Severity.NONE
    return Severity(str(scored.severities()[0]).lower())


def _base_of(vector: str) -> str:
    version, *metrics = vector.split("/")
    base = (each for each in metrics if each.partition(":")[0] in _BASE_4)
    return "/".join((version, *base))
