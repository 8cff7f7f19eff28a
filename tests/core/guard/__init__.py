"""Guarded locks, without Home Assistant."""
