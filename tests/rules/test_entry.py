"""What the server has on its list instead of the page: the rules of ``entry``, each beside its nearest look-alike."""

from __future__ import annotations

from typing import Any

import pytest

from sio_doctor.model import FOREIGN, Evidence, Response
from sio_doctor.rules.base import Rung
from tests.rules.build import (
    PAGE,
    SERVER,
    Asked,
    evidence,
    exchange,
    findings,
    fired,
    hits,
    node_error,
    node_open,
    node_v2_open,
    preflight_ok,
    python_error,
    response,
)

VARY = ("Vary", "Origin")
LOCAL = "http://localhost:5173"
#: The rules here, and the two of ``origin`` that entries of a list come to as well.
SLUGS = {
    "origin-star-in-array",
    "origin-scheme",
    "origin-port",
    "origin-www-subdomain",
    "origin-localhost-vs-127",
    "origin-trailing-slash",
    "origin-no-scheme",
}


def allow(value: str) -> tuple[str, str]:
    return ("Access-Control-Allow-Origin", value)


def node_list(page: str, *entries: str, **plan: Any) -> Evidence:
    """Node with a list that lacks the page; each of its entries was tried by preflight, beside one that is refused."""
    exchanges = [
        exchange("foreign", node_open(VARY)),
        exchange("handshake", node_open(VARY)),
        exchange("simulated-preflight", preflight_ok(VARY)),
        exchange("near-miss", preflight_ok(VARY), origin="https://other.example"),
    ]
    near = [exchange("near-miss", preflight_ok(allow(entry), VARY), origin=entry) for entry in entries]
    return evidence({"origins": (page,), **plan}, [*exchanges, *near])


def python_list(page: str, *entries: str, **plan: Any) -> Evidence:
    refusal = python_error(f"{page} is not an accepted origin.")
    exchanges = [
        exchange("control", node_open()),
        exchange("handshake", refusal),
        exchange("simulated-preflight", refusal),
        exchange("websocket", response(403)),
    ]
    near = [exchange("near-miss", response(200, allow(entry), body="OK"), origin=entry) for entry in entries]
    return evidence({"origins": (page,), **plan}, [*exchanges, *near])


def v2_list(page: str, *entries: str) -> Evidence:
    exchanges = [
        exchange("control", node_v2_open()),
        exchange("foreign", node_error(4)),
        exchange("handshake", node_error(4)),
        exchange("simulated-preflight", node_error(2, allow(page))),
    ]
    near = [Asked("near-miss", node_v2_open(allow(entry)), origin=entry, method="GET") for entry in entries]
    return evidence({"version": 2, "origins": (page,)}, [*exchanges, *near])


NEAR = [
    (PAGE, "*", "origin-star-in-array", "in a list that is an origin like any other"),
    (PAGE, f"{PAGE}/", "origin-trailing-slash", f"has {PAGE}/ on its list, which is {PAGE} with a slash behind it"),
    (PAGE, "shop.example.com", "origin-no-scheme", f"on its list, which is {PAGE} without its scheme"),
    (PAGE, "http://shop.example.com", "origin-scheme", "differ only in the scheme, http instead of https"),
    (PAGE, f"{PAGE}:443", "origin-port", "443 instead of none: browsers leave it out where it is the scheme's own"),
    (f"{PAGE}:8443", PAGE, "origin-port", "the port, none instead of 8443"),
    (LOCAL, "http://localhost:3000", "origin-port", "3000 instead of 5173"),
    (PAGE, "https://www.shop.example.com", "origin-www-subdomain", "they differ only in the www"),
    (PAGE, "https://example.com", "origin-www-subdomain", "they differ only in the subdomain"),
    (PAGE, "https://Shop.example.com", "origin-www-subdomain", "upper and lower case, which browsers do not forgive"),
    (PAGE, "https://*.example.com", "origin-www-subdomain", "take a * in one for no pattern"),
    (PAGE, SERVER, "origin-www-subdomain", "they differ only in the subdomain"),
    (LOCAL, "http://127.0.0.1:5173", "origin-localhost-vs-127", "the same machine but not the same origin"),
    (LOCAL, "http://[::1]:5173", "origin-localhost-vs-127", "the same machine but not the same origin"),
    ("http://192.168.1.7:5173", LOCAL, "origin-localhost-vs-127", "may be the same machine"),
]


