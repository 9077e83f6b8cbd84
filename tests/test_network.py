"""curl's network options, read: what they mean, and what is wrong with them in one sentence."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from sio_doctor.model import NetworkOptions, Pinned
from sio_doctor.plan import PlanError, make_plan

SERVER = "https://api.invalid"
PAGE = "https://shop.invalid"


def options(**given: Any) -> NetworkOptions:
    return make_plan(SERVER, **given).network


def refusal(**given: Any) -> str:
    with pytest.raises(PlanError) as refused:
        make_plan(SERVER, **given)
    sentence = str(refused.value)
    assert sentence.endswith(".")
    assert ". " not in sentence
    return sentence


def pem(der: bytes) -> str:
    return f"-----BEGIN CERTIFICATE-----\n{base64.b64encode(der).decode()}\n-----END CERTIFICATE-----\n"


def test_without_options_everything_is_as_it_is() -> None:
    assert options() == NetworkOptions()


@pytest.mark.parametrize(
    ("text", "pin"),
    [
        ("api.invalid:443:127.0.0.2", Pinned(host="api.invalid", port=443, addresses=("127.0.0.2",))),
        ("API.Invalid:80:127.0.0.2,[::1]", Pinned(host="api.invalid", port=80, addresses=("127.0.0.2", "::1"))),
        ("+api.invalid:443:::1", Pinned(host="api.invalid", port=443, addresses=("::1",))),
        ("*:443:127.0.0.2", Pinned(host="*", port=443, addresses=("127.0.0.2",))),
        ("[::1]:443:127.0.0.2", Pinned(host="::1", port=443, addresses=("127.0.0.2",))),
        ("bücher.invalid:443:127.0.0.2", Pinned(host="xn--bcher-kva.invalid", port=443, addresses=("127.0.0.2",))),
    ],
)
def test_resolve_is_read_as_curl_writes_it(text: str, pin: Pinned) -> None:
    assert options(resolve=[text]).resolve == (pin,)


@pytest.mark.parametrize(
    "text",
    ["", "api.invalid", "api.invalid:443", "api.invalid:443:", "a:b:127.0.0.1", "a:99999:127.0.0.1", "-a:80", "a:80:b"],
)
def test_what_resolve_is_not(text: str) -> None:
    assert refusal(resolve=[text]).startswith("--resolve takes HOST:PORT:ADDRESS")


def test_a_ca_file_is_looked_into_before_anything_is_asked(tmp_path: Path) -> None:
    good, der, empty = tmp_path / "ca.pem", tmp_path / "ca.der", tmp_path / "empty.pem"
    good.write_text("a comment\n" + pem(b"\x30\x03abc"))
    der.write_bytes(b"\x30\x82\x01\x00")
    empty.write_text("-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n")
    assert options(ca_file=str(good)).ca_file == str(good)
    assert any(str(good) in note and "trust" in note for note in make_plan(SERVER, ca_file=str(good)).notes)
    assert "no certificate in it" in refusal(ca_file=str(empty))
    assert "DER" in refusal(ca_file=str(der))
    assert "no such file" in refusal(ca_file=str(tmp_path / "missing"))
    assert "it is no file" in refusal(ca_file=str(tmp_path))


@pytest.mark.parametrize("text", ["proxy.invalid:3128", "http://me:secret-word@proxy.invalid", "http://[::1]:3128", ""])
def test_a_proxy_that_can_be_spoken_to(text: str) -> None:
    assert options(proxy=text).proxy == text


@pytest.mark.parametrize(
    ("text", "word"),
    [("socks5://secret-word@proxy.invalid", "socks5"), ("https://proxy.invalid", "https"), ("://secret-word", "URL")],
)
def test_a_proxy_that_cannot(text: str, word: str) -> None:
    sentence = refusal(proxy=text)
    assert word in sentence
    assert "secret-word" not in sentence


def test_a_budget_begins_at_one() -> None:
    assert options(max_requests=1).max_requests == 1
    assert refusal(max_requests=0) == "--max-requests takes a number from 1 on."


def test_only_one_family_is_noted() -> None:
    assert "Only IPv6 is used here; a browser would use both families." in make_plan(SERVER, family=6).notes
    assert refusal(family=5) == "The family of addresses is 4 or 6, not 5."


def test_cookies_are_pairs_and_the_last_of_a_name_counts() -> None:
    plan = make_plan(SERVER, cookies=["session=abc; theme = dark ;", "session=de=f"], with_credentials=True)
    assert plan.client.cookies == (("session", "de=f"), ("theme", "dark"))


@pytest.mark.parametrize("text", ["s3cret", "@jar.txt", "a=b; s3cret", "=s3cret", "a b=s3cret", "a=s3cret\n"])
def test_what_is_no_cookie_is_not_repeated(text: str) -> None:
    sentence = refusal(cookies=[text])
    assert sentence.startswith("--cookie ")
    assert "s3cret" not in sentence


def test_cookies_without_credentials_are_said_to_stay_behind() -> None:
    def note(**given: Any) -> str:
        [said] = [note for note in make_plan(SERVER, cookies=["a=b"], **given).notes if "cookies" in note]
        return said

    assert "no withCredentials" in note(origins=[PAGE])
    assert "no withCredentials" not in note(origins=[PAGE], with_credentials=True)
    assert "no withCredentials" not in note(origins=[SERVER])
    assert "no withCredentials" not in note(origins=[PAGE], version=2)
