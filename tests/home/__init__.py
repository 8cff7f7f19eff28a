"""Tests of the whole: real Home Assistant, its real Bluetooth, a virtual proxy."""

import pytest

pytest.register_assert_rewrite("tests.home.ending")
