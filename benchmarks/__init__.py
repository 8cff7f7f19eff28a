"""Benchmarks of Nightlatch."""
