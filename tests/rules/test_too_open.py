"""Who else is let in: the rules of ``too_open``."""

from __future__ import annotations

import pytest

from sio_doctor.diagnose import diagnose
from sio_doctor.model import FOREIGN, Evidence, Frame, HeaderList, Response, Server
from tests.rules.build import (
    PAGE,
    Asked,
    case,
    evidence,
    exchange,
    findings,
    hits,
    node_error,
    node_open,
    open_data,
    preflight_ok,
    response,
    switching,
)

CREDENTIALS = ("Access-Control-Allow-Credentials", "true")
VARY = ("Vary", "Origin")
#: Preflights of strangers: by the end, by the beginning.
ENDS, BEGINS = "https://shopxexample.com", "https://shop.example.com.evil.example"


def allow(origin: str) -> tuple[str, str]:
    return ("Access-Control-Allow-Origin", origin)


NAMED: HeaderList = (allow(PAGE), VARY)


def open_to(foreign: Response, *asked: Asked, own: HeaderList = NAMED) -> Evidence:
    """The page connects by polling, and others are asked about."""
    ladder = [
        exchange("handshake", node_open(*own)),
        exchange("connect", response(200, *own, body="ok")),
        exchange("poll", response(200, *own, body='40{"sid":"a"}')),
        exchange("foreign", foreign),
    ]
    return evidence({"transports": ("polling",)}, [*ladder, *asked])


def told(whole: Evidence) -> dict[str, str]:
    return {slug: one.severity for slug, one in findings(whole).items()}


def test_everybody_with_credentials() -> None:
    foreign = node_open(allow(FOREIGN), CREDENTIALS, VARY)
    found = findings(open_to(foreign, own=(allow(PAGE), CREDENTIALS, VARY)))
    assert told(open_to(foreign)) == {"any-origin-with-credentials": "warning"}
    assert f"Access-Control-Allow-Origin: {FOREIGN}" in found["any-origin-with-credentials"].message


@pytest.mark.parametrize(
    "foreign",
    [
        node_open(allow(FOREIGN), VARY),  # without credentials: a public server
        node_open(allow("*"), CREDENTIALS),  # browsers refuse that to who sends credentials
        node_open(allow(PAGE), CREDENTIALS),  # the page's own, whoever asks
        node_open(VARY, CREDENTIALS),
        node_error(4, allow(FOREIGN), CREDENTIALS),  # named, and refused
    ],
)
def test_not_everybody_or_without_credentials(foreign: Response) -> None:
    assert told(open_to(foreign)) == {}


def test_everybody_is_let_in_meant_or_not() -> None:
    def shape(whole: Evidence, version: str = "4.8.4") -> list[tuple[str, bool]]:
        found = diagnose(case(whole, server=Server(stack="socket.io", version=version)))
        return [(one.severity, "is no list" in one.message) for one in found if one.slug == "cors-option-shape"]

    anybody = open_to(node_open(allow("*"), sid="another"), own=(allow("*"),))
    assert shape(anybody) == [("info", True)]
    assert shape(anybody, "2.5.1") == []
    assert shape(open_to(node_open(VARY, sid="another"))) == []
    assert shape(open_to(node_open(allow(FOREIGN), VARY))) == []


def test_where_no_page_connects_nothing_is_said_of_others() -> None:
    foreign = exchange("foreign", node_open(allow(FOREIGN), CREDENTIALS))
    whole = evidence({}, [exchange("handshake", node_open()), foreign])
    assert hits("any-origin-with-credentials", whole) == []


LISTED = node_open(VARY, sid="another")


def preflights(*named: str, more: HeaderList = ()) -> list[Asked]:
    """The answers to null and to both likenesses: these are named."""
    return [
        exchange("look-alike", preflight_ok(*((allow(one), VARY, *more) if one in named else (VARY,))), origin=one)
        for one in ("null", ENDS, BEGINS)
    ]


def test_null_is_on_the_list() -> None:
    assert told(open_to(LISTED, *preflights("null"))) == {"null-origin-allowed": "info"}
    assert told(open_to(LISTED, *preflights("null", more=(CREDENTIALS,)))) == {"null-origin-allowed": "warning"}


