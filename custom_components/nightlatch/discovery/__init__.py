"""Locks that nobody takes care of yet."""