@pytest.mark.parametrize(("page", "entry", "slug", "words"), NEAR)
def test_a_list_of_node_confesses_the_entry_that_was_meant(page: str, entry: str, slug: str, words: str) -> None:
    whole = node_list(page, entry)
    assert fired(whole) == {slug}
    (hit,) = hits(slug, whole)
    assert hit.message.startswith(f"The server at {SERVER} has CORS configured, but not for {page}: ")
    assert words in hit.message
    assert entry in hit.message
    assert hit.origins == (page,)
    assert [(one.needed, one.found, one.ok) for one in hit.headers] == [(page, None, False), (entry, entry, True)]


@pytest.mark.parametrize(("page", "entry", "slug", "words"), NEAR[1:])
def test_python_confesses_it_too(page: str, entry: str, slug: str, words: str) -> None:
    if entry == SERVER:
        return  # by default it accepts itself: see below
    whole = python_list(page, entry)
    assert fired(whole) == {slug}
    (hit,) = hits(slug, whole)
    assert hit.message.startswith(f"The python-socketio server at {SERVER} refuses {page} with status 400")
    assert words in hit.message
    assert "hides the status" in hit.message
    assert ("status", "200", "400 Bad Request") in [(one.header, one.needed, one.found) for one in hit.headers]


@pytest.mark.parametrize(("page", "entry", "slug", "words"), [row for row in NEAR if row[2] == "origin-port"][1:])
def test_version_2_confesses_it_by_a_session(page: str, entry: str, slug: str, words: str) -> None:
    whole = v2_list(page, entry)
    assert fired(whole) == {slug}
    (hit,) = hits(slug, whole)
    assert hit.message.startswith(
        f"The Socket.IO 2 server at {SERVER} refuses {page} with status 403: its origins option"
    )
    assert words in hit.message


@pytest.mark.parametrize("page", [PAGE, LOCAL, "http://192.168.1.7:5173"])
def test_another_page_on_the_list_is_no_near_miss(page: str) -> None:
    others = ("https://other.test", "https://localhost:9999", "capacitor://localhost", "null")
    assert fired(node_list(page, *others)) == {"origin-not-in-list"}
    assert fired(python_list(page, *others)) == {"python-origin-not-accepted"}
    assert fired(v2_list(page, "https://other.test")) == {"v2-origins-needs-port"}


@pytest.mark.parametrize("entry", [entry for page, entry, _, _ in NEAR if page == PAGE])
def test_who_lets_in_anybody_has_no_such_list(entry: str) -> None:
    exchanges = [
        exchange("foreign", node_open(allow(FOREIGN), VARY)),
        exchange("handshake", node_open()),
        exchange("simulated-preflight", node_error(2)),
        exchange("near-miss", preflight_ok(allow(entry), VARY), origin=entry),
    ]
    whole = evidence({}, exchanges)
    assert fired(whole) == {"origin-not-in-list"}
    assert "a function or a pattern of its own refuses this one" in hits("origin-not-in-list", whole)[0].message


def test_a_pattern_for_the_end_of_an_origin_is_no_entry_without_a_scheme() -> None:
    whole = node_list(f"{PAGE}:8443", "shop.example.com:8443", "http://shop.example.com:8443")
    assert fired(whole) == {"origin-scheme"}


def test_of_several_the_nearest_is_the_cause_and_all_of_its_kind_are_named() -> None:
    whole = node_list(LOCAL, "http://localhost:3000", "http://localhost:8080", "https://localhost:5173")
    assert fired(whole) == {"origin-scheme"}
    (hit,) = hits("origin-port", node_list(LOCAL, "http://localhost:3000", "http://localhost:8080"))
    assert "It does let http://localhost:3000 and http://localhost:8080 in: the port is another one" in hit.message


