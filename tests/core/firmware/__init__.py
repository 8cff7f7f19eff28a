"""Tests of the firmware formats."""
