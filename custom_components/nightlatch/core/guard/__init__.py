"""Guarded locks: another integration updates them, and Nightlatch says when."""
