"""Tests of the rig itself: what it promises to those who test on it."""
