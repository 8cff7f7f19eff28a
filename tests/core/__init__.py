"""Tests of the ground floor, without Home Assistant."""
