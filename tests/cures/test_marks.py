"""What is put between the marks of a file."""

from __future__ import annotations

import pytest

from tests.cures.marks import mended, mistaken
from tests.cures.pairs import PAIRS, Pair

FILE = """listen(@PORT@)
# --- the mistake
wrong(@PORT@)
# --- the end of it
# on @PORT@
"""


def test_the_cure_stands_there_byte_for_byte() -> None:
    assert mistaken(FILE, {"PORT": "1"}) == FILE.replace("@PORT@", "1")
    after = "right(@PORT@, '\\1')\n\n  more"
    assert mended(FILE, after, {"PORT": "1"}) == (
        f"listen(1)\n# --- the mistake\n{after}\n# --- the end of it\n# on 1\n"
    )


@pytest.mark.parametrize("text", ["no marks\n", FILE + FILE, FILE.replace("# --- the end of it", "")])
def test_a_file_has_one_mistake(text: str) -> None:
    with pytest.raises(ValueError, match="marks"):
        mended(text, "", {})


@pytest.mark.parametrize("pair", PAIRS, ids=["-".join(pair.key) for pair in PAIRS])
def test_the_mistake_of_each_pair_is_found(pair: Pair) -> None:
    assert mended(pair.file.read_text(), "here it stands", {}).count("here it stands") == 1
