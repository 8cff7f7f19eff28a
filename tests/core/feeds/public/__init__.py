"""Documents in the shapes of the public indexes, all of invented products."""

import json
from pathlib import Path
from typing import Any

from custom_components.nightlatch.core.errors import FeedError, FeedProblem


def text(name: str) -> str:
    """Return a document."""
    return (Path(__file__).parent / name).read_text("utf-8")


def document(name: str) -> Any:
    """Return a document's JSON value."""
    return json.loads(text(name))


def field_of(error: FeedError) -> str:
    """Return the field that an error is about."""
    assert error.reason is FeedProblem.FIELD_INVALID
    return error.details["field"]
