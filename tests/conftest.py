"""What all tests need."""

# Home Assistant's test package brings a custom_components of its own: ours has to be
# imported before it is looked for.
import custom_components.nightlatch  # noqa: F401
