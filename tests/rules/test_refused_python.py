"""python-engineio refuses the origin, and why nothing looked wrong: the rules of ``refused_python``."""

from __future__ import annotations

import pytest

from sio_doctor.model import Evidence, Response
from sio_doctor.rules.base import RULES, Rung, find
from tests.rules.build import (
    PAGE,
    SERVER,
    Asked,
    evidence,
    exchange,
    fired,
    hits,
    node_open,
    python_error,
    response,
)

ALLOWED = ("Access-Control-Allow-Origin", PAGE)
CREDENTIALS = ("Access-Control-Allow-Credentials", "true")
OWN = {"origins": (SERVER,)}
REFUSES_OWN = python_error(f"{SERVER} is not an accepted origin.", CREDENTIALS)
REFUSES = python_error(f"{PAGE} is not an accepted origin.", CREDENTIALS)
WSGI = python_error("Not an accepted origin.")
PROTO = ("X-Forwarded-Proto", "https")
HOST = ("X-Forwarded-Host", "api.example.com")
HTTP = SERVER.replace("https:", "http:")


def lets_in(origin: str) -> Response:
    """python-engineio's answer to a preflight with an origin that it accepts."""
    methods = ("Access-Control-Allow-Methods", "OPTIONS, GET, POST")
    return response(200, ("Access-Control-Allow-Origin", origin), methods, CREDENTIALS, body="OK")


def own(*asked: Asked) -> Evidence:
    """The server's own page: its GET names no origin, its POST does and is refused."""
    return evidence(OWN, [exchange("handshake", node_open(CREDENTIALS)), exchange("connect", REFUSES_OWN), *asked])


def test_the_scheme_is_hidden_from_it() -> None:
    whole = own(
        exchange("own-origin", lets_in(SERVER), origin=SERVER, headers=(PROTO,)),
        exchange("own-origin", lets_in(SERVER), origin=SERVER, headers=(PROTO, HOST)),
        exchange("own-origin", lets_in(HTTP), origin=HTTP),
    )
    assert fired(whole) == {"python-behind-tls-proxy"}
    (hit,) = hits("python-behind-tls-proxy", whole)
    assert "with X-Forwarded-Proto: https it lets this page in" in hit.message
    assert "A GET of the server's own page names no origin and passes" in hit.message
    assert hit.rung is Rung.POST
    assert 3 in hit.exchanges


def test_a_proxy_that_replaces_the_header_shows_by_the_other_scheme() -> None:
    whole = own(
        exchange("own-origin", REFUSES_OWN, origin=SERVER, headers=(PROTO,)),
        exchange("own-origin", lets_in(HTTP), origin=HTTP),
    )
    (hit,) = hits("python-behind-tls-proxy", whole)
    assert f"it lets {HTTP} in" in hit.message


def test_the_host_is_hidden_from_it() -> None:
    whole = own(
        exchange("own-origin", REFUSES_OWN, origin=SERVER, headers=(PROTO,)),
        exchange("own-origin", lets_in(SERVER), origin=SERVER, headers=(PROTO, HOST)),
        exchange("own-origin", REFUSES_OWN, origin=HTTP),
    )
    (hit,) = hits("python-behind-tls-proxy", whole)
    assert "proxy_set_header Host $http_host" in hit.message


def test_a_list_without_the_servers_own_origin_is_a_list_that_lacks_it() -> None:
    refused = [
        exchange("own-origin", REFUSES_OWN, origin=SERVER, headers=(PROTO,)),
        exchange("own-origin", REFUSES_OWN, origin=SERVER, headers=(PROTO, HOST)),
        exchange("own-origin", REFUSES_OWN, origin=HTTP),
    ]
    whole = own(*refused)
    assert fired(whole) == {"python-origin-not-accepted"}
    (hit,) = hits("python-origin-not-accepted", whole)
    assert "cors_allowed_origins is set, and the server's own origin has to be in it" in hit.message


def test_preflights_that_something_else_answers_prove_nothing() -> None:
    other = response(204, ("Access-Control-Allow-Origin", "*"), ("Access-Control-Allow-Methods", "GET, POST"))
    whole = own(exchange("own-origin", other, origin=SERVER, headers=(PROTO,)))
    assert fired(whole) == {"python-behind-tls-proxy"}
    (hit,) = hits("python-behind-tls-proxy", whole)
    assert "a proxy (or TLS in uvicorn itself) hides those" in hit.message


def test_a_page_of_another_origin_is_not_the_servers_own() -> None:
    assert fired(evidence({}, [exchange("handshake", REFUSES)])) == {"python-origin-not-accepted"}


