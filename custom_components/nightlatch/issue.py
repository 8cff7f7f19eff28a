"""Something that a person must do, as Home Assistant's repairs show it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """Something that a person must do."""

    key: str
    """Of its texts."""
    placeholders: dict[str, str]
    data: dict[str, str | int | float | None] | None = None
    """For the flow with which a person does it, or says that it is done; None where it
    is seen."""
