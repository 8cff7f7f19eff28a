"""Tests of installations."""
