"""May it run: the checks before an installation."""
