"""What all tests need."""

from hypothesis import settings

# Home Assistant's test package brings a custom_components of its own: ours has to be
# imported before it is looked for.
import custom_components.nightlatch  # noqa: F401

# How long an example takes says something of the machine, not of the software.
settings.register_profile("nightlatch", deadline=None)
settings.load_profile("nightlatch")
