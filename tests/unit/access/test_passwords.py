"""Passwords: which are weak, how they are hashed, and what a flood of them costs."""

from __future__ import annotations

import asyncio
import threading

import pytest
from argon2 import PasswordHasher

from collector.access.passwords import BusyError, Passwords, weakness
from tests.unit.access.desk import PASSWORD, CountingHasher

LENGTH = "a password has 15 to 128 characters; a few words will do"
AGAIN = "a password is not the same few characters again and again"
ID = "a password does not contain the account's id"
COMMON = "this password is one of those that are tried first"


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("four quiet words here", None),
        ("correct battery h", None),
        ("sonnenblume am rain", None),
        ("пятнадцать букв", None),
        ("x3J#9vQ!mZ2&pLw", None),
        ("!\"$%&/()=?+*'#-_.:,;", None),
        ("", LENGTH),
        ("x3J#9vQ!mZ2&pL", LENGTH),
        ("x" * 600, "a password has at most 128 characters"),
        ("aaaaaaaaaaaaaaa", AGAIN),
        ("abababababababab", AGAIN),
        ("AaBbAaBbAaBbAaBbCcDdE", AGAIN),
        ("passwordpassword", AGAIN),
        ("hospital1hospital1", AGAIN),
        ("meadow ada-lovelace", ID),
        ("meadow ADA-Lovelace", ID),
        ("correct horse battery staple", COMMON),
        ("Correct-Horse-Battery-Staple", COMMON),
        ("qwertyuiopasdfghjkl", COMMON),
        ("lkjhgfdsapoiuytrewq", COMMON),
        ("123456789012345", COMMON),
        ("1234567890!!!!!", COMMON),
        ("abcdefghijklmnop", COMMON),
        ("This is a password!", COMMON),
        ("thequickbrownfox", COMMON),
    ],
)
def test_a_weak_password_is_named_by_why(password: str, why: str | None) -> None:
    assert weakness(password, "ada-lovelace") == why


def test_a_password_of_128_characters_will_do_and_one_more_will_not() -> None:
    whole = " ".join(map(str, range(100, 132))) + "x"
    assert (len(whole), weakness(whole, "ada")) == (128, None)
    assert weakness(whole + "x", "ada") == LENGTH


def test_an_id_of_two_letters_is_in_too_many_words_to_count() -> None:
    assert weakness("four quiet words here", "qu") is None
    assert weakness("four quiet words here", "qui") == ID


def test_length_counts_what_it_looks_like() -> None:
    """Seven ligatures and a full-width letter are fifteen letters once they are spelled out."""
    assert weakness("ﬁﬂﬀﬁﬂﬀﬁx", "ada") == AGAIN
    assert weakness("ﬁﬂﬀﬁﬂﬀﬁ", "ada") == LENGTH


async def test_a_password_verifies_and_another_does_not(passwords: Passwords) -> None:
    stored = await passwords.hash(PASSWORD)
    assert stored.startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert PASSWORD not in stored
    assert await passwords.verify(stored, PASSWORD)
    assert not await passwords.verify(stored, PASSWORD + " ")
    assert not await passwords.verify(stored, "")


async def test_the_same_password_has_another_hash_each_time(passwords: Passwords) -> None:
    assert await passwords.hash(PASSWORD) != await passwords.hash(PASSWORD)


async def test_the_costs_are_those_of_the_library() -> None:
    real = Passwords()
    stored = await real.hash(PASSWORD)
    real.close()
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")


async def test_another_spelling_of_the_same_letters_is_the_same_password(
    passwords: Passwords,
) -> None:
    stored = await passwords.hash("z\u00fcrich \ufb01ne weather")
    assert await passwords.verify(stored, "zu\u0308rich fine weather")


async def test_text_that_utf_8_cannot_spell_is_a_password_like_another(
    passwords: Passwords,
) -> None:
    stored = await passwords.hash("\ud800" + PASSWORD)
    assert await passwords.verify(stored, "\ud800" + PASSWORD)
    assert not await passwords.verify(stored, PASSWORD)


async def test_nothing_is_the_password_of_nobody(passwords: Passwords) -> None:
    for typed in ("", "nobody's password", PASSWORD):
        assert not await passwords.verify(None, typed)


async def test_a_password_of_megabytes_costs_no_more_than_another(passwords: Passwords) -> None:
    passwords._hasher = hasher = CountingHasher()
    stored = await passwords.hash(PASSWORD)
    assert not await passwords.verify(stored, PASSWORD * 100_000)
    assert hasher.verified == 1


class SlowHasher(CountingHasher):
    """Waits until it may go on."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = threading.Event()
        self.free = threading.Event()

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        self.begun.set()
        assert self.free.wait(30)
        self.verified += 1
        return "hash"


async def test_one_runs_and_a_bounded_number_waits() -> None:
    passwords = Passwords(1, 8, 1, waiting=3)
    passwords._hasher = slow = SlowHasher()
    tasks = [asyncio.create_task(passwords.hash(PASSWORD)) for _ in range(10)]
    done, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    assert [type(task.exception()) for task in done] == [BusyError] * 6
    slow.free.set()
    assert await asyncio.gather(*waiting) == ["hash"] * 4
    assert await passwords.hash(PASSWORD) == "hash"
    passwords.close()


async def test_who_goes_away_keeps_the_place_until_the_work_is_done() -> None:
    """Else asking and hanging up would queue as many hashes as anybody likes."""
    passwords = Passwords(1, 8, 1, waiting=1)
    passwords._hasher = slow = SlowHasher()
    tasks = [asyncio.create_task(passwords.hash(PASSWORD)) for _ in range(2)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    with pytest.raises(BusyError):
        await passwords.hash(PASSWORD)
    slow.free.set()
    passwords._worker.submit(int).result(30)
    assert slow.verified == 2
    assert await passwords.hash(PASSWORD) == "hash"
    passwords.close()


async def test_the_loop_goes_on_while_a_hash_runs() -> None:
    passwords = Passwords(1, 8, 1)
    passwords._hasher = slow = SlowHasher()
    task = asyncio.create_task(passwords.hash(PASSWORD))
    for _ in range(100):
        await asyncio.sleep(0)
    assert not task.done()
    slow.free.set()
    assert await task == "hash"
    passwords.close()


def test_the_hasher_counts_what_the_library_does() -> None:
    """The tests of floods rest on it."""
    hasher = CountingHasher()
    assert isinstance(hasher, PasswordHasher)
    hasher.verify(hasher.hash("x"), "x")
    assert (hasher.verified, hasher.most, hasher.running) == (1, 1, 0)
