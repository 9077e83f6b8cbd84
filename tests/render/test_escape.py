"""Hostile text, made harmless."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sio_doctor.render.escape import harmless, harmless_block, only_ascii, shows

#: Any code point at all, lone surrogates too.
ANYTHING = st.text(st.characters(codec=None, categories=None))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://app.example.com", "https://app.example.com"),
        ("naïve ‘quotes’ 日本 😀", "naïve ‘quotes’ 日本 😀"),
        ("\x1b[31m", r"\x1b[31m"),
        ("a\r\nb\tc\x00\x7f", r"a\r\nb\tc\x00\x7f"),
        ("\x80\x9b\x9f", r"\x80\x9b\x9f"),
        ("\u202a\u202e\u2066\u2069\u200e\u200f\u061c", r"\u202a\u202e\u2066\u2069\u200e\u200f\u061c"),
        ("\u200b\u200d\u2060\ufeff\u00ad", r"\u200b\u200d\u2060\ufeff\xad"),
        ("\u2028\u2029\ud800", r"\u2028\u2029\ud800"),
        ("\ue000\uffff\U000e0041\u0378", r"\ue000\uffff\U000e0041\u0378"),
        ("\xa0\u3000", r"\xa0\u3000"),
        ("\u3164\ufe0f\u034f\U000e0100", r"\u3164\ufe0f\u034f\U000e0100"),
        (r"C:\x1b", r"C:\x1b"),
    ],
)
def test_what_does_not_show_is_written_out(text: str, shown: str) -> None:
    assert harmless(text) == shown


@given(ANYTHING)
def test_nothing_that_acts_or_hides_is_left(text: str) -> None:
    for char in harmless(text):
        assert char == " " or unicodedata.category(char)[0] not in "CZ"
    assert harmless(harmless(text)) == harmless(text)


def test_every_control_and_format_character_is_caught() -> None:
    acting = [
        chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    ]
    assert len(acting) > 2200
    assert not [char for char in acting if shows(char)]


def test_a_block_keeps_its_lines() -> None:
    assert harmless_block("a {\n\tb\x1b\r\n}\n") == "a {\n    b\\x1b\\r\n}\n"


@given(ANYTHING)
def test_ascii_is_ascii(text: str) -> None:
    assert only_ascii(harmless(text)).isascii()


def test_ascii_says_what_it_was() -> None:
    assert only_ascii("‘é’ 😀") == r"\u2018\xe9\u2019 \U0001f600"
