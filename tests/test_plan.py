"""What people paste becomes a plan, and what is wrong with it one sentence."""

from __future__ import annotations

import pytest

from sio_doctor.plan import PlanError, make_plan

POLLING = "https://api.example.com/chat-io/?EIO=4&transport=polling&t=PNxyz12&token=abc"


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://api.example.com", "https://api.example.com"),
        ("https://api.example.com/", "https://api.example.com"),
        ("HTTPS://API.Example.com:443", "https://api.example.com"),
        ("http://api.example.com:80/", "http://api.example.com"),
        ("wss://api.example.com", "https://api.example.com"),
        ("ws://localhost:3000", "http://localhost:3000"),
        ("localhost:3000", "http://localhost:3000"),
        ("127.0.0.1:3000", "http://127.0.0.1:3000"),
        ("[::1]:3000", "http://[::1]:3000"),
        ("api.example.com", "https://api.example.com"),
        ("api.example.com:3000", "http://api.example.com:3000"),
        ("//api.example.com", "https://api.example.com"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
    ],
)
def test_the_server_is_found_in_what_people_have_at_hand(url: str, target: str) -> None:
    assert make_plan(url).target.url == target


def test_a_url_without_scheme_takes_the_pages_as_the_client_does() -> None:
    plan = make_plan("api.example.com:3000", origins=["https://app.example.com"])
    assert plan.target.url == "https://api.example.com:3000"
    assert "The URL has no scheme; https was taken." in plan.notes


def test_path_protocol_and_query_are_taken_from_a_pasted_polling_url() -> None:
    plan = make_plan(POLLING)
    assert plan.target.url == "https://api.example.com"
    assert plan.target.path == "/chat-io/"
    assert plan.target.query == (("token", "abc"),)
    assert plan.target.namespace == "/"
    assert plan.client.version == 4


def test_eio_3_means_client_2_which_sends_credentials() -> None:
    plan = make_plan("http://localhost:3000/socket.io/?EIO=3&transport=polling")
    assert plan.client.version == 2
    assert plan.client.protocol == 3
    assert plan.client.with_credentials is True
    assert make_plan("localhost:3000").client.with_credentials is False
    assert make_plan("localhost:3000", version=2, with_credentials=False).client.with_credentials is False


def test_a_session_id_is_not_taken_over() -> None:
    plan = make_plan("https://h.example/socket.io/?EIO=4&transport=polling&t=a&sid=Lbo5JLzTotvW3g2LAAAA")
    assert plan.target.query == ()
    assert any("session id" in note for note in plan.notes)


def test_a_websocket_url_without_session_is_a_websocket_client() -> None:
    alone = make_plan("wss://h.example/socket.io/?EIO=4&transport=websocket")
    assert alone.client.transports == ("websocket",)
    upgrade = make_plan("wss://h.example/socket.io/?EIO=4&transport=websocket&sid=Lbo5JLzTotvW3g2LAAAA")
    assert upgrade.client.transports == ("polling", "websocket")


def test_a_path_that_is_no_handshake_path_is_the_namespace_and_that_is_said() -> None:
    plan = make_plan("https://api.example.com/admin")
    assert plan.target.namespace == "/admin"
    assert plan.target.path == "/socket.io/"
    assert plan.namespace_from_path
    assert any("--path /admin/" in note for note in plan.notes)
    assert make_plan("https://h.example/api/socket.io").target.path == "/api/socket.io/"
    assert not make_plan("https://h.example/api/socket.io").namespace_from_path


@pytest.mark.parametrize(
    ("given", "origin"),
    [
        ("https://app.example.com", "https://app.example.com"),
        ("https://app.example.com/login?next=/", "https://app.example.com"),
        ("https://APP.example.com:443/", "https://app.example.com"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("null", "null"),
        ("file:///home/me/index.html", "null"),
        ("capacitor://localhost", "capacitor://localhost"),
        ("chrome-extension://abcdefghijklmnop/popup.html", "chrome-extension://abcdefghijklmnop"),
    ],
)
def test_a_page_is_cut_to_its_origin_as_browsers_serialise_it(given: str, origin: str) -> None:
    plan = make_plan("localhost:3000", origins=[given])
    assert plan.origins == (origin,)
    assert any(given in note for note in plan.notes) is (origin != given)


def test_the_same_origin_twice_is_asked_once() -> None:
    assert make_plan("h.example", origins=["http://a.example/x", "http://a.example/y"]).origins == ("http://a.example",)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://api.example.com", ["ftp", "http"]),
        ("mailto:me@example.com", ["scheme"]),
        ("https://", ["host"]),
        ("http://:3000", ["host"]),
        ("http://api.example.com:99999", ["port"]),
        ("http://api.example.com:abc", ["port"]),
        ("localhost:port", ["scheme"]),
        ("", ["empty"]),
        ("http://a b", ["URL"]),
    ],
)
def test_a_url_that_is_none_is_one_sentence(url: str, words: list[str]) -> None:
    with pytest.raises(PlanError) as raised:
        make_plan(url)
    sentence = str(raised.value)
    assert all(word in sentence for word in words), sentence
    assert "\n" not in sentence


