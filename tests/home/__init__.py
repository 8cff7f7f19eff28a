"""Tests of the whole: real Home Assistant, its real Bluetooth, a virtual proxy."""
