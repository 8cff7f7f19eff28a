"""Tests of Nightlatch."""
