"""Tests of the rig: the equipment has to be right before it can prove anything."""