def test_two_pages_that_miss_the_same_entry_are_one_hit() -> None:
    pages = ("http://localhost:5173", "http://localhost:5174")
    exchanges = [exchange("handshake", node_open(VARY), origin=page) for page in pages]
    near = exchange("near-miss", preflight_ok(allow("http://localhost:3000"), VARY), origin="http://localhost:3000")
    (hit,) = hits("origin-port", evidence({"origins": pages}, [*exchanges, near]))
    assert hit.origins == pages


def test_a_page_that_was_asked_about_too_is_no_entry_meant_for_another() -> None:
    admin = "https://admin.example.com"
    exchanges = [
        exchange("handshake", node_open(VARY), origin=PAGE),
        exchange("handshake", node_open(allow(admin), VARY), origin=admin),
    ]
    assert fired(evidence({"origins": (PAGE, admin)}, exchanges)) == {"origin-not-in-list"}


def test_a_middleware_around_it_confesses_its_list() -> None:
    refused = response(400, VARY, body="Disallowed CORS origin", reason="Bad Request")
    exchanges = [
        exchange("handshake", node_open()),
        exchange("simulated-preflight", refused),
        exchange("near-miss", response(200, allow(f"{PAGE}/"), body="OK"), origin=f"{PAGE}/"),
    ]
    (hit,) = hits("origin-trailing-slash", evidence({}, exchanges))
    assert "It has https://shop.example.com/ on its list" in hit.message


def test_it_is_met_at_the_preflight_where_the_page_sends_one() -> None:
    refused = python_error(f"{PAGE} is not an accepted origin.")
    exchanges = [
        exchange("preflight", refused),
        exchange("handshake", refused),
        exchange("near-miss", response(200, allow(f"{PAGE}/"), body="OK"), origin=f"{PAGE}/"),
    ]
    (hit,) = hits("origin-trailing-slash", evidence({"extra_headers": (("x-token", "1"),)}, exchanges))
    assert hit.rung is Rung.PREFLIGHT


def test_python_without_a_list_accepts_itself_and_that_is_no_entry() -> None:
    page = "https://api.example.com:8443"
    whole = python_list(page, SERVER)
    assert fired(whole) == {"python-origin-not-accepted"}
    (hit,) = hits("python-origin-not-accepted", whole)
    assert f"it does let its own page in ({SERVER}), as it does where that is not set" in hit.message
    assert "It does accept" not in hit.message


def test_what_python_takes_for_its_own_page_behind_tls_is_named() -> None:
    plain = SERVER.replace("https:", "http:")
    (hit,) = hits("python-origin-not-accepted", python_list("https://api.example.com:8443", plain))
    assert f"It does accept its own pages ({plain}), as it does where cors_allowed_origins is not set." in hit.message


def test_a_websocket_alone_is_refused_by_python_too() -> None:
    refusal = python_error(f"{PAGE} is not an accepted origin.")
    near = exchange("near-miss", response(200, allow(f"{PAGE}/"), body="OK"), origin=f"{PAGE}/")
    exchanges = [exchange("handshake", refusal), exchange("websocket", response(403)), near]
    (hit,) = hits("origin-trailing-slash", evidence({"transports": ("websocket",)}, exchanges))
    assert "It holds for WebSockets too." in hit.message


# --- pages that are on no website ------------------------------------------------------------------------------------


def test_a_page_from_a_file_has_no_origin_that_could_be_listed() -> None:
    whole = node_list("null", "http://localhost:3000", "file://")
    assert fired(whole) == {"null-origin"}
    (hit,) = hits("null-origin", whole)
    assert "null is the origin of a page opened from a file, or in a sandboxed frame: serve it" in hit.message
    assert "Its list has file://, which no browser sends." in hit.message
    assert "It does let http://localhost:3000 in, where the page could be." in hit.message
    assert fired(node_list("null")) == {"null-origin"}


def test_in_version_2_null_is_let_in_by_everybody_s_pattern_alone() -> None:
    whole = v2_list("null")
    assert fired(whole) == {"null-origin"}
    assert "Socket.IO 2 lets it in by *:* alone" in hits("null-origin", whole)[0].message


