"""The picture for the README."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import pytest

from sio_doctor.render.svg import svg
from tests.render.samples import SAMPLES, no_cors

SVG = "{http://www.w3.org/2000/svg}"


def shown(picture: str) -> str:
    """All its text, in the order of the lines, blanks aside."""
    texts = ElementTree.fromstring(picture).iter(f"{SVG}text")
    return re.sub(r"\s", "", "".join(element.text or "" for element in texts))


@pytest.mark.parametrize("name", SAMPLES)
def test_it_loads_nothing(name: str) -> None:
    root = ElementTree.fromstring(svg(SAMPLES[name]))
    for element in root.iter():
        assert element.tag in {
            f"{SVG}{tag}" for tag in ("svg", "style", "defs", "clipPath", "rect", "g", "circle", "text")
        }
        for attribute, value in element.attrib.items():
            assert "href" not in attribute
            assert "src" not in attribute
            assert "//" not in value
            assert all(target.startswith("#") for target in re.findall(r"url\((.*?)\)", value))
    (style,) = root.iter(f"{SVG}style")
    assert not re.search(r"url\(|@import|@font-face|//", style.text or "")


def test_it_shows_the_report_and_its_title() -> None:
    picture = shown(svg(no_cors, title="sio-doctor <demo>"))
    assert picture.startswith("sio-doctor<demo>✗SIO301cors-not-configured:Theserverhasnocorsoption")
    assert picture.endswith("1error,1warning·14requests·0.31s")


def test_no_line_is_cut_at_the_edge() -> None:
    line = no_cors.exchanges[0].curl
    assert re.sub(r"\s", "", line) in shown(svg(no_cors, width=60))


def test_the_same_report_gives_the_same_picture() -> None:
    assert svg(no_cors) == svg(no_cors)