def test_null_is_one_of_many_where_everybody_is_let_in() -> None:
    assert told(open_to(node_open(allow(FOREIGN), VARY), *preflights("null"))) == {}
    assert told(open_to(node_open(allow("*")), *preflights("null"))) == {}
    assert told(open_to(LISTED, *preflights())) == {}


@pytest.mark.parametrize(
    ("named", "words"),
    [((ENDS,), "compares the end"), ((BEGINS,), "compares the beginning"), ((ENDS, BEGINS), "anywhere in it")],
)
def test_a_likeness_is_let_in(named: tuple[str, ...], words: str) -> None:
    whole = open_to(LISTED, *preflights(*named))
    assert told(whole) == {"origin-match-too-wide": "warning"}
    (hit,) = hits("origin-match-too-wide", whole)
    assert words in hit.message
    assert all(origin in hit.message for origin in named)


def test_a_layer_that_names_everybody_in_preflights_is_no_comparison() -> None:
    assert told(open_to(LISTED, *preflights("null", ENDS, BEGINS))) == {}


def test_a_fixed_origin_for_everybody_is_no_likeness() -> None:
    fixed = [exchange("look-alike", preflight_ok(allow(PAGE)), origin=one) for one in ("null", ENDS, BEGINS)]
    assert told(open_to(node_open(allow(PAGE), VARY), *fixed)) == {}


@pytest.mark.parametrize("foreign", [LISTED, node_open(allow(PAGE)), node_error(4)])
def test_a_websocket_of_any_page(foreign: Response) -> None:
    whole = open_to(foreign, exchange("foreign-websocket", switching(open_data())))
    assert told(whole) == {"websocket-open-to-any-page": "info"}
    (hit,) = hits("websocket-open-to-any-page", whole)
    assert "allowRequest" in hit.message


@pytest.mark.parametrize(
    ("foreign", "socket"),
    [
        (LISTED, response(403)),
        (LISTED, switching(Frame(direction="in", type="close", data=""))),  # gevent accepts, and closes at once
        (node_open(allow("*")), switching(open_data())),
        (node_open(allow(FOREIGN)), switching(open_data())),
    ],
)
def test_a_websocket_that_is_refused_or_no_more_open_than_polling(foreign: Response, socket: Response) -> None:
    assert told(open_to(foreign, exchange("foreign-websocket", socket))) == {}


PLAIN = (allow(PAGE), ("Content-Type", "text/plain"))


def python(*more: tuple[str, str]) -> Response:
    """As python-engineio opens: it never varies."""
    opened = node_open(allow(PAGE))
    headers = tuple(pair for pair in opened.headers if pair[0].lower() != "cache-control")
    return response(200, *headers, *more, body=opened.body)


def cached(handshake: Response, foreign: Response = LISTED) -> Evidence:
    whole = [exchange("handshake", handshake), exchange("connect", response(200, *PLAIN, body="ok"))]
    whole += [exchange("poll", response(200, *PLAIN, body='40{"sid":"a"}')), exchange("foreign", foreign)]
    return evidence({"transports": ("polling",)}, whole)


@pytest.mark.parametrize("mark", [("Age", "0"), ("X-Cache", "Miss from cloudfront"), ("CF-Cache-Status", "MISS")])
def test_a_cache_that_is_not_told(mark: tuple[str, str]) -> None:
    whole = cached(python(mark))
    assert told(whole) == {"vary-origin-missing": "warning"}
    (hit,) = hits("vary-origin-missing", whole)
    assert ": ".join(mark) in hit.message


@pytest.mark.parametrize(
    "handshake",
    [
        python(),  # no cache
        python(("X-Cache", "MISS"), VARY),
        python(("X-Cache", "MISS"), ("Vary", "*")),
        python(("X-Cache", "MISS"), ("Cache-Control", "no-store")),
        python(("CF-Cache-Status", "DYNAMIC")),
    ],
)
def test_a_cache_that_is_told_or_keeps_nothing(handshake: Response) -> None:
    assert told(cached(handshake)) == {}


def test_the_same_answer_for_everybody_may_be_kept() -> None:
    assert told(cached(python(("X-Cache", "MISS")), node_open(allow(PAGE), sid="another"))) == {}