def test_python_refuses_null_for_null_only_where_it_lets_others_in() -> None:
    assert fired(python_list("null", "http://localhost:3000")) == {"null-origin"}
    assert fired(python_list("null")) == {"python-origin-not-accepted"}


def test_null_is_not_the_cause_where_nobody_is_let_in() -> None:
    exchanges = [
        exchange("foreign", node_open()),
        exchange("handshake", node_open()),
        exchange("simulated-preflight", node_error(2)),
    ]
    assert fired(evidence({"origins": ("null",)}, exchanges)) == {"cors-not-configured"}
    assert fired(node_list("null", "*")) == {"origin-star-in-array"}


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("capacitor://localhost", "capacitor://localhost is the origin of Capacitor on iOS."),
        ("ionic://localhost", "of Ionic on iOS"),
        ("tauri://localhost", "of Tauri on macOS"),
        ("http://tauri.localhost", "of Tauri on Windows"),
        ("app://obsidian.md", "of an app made with Electron"),
        ("chrome-extension://abcdefghijklmnop", "host_permissions needs no CORS"),
        ("moz-extension://3c6e1b50", "its id is another one on each machine"),
        ("vscode-webview://0a1b2c", "Each view has another one"),
    ],
)
def test_an_app_s_origin_is_missing(page: str, words: str) -> None:
    whole = node_list(page, "https://other.test")
    assert fired(whole) == {"app-scheme-origin"}
    (hit,) = hits("app-scheme-origin", whole)
    assert words in hit.message


def test_an_app_s_origin_that_is_badly_written_is_that() -> None:
    assert fired(node_list("capacitor://localhost", "capacitor://localhost/")) == {"origin-trailing-slash"}
    assert fired(node_list("capacitor://localhost", "*")) == {"origin-star-in-array"}


@pytest.mark.parametrize("page", ["http://localhost", "https://localhost"])
def test_localhost_is_an_app_s_only_where_another_app_is_let_in(page: str) -> None:
    whole = node_list(page, "capacitor://localhost")
    assert fired(whole) == {"app-scheme-origin"}
    (hit,) = hits("app-scheme-origin", whole)
    assert "It does let capacitor://localhost (that of Capacitor on iOS) in." in hit.message
    web = node_list(page, "https://prod.example")
    assert fired(web) == {"origin-not-in-list"}
    assert "An app made with Capacitor has such an origin" in hits("origin-not-in-list", web)[0].message
    assert fired(node_list(page, f"{page}:3000")) == {"origin-port"}


def test_an_app_is_no_matter_of_a_list_where_there_is_none() -> None:
    exchanges = [exchange("handshake", node_open()), exchange("simulated-preflight", node_error(2))]
    assert fired(evidence({"origins": ("capacitor://localhost",)}, exchanges)) == {"cors-not-configured"}
    static = (allow("https://prod.example"), VARY)
    exchanges = [exchange("handshake", node_open(*static)), exchange("simulated-preflight", preflight_ok(*static))]
    assert fired(evidence({"origins": ("capacitor://localhost",)}, exchanges)) == {"static-origin-mismatch"}


def test_a_pattern_of_an_extension_is_none() -> None:
    page = "chrome-extension://abcdefghijklmnop"
    (hit,) = hits("app-scheme-origin", node_list(page, "chrome-extension://*"))
    assert "It does let chrome-extension://* (where the * is no pattern) in." in hit.message


@pytest.mark.parametrize("slug", sorted(SLUGS | {"null-origin", "app-scheme-origin"}))
def test_a_page_that_is_let_in_has_none_of_them(slug: str) -> None:
    for page in (PAGE, "null", "capacitor://localhost"):
        answer: Response = node_open(allow(page), VARY)
        exchanges = [
            exchange("handshake", answer),
            exchange("near-miss", preflight_ok(allow("*"), VARY), origin="*"),
        ]
        assert slug not in findings(evidence({"origins": (page,)}, exchanges))
