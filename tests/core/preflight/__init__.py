"""Tests of the checks before an installation."""
