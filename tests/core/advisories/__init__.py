"""Tests of what is published of holes in firmware."""