def test_no_list_at_all_may_be_a_misspelt_one() -> None:
    own_page = exchange("own-origin", lets_in(SERVER), origin=SERVER)
    (hit,) = hits("python-origin-not-accepted", evidence({}, [exchange("handshake", REFUSES), own_page]))
    assert "cors_allowed_origins is not set, or lacks this origin: it does let its own page in" in hit.message
    assert "look at the spelling" in hit.message
    refused = exchange("own-origin", REFUSES_OWN, origin=SERVER)
    (hit,) = hits("python-origin-not-accepted", evidence({}, [exchange("handshake", REFUSES), refused]))
    assert "cors_allowed_origins lacks this origin, or is not set." in hit.message
    assert "spelling" not in hit.message


def test_without_a_page_the_spelling_is_spoken_of_too() -> None:
    asked = [exchange("control", node_open(CREDENTIALS)), exchange("handshake", REFUSES)]
    whole = evidence({"origins": ()}, [*asked, exchange("near-miss", lets_in(SERVER), origin=SERVER)])
    (hit,) = hits("python-origin-not-accepted", whole)
    assert "look at the spelling" in hit.message
    refused = evidence({"origins": ()}, [*asked, exchange("near-miss", REFUSES_OWN, origin=SERVER)])
    assert hits("python-origin-not-accepted", refused) == []
    assert find("python-kwarg-typo") is RULES["python-origin-not-accepted"]


@pytest.mark.parametrize("value", [PAGE, "*"])
def test_flask_cors_lets_the_page_in_everywhere_else(value: str) -> None:
    root = exchange("root", response(404, ("Access-Control-Allow-Origin", value), body="<h1>Not Found</h1>"))
    whole = evidence({}, [exchange("handshake", WSGI), root])
    assert fired(whole) == {"flask-cors-only"}
    (hit,) = hits("flask-cors-only", whole)
    assert f"/ has Access-Control-Allow-Origin: {value}" in hit.message


@pytest.mark.parametrize(
    ("refusal", "headers"),
    [
        (WSGI, ()),
        (WSGI, (("Access-Control-Allow-Origin", "https://other.example"),)),
        (REFUSES, (ALLOWED,)),  # ASGI: there is no Flask
    ],
)
def test_without_flask_cors_the_list_lacks_the_page(refusal: Response, headers: tuple[tuple[str, str], ...]) -> None:
    root = exchange("root", response(200, *headers, body="<h1>Hello</h1>"))
    whole = evidence({}, [exchange("handshake", refusal), root])
    assert fired(whole) == {"python-origin-not-accepted"}
    (hit,) = hits("python-origin-not-accepted", whole)
    # Around FastAPI its middleware never sees the path.
    assert ("Other routes of that server do allow the page" in hit.message) is (ALLOWED in headers)


def test_a_star_on_the_refusal_makes_it_readable_too() -> None:
    starred = python_error(f"{PAGE} is not an accepted origin.", ("Access-Control-Allow-Origin", "*"))
    (hit,) = hits("python-origin-not-accepted", evidence({}, [exchange("handshake", starred)]))
    assert "a plain 400 and no CORS error" in hit.message


MIDDLEWARE = response(
    200, ALLOWED, ("access-control-allow-methods", "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"), body="OK"
)
READABLE = python_error(f"{PAGE} is not an accepted origin.", ALLOWED)


def test_fastapis_middleware_lets_the_page_in_and_python_socketio_does_not() -> None:
    whole = evidence({}, [exchange("handshake", READABLE), exchange("simulated-preflight", MIDDLEWARE)])
    assert fired(whole) == {"fastapi-middleware-only"}
    (hit,) = hits("fastapi-middleware-only", whole)
    assert "a plain 400 and no CORS error" in hit.message
    assert [(one.header, one.ok) for one in hit.headers] == [
        ("status", False),
        ("Access-Control-Allow-Origin", True),
        ("Access-Control-Allow-Origin", True),
    ]


@pytest.mark.parametrize(
    ("refusal", "preflight"),
    [
        (REFUSES, MIDDLEWARE),  # the refusal is not readable: not the middleware's answer
        (READABLE, python_error(f"{PAGE} is not an accepted origin.", ALLOWED)),  # nginx adds it to everything
    ],
)
def test_a_proxy_that_adds_the_header_is_no_middleware(refusal: Response, preflight: Response) -> None:
    whole = evidence({}, [exchange("handshake", refusal), exchange("simulated-preflight", preflight)])
    assert fired(whole) == {"python-origin-not-accepted"}
