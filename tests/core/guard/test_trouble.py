"""What keeps a source from doing its part has a reason, and only that has one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from custom_components.nightlatch.core.errors import SourceProblem
from custom_components.nightlatch.core.guard.source import SourceReading
from custom_components.nightlatch.core.guard.trouble import source_error
from custom_components.nightlatch.core.records.silence import SILENT_AFTER

NOW = datetime(2026, 11, 24, 2, tzinfo=UTC)
USUAL = SourceReading(available=True, can_install=True)
AWAY = SourceReading(available=False, away=True)
SHORT, LONG = SILENT_AFTER - timedelta(minutes=1), SILENT_AFTER


def problem_of(**facts: Any) -> SourceProblem | None:
    """Return what is wrong with a source that is usual but for some facts."""
    usual: dict[str, Any] = {
        "registered": True,
        "enabled": True,
        "silent_since": None,
        "reading": USUAL,
    }
    error = source_error("update.side", NOW, **{**usual, **facts})
    if error is None:
        return None
    assert error.details == {"entity": "update.side"}
    return error.reason


@pytest.mark.parametrize(
    ("facts", "problem"),
    [
        ({}, None),
        ({"registered": False, "enabled": False}, SourceProblem.GONE),
        ({"enabled": False, "reading": AWAY}, SourceProblem.DISABLED),
        ({"reading": replace(USUAL, installs_by_itself=True)}, SourceProblem.BY_ITSELF),
        ({"reading": replace(USUAL, can_install=False)}, SourceProblem.CANNOT_INSTALL),
        # Only what is there says what it can do.
        ({"reading": AWAY}, None),
        ({"reading": AWAY, "silent_since": NOW - SHORT}, None),
        ({"reading": AWAY, "silent_since": NOW - LONG}, SourceProblem.AWAY),
        # Who only watches installs nothing.
        ({"reading": None}, None),
        ({"reading": None, "silent_since": NOW - LONG}, SourceProblem.AWAY),
        # Nobody knows since when.
        ({"reading": AWAY, "silent_since": NOW + LONG}, None),
    ],
)
def test_what_is_wrong(facts: dict[str, Any], problem: SourceProblem | None) -> None:
    """The first thing that a person can do comes first."""
    assert problem_of(**facts) is problem