@pytest.mark.parametrize(
    ("origin", "words"),
    [
        ("app.example.com", ["no scheme", "https://app.example.com"]),
        ("localhost:5173", ["no scheme", "http://localhost:5173"]),
        ("https://", ["no host"]),
        ("*", ["leave --origin out"]),
        ("wss://app.example.com", ["https://app.example.com"]),
    ],
)
def test_an_origin_that_is_none_is_one_sentence_with_the_likely_one(origin: str, words: list[str]) -> None:
    with pytest.raises(PlanError) as raised:
        make_plan("localhost:3000", origins=[origin])
    assert all(word in str(raised.value) for word in words), raised.value


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"headers": ["no colon"]}, ["no header"]),
        ({"headers": ["bad name: x"]}, ["no header"]),
        ({"headers": [": x"]}, ["no header"]),
        ({"headers": ["x: a\r\nb: c"]}, ["x"]),
        ({"auth": "{token}"}, ["JSON"]),
        ({"auth": '"text"'}, ["JSON object"]),
        ({"transports": ["polling,carrier-pigeon"]}, ["carrier-pigeon"]),
        ({"try_all_transports": True, "version": 3}, ["--try-all-transports", "4.8", "3"]),
        ({"browsers": ["lynx"]}, ["lynx", "chromium"]),
        ({"version": 7}, ["7"]),
        ({"path": ""}, ["path"]),
        ({"path": "/a?b"}, ["path"]),
        ({"namespace": "/a,b"}, ["namespace"]),
        ({"query": ["novalue"]}, ["name=value"]),
        ({"query": ["EIO=3"]}, ["EIO", "--client"]),
        ({"timeout": 0.0}, ["--timeout"]),
        ({"deadline": -1.0}, ["--deadline"]),
        ({"page": ""}, ["--page", "no scheme"]),
        ({"page": "app.example.com/chat"}, ["--page", "no scheme", "https://app.example.com/chat"]),
        ({"page": "ftp://app.example.com/"}, ["--page", "http, https or file"]),
        ({"page": "http://app.example.com:99999/"}, ["no page", "99999"]),
        ({"page": "file:///"}, ["file:///home"]),
        ({"page": "file://server/share/index.html"}, ["file:///home"]),
    ],
)
def test_an_option_that_is_wrong_is_one_sentence(options: dict[str, object], words: list[str]) -> None:
    with pytest.raises(PlanError) as raised:
        make_plan("localhost:3000", **options)  # type: ignore[arg-type]  # the table mixes the options' types
    assert all(word in str(raised.value) for word in words), raised.value


@pytest.mark.parametrize(
    ("page", "kept", "origin"),
    [
        ("HTTPS://App.Example.com:443/chat?a=b#top", "https://app.example.com/chat?a=b", "https://app.example.com"),
        ("http://localhost:5173", "http://localhost:5173/", "http://localhost:5173"),
        ("file:///home/me/index.html", "file:///home/me/index.html", "null"),
        ("http://me:secret@localhost/", "http://localhost/", "http://localhost"),
    ],
)
def test_a_page_brings_its_origin(page: str, kept: str, origin: str) -> None:
    plan = make_plan("localhost:3000", page=page)
    assert (plan.page, plan.origins) == (kept, (origin,))
    assert "secret" not in " ".join(plan.notes)
    both = make_plan("localhost:3000", page=page, origins=["https://other.example.com", origin])
    assert both.origins == (origin, "https://other.example.com")


def test_a_page_tells_the_scheme_of_a_bare_host() -> None:
    assert make_plan("api.example.com:3000", page="https://app.example.com/").target.url.startswith("https:")
