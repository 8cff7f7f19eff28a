"""One-time codes: whatever they are written like, each counts once, and none by guessing."""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
import sys
import unicodedata

from freezegun import freeze_time
import pytest

from homeassistant.auth.models import User
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util
from tests.home.house import House
from tests.home.night import Night
from tests.home.test_actions import (
    Authenticator,
    act,
    add_user,
    each_end,
    with_authenticator,
)

from .table import Tried

# Surroundings of a code that phones' keyboards leave there.
AROUND = (" ", "\t", "\n", "\r\n", "\u00a0", "\u2003", "\u3000")
BETWEEN = (
    *AROUND,
    "-",
    "_",
    ".",
    ",",
    "'",
    "\u200b",
    "\u200d",
    "\u2060",
    "\ufeff",
    "\0",
)
SIGNS = ("+", "-", "\u2212", "0", "0x", "0o", "#", "\u202e", "\u200e", "\ufeff", "\0")


def in_every_script(code: str) -> Iterator[str]:
    """Yield a code in all decimal digits that there are."""
    digits: dict[int, list[str]] = {value: [] for value in range(10)}
    for point in range(sys.maxunicode + 1):
        char = chr(point)
        if unicodedata.category(char) == "Nd":
            digits[unicodedata.decimal(char)].append(char)
    for row in zip(*(digits[value] for value in range(10)), strict=True):
        if row[0] != "0":
            yield "".join(row[int(digit)] for digit in code)
            # One foreign digit is enough.
            yield code[:5] + row[int(code[5])]
    assert all(len(each) > 60 for each in digits.values())


def written_otherwise(code: str) -> Iterator[str]:
    """Yield everything else that somebody may take for the same number."""
    for sep in BETWEEN:
        yield f"{code[:3]}{sep}{code[3:]}"
        yield sep.join(code)
    for sign in SIGNS:
        yield f"{sign}{code}"
    yield from (f"{code}.0", f"{code}e0", f"{code}0", code[:5], f"{code}\0", code * 2)
    yield from (
        f"{code}\n{code}",
        f"{code};",
        f"({code})",
        f'"{code}"',
        f"{code}\u0301",
    )
    # Squared, circled: digits by their value, and no decimals.
    yield "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(digit)] for digit in code)
    yield "".join("⓪①②③④⑤⑥⑦⑧⑨"[int(digit)] for digit in code)
    yield "".join("〇一二三四五六七八九"[int(digit)] for digit in code)


@pytest.fixture
async def owner(house: House) -> User:
    """Let the owner live here, and every update need a code."""
    Night(house).set_lock(approval="second_factor")
    await house.release("1.1.0")
    return await add_user(house, is_owner=True)


@pytest.fixture
async def app(house: House, owner: User) -> Authenticator:
    """Give the owner an authenticator app."""
    return await with_authenticator(house, owner)


async def said(house: House, owner: User, code: str) -> str:
    """Give a code; return what came of it."""
    try:
        await act(house, "approve", owner, code=code)
    except HomeAssistantError as err:
        return str(err.translation_key)
    return "approved"


@pytest.mark.parametrize("used", [False, True], ids=["fresh", "used"])
async def test_a_code_has_one_writing(
    house: House, owner: User, app: Authenticator, used: bool, attack: Tried
) -> None:
    """What is none is refused, counted as no try, and uses nothing up."""
    code = app.code()
    if used:
        assert await said(house, owner, code) == "approved"
        await house.managed().decided.async_revoke()
    writings = [*in_every_script(code), *written_otherwise(code)]
    for writing in writings:
        assert await said(house, owner, writing) == "code_malformed", repr(writing)
    assert house.managed().decisions.approval is None
    assert await said(house, owner, code) == ("code_used" if used else "approved")
    what = "used" if used else "fresh"
    attack(
        f"other writings of a {what} code", len(writings), "all refused, none counted"
    )


async def test_blanks_around_a_code_are_no_other_code(
    house: House, owner: User, app: Authenticator, attack: Tried
) -> None:
    """A phone's keyboard adds them; with them it is the same code, and counts once."""
    code = app.code()
    assert await said(house, owner, f"\u00a0 {code}\t\n") == "approved"
    await house.managed().decided.async_revoke()
    for around in AROUND[:4]:
        assert await said(house, owner, f"{around}{code}{around}") == "code_used"
    attack("a used code between blanks", 4, "all refused")


async def test_a_code_counts_once_as_long_as_it_is_valid(
    house: House, owner: User, app: Authenticator, attack: Tried
) -> None:
    """From one step before its own to one after."""
    # A step begins here.
    begin = datetime.fromtimestamp(dt_util.utcnow().timestamp() // 30 * 30, dt_util.UTC)
    tries = 0
    # Taken as early, and as late, as a code can be that stands in the app already.
    for minutes, late in ((0, 0), (20, 29)):
        start = begin + timedelta(minutes=minutes)
        with freeze_time(start, real_asyncio=True) as clock:
            code = app.code(1)
            clock.move_to(start + timedelta(seconds=late))
            assert await said(house, owner, code) == "approved"
            await house.managed().decided.async_revoke()
            for second in (30, 59, 60, 89):
                clock.move_to(start + timedelta(seconds=second))
                assert await said(house, owner, code) == "code_used", second
            clock.move_to(start + timedelta(seconds=90))
            assert await said(house, owner, code) in {"code_used", "code_wrong"}
            tries += 5
    assert house.managed().decisions.approval is None
    attack("a used code, for as long as it is valid", tries, "all refused")


async def test_two_at_once(
    house: House, owner: User, app: Authenticator, attack: Tried
) -> None:
    """One of them is taken."""
    code = app.code()
    calls = [
        house.hass.async_create_task(act(house, "approve", owner, code=writing))
        for writing in (code, f" {code}", f"{code}\n", f"\t{code} ")
    ]
    ends = await asyncio.gather(*map(each_end, calls))
    assert sorted(ends, key=str) == [None, "code_used", "code_used", "code_used"]
    attack("one code, four times at once", len(ends), "taken once")


async def test_nobody_guesses(
    house: House, owner: User, app: Authenticator, attack: Tried
) -> None:
    """Five wrong ones, then nothing for a while; what is no code does not help either."""
    valid = {app.code(step) for step in range(-2, 6)}
    wrong = [
        code for code in (f"{number:06}" for number in range(60)) if code not in valid
    ]
    answers = [await said(house, owner, code) for code in wrong[:40]]
    assert answers[:5] == ["code_wrong"] * 5
    assert set(answers[5:]) == {"code_too_often"}
    assert await said(house, owner, "12345") == "code_malformed"
    assert await said(house, owner, app.code()) == "code_too_often"
    assert house.managed().decisions.approval is None
    attack(
        "guesses",
        len(answers),
        "5 looked at, then nobody listens, not to the right one",
    )


async def test_guesses_under_a_clock_that_was_ahead_end(
    house: House, owner: User, app: Authenticator, attack: Tried
) -> None:
    """Nobody waits for years; and nobody gets more guesses by it."""
    now = dt_util.utcnow()
    with freeze_time(now + timedelta(days=3650)):
        answers = [await said(house, owner, "000000") for _ in range(5)]
    with freeze_time(now):
        answers.append(await said(house, owner, "000000"))
    with freeze_time(now + timedelta(minutes=16)):
        answers.append(await said(house, owner, "000000"))
    assert answers == [*["code_wrong"] * 5, "code_too_often", "code_wrong"]
    attack("guesses while the clock was ten years ahead", 7, "over after 15 minutes")
