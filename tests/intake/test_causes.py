"""What a line can hide: the likeliest cause first, and never one that no rule knows."""

from __future__ import annotations

from itertools import product
from typing import get_args

import pytest

from sio_doctor.intake.causes import MOST, causes, unseen
from sio_doctor.intake.console import ConsoleLine, read_console
from sio_doctor.intake.meaning import MEANINGS
from sio_doctor.intake.wording import Code
from sio_doctor.rules import RULES

CODES: tuple[Code, ...] = get_args(Code)
SERVER = "http://localhost:3000/socket.io/?transport=polling&t=x"
URLS = (
    None,
    f"{SERVER}&EIO=4",
    f"{SERVER}&EIO=3",
    f"{SERVER}&EIO=4&sid=a",
    "wss://h/socket.io/?EIO=4",
    "http://[bad",
    "",
)
STATUSES = (None, 200, 204, 101, 301, 400, 401, 403, 404, 405, 418, 429, 500, 502, 599, 999)
#: Says that nothing is wrong.
HARMLESS = {"authorization-wildcard"}


def line(code: Code, **fields: object) -> ConsoleLine:
    return ConsoleLine(text="", source="chromium", code=code, **fields)  # type: ignore[arg-type]


def of(text: str) -> tuple[str, ...]:
    """The causes of a line as it is pasted."""
    (read,) = read_console(text)
    assert isinstance(read, ConsoleLine)
    return causes(read)


def value(said: str) -> str:
    """Chromium's reason that names what Access-Control-Allow-Origin was."""
    return f"The 'Access-Control-Allow-Origin' header {said}"


def blocked(url: str = f"{SERVER}&EIO=4", why: str = "") -> str:
    reason = why or "No 'Access-Control-Allow-Origin' header is present on the requested resource."
    page = "http://localhost:5173"
    return f"Access to XMLHttpRequest at '{url}' from origin '{page}' has been blocked by CORS policy: {reason}"


@pytest.mark.parametrize("code", CODES)
def test_every_kind_of_line_means_something(code: Code) -> None:
    meaning = MEANINGS[code]
    assert meaning.title
    assert not meaning.title.endswith(".")
    assert meaning.means.endswith(".")
    assert meaning.not_means.startswith(("That ", "Any"))
    assert meaning.not_means.endswith(".")


@pytest.mark.parametrize("code", CODES)
def test_every_kind_of_line_has_causes_that_the_rules_know(code: Code) -> None:
    found = {
        slug
        for url, status, stage in product(URLS, STATUSES, (None, "preflight"))
        for slug in causes(line(code, url=url, status=status, stage=stage))
    }
    assert found <= set(RULES)
    assert found or unseen(line(code)) or code in HARMLESS


def test_a_list_of_causes_is_short_and_names_none_twice() -> None:
    for code, url, status in product(CODES, URLS, STATUSES):
        for before in (None, "http://other.example/login"):
            found = causes(line(code, url=url, status=status, redirected_from=before))
            assert len(found) == len(set(found)) <= MOST


@pytest.mark.parametrize(
    ("text", "first"),
    [
        (blocked(), "cors-not-configured"),
        (blocked(f"{SERVER}&EIO=3"), "client-too-old"),
        (blocked(why=value("contains the invalid value 'a.example'.")), "origin-no-scheme"),
        (
            blocked(why=value("has a value 'http://localhost:5173/' that is not equal to the supplied origin.")),
            "origin-trailing-slash",
        ),
        (
            blocked(why=value("has a value 'http://other' that is not equal to the supplied origin.")),
            "static-origin-mismatch",
        ),
        (
            blocked(why=value("contains multiple values '*, http://a', but only one is allowed.")),
            "duplicate-acao-proxy",
        ),
        (
            blocked(why=value("contains multiple values 'http://a,http://b', but only one is allowed.")),
            "origin-comma-list",
        ),
        (
            "Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote resource at "
            f"{SERVER}&EIO=4. (Reason: CORS request did not succeed). Status code: (null).",
            "server-refused",
        ),
        (
            "Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote resource at "
            "https://h.example/socket.io/?EIO=4. (Reason: CORS request did not succeed). Status code: (null).",
            "tls-untrusted",
        ),
        (
            "Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote resource at "
            "http://h.example:6667/socket.io/?EIO=4. (Reason: CORS request did not succeed). Status code: (null).",
            "unsafe-port",
        ),
        (
            "Origin http://localhost:5173 is not allowed by Access-Control-Allow-Origin. Status code: 502",
            "gateway-5xx-no-cors",
        ),
        (
            "Origin http://localhost:5173 is not allowed by Access-Control-Allow-Origin. Status code: 404",
            "path-mismatch",
        ),
        ("Preflight response is not successful. Status code: 401", "preflight-blocked-upstream"),
        (f"POST {SERVER}&EIO=4&sid=abc 400 (Bad Request)", "no-sticky-sessions"),
        (
            "WebSocket connection to 'wss://h/socket.io/?EIO=4&transport=websocket&sid=a' failed: "
            "Error during WebSocket handshake: Unexpected response code: 400",
            "ws-proxy-no-upgrade",
        ),
        ("http://x is not an accepted origin.", "python-origin-not-accepted"),
        ('"GET /socket.io/?EIO=4&transport=polling HTTP/1.1" 404 Not Found', "path-mismatch"),
        ('"GET /socket.io/?EIO=4&transport=websocket&sid=a HTTP/1.1" 400 -', "ws-proxy-no-upgrade"),
        ("GET /socket.io/?EIO=4&transport=polling 502 1.2 ms - 147", "gateway-5xx-no-cors"),
        ("Cannot GET /socket.io/", "path-mismatch"),
        ("INFO:     connection rejected (403 Forbidden)", "python-origin-not-accepted"),
        ("connect() failed (111: Connection refused) while connecting to upstream, client: 1.2", "gateway-5xx-no-cors"),
        ("[vite] http proxy error: /socket.io/?EIO=4", "gateway-5xx-no-cors"),
        ("xhr poll error { description: 502 }", "gateway-5xx-no-cors"),
        ("Error: Unexpected server response: 401", "basic-auth-or-401"),
        ("CORS Missing Allow Origin", "cors-not-configured"),
        ("(blocked:mixed-content)", "mixed-content"),
        (
            blocked(why="Permission was denied for this request to access the `loopback` address space."),
            "local-network-access",
        ),
        (
            "It seems you are trying to reach a Socket.IO server in v2.x with a v3.x client, but they are not",
            "server-too-old",
        ),
    ],
)
def test_the_likeliest_cause_is_the_first(text: str, first: str) -> None:
    assert of(text)[0] == first


@pytest.mark.parametrize(
    ("first", "last", "slug"),
    [
        ("http://h.example/socket.io/", "https://h.example/socket.io/", "redirect-http-to-https"),
        ("https://h.example/socket.io/", "https://www.h.example/socket.io/", "redirect-www-apex"),
        ("https://h.example/socket.io/", "https://sso.example/oauth2/start", "redirect-to-login"),
    ],
)
def test_a_redirect_comes_before_what_its_end_lacks(first: str, last: str, slug: str) -> None:
    text = blocked(last).replace("' from origin", f"' (redirected from '{first}') from origin")
    assert of(text)[:2] == (slug, "cors-not-configured")


def test_a_websocket_that_opens_a_session_lacks_no_stickiness() -> None:
    failed = "failed: Error during WebSocket handshake: Unexpected response code: 400"
    assert "no-sticky-sessions" not in of(
        f"WebSocket connection to 'ws://h/socket.io/?EIO=4&transport=websocket' {failed}"
    )
    upgrade = of(f"WebSocket connection to 'ws://h/socket.io/?EIO=4&transport=websocket&sid=a' {failed}")
    assert "no-sticky-sessions" in upgrade


def test_an_upgrade_that_fails_has_reached_the_server_by_polling() -> None:
    found = of("WebSocket connection to 'ws://h/socket.io/?EIO=4&transport=websocket&sid=a' failed:")
    assert found[0] == "ws-proxy-no-upgrade"
    assert not set(found) & {"server-refused", "path-mismatch", "html-instead-of-handshake", "tls-untrusted"}


def test_an_error_to_options_is_a_preflights() -> None:
    found = of(f"OPTIONS {SERVER}&EIO=4 401 (Unauthorized)")
    assert found == ("preflight-blocked-upstream", "tunnel-or-preview-auth")


def test_what_no_server_can_know_is_said() -> None:
    assert "file" in unseen(line("allow-origin-missing", origin="null"))[0]


@pytest.mark.parametrize(
    ("told", "slug"),
    [
        (line("blocked-by-client"), "blocked-by-extension"),
        (line("websocket-abandoned"), "closed-before-established"),
        (line("allow-origin-missing", url="http://localhost:5000/socket.io/", status=403), "macos-port-5000"),
        (
            line("refused", url="http://localhost:3000/socket.io/", origin="https://h.example"),
            "localhost-in-production",
        ),
        (line("timeout", url="ws://127.0.0.1:3000/x", origin="https://h.example"), "localhost-in-production"),
    ],
)
def test_what_the_line_gives_away(told: ConsoleLine, slug: str) -> None:
    assert causes(told)[0] == slug


@pytest.mark.parametrize(
    "told",
    [
        line("refused", url="http://localhost:3000/socket.io/", origin="http://localhost:5173"),
        line("refused", url="http://localhost:3000/socket.io/"),
        line("refused", url="http://h.example:3000/socket.io/", origin="https://h.example"),
        line("dns", url="http://localhost.example/socket.io/", origin="https://h.example"),
    ],
)
def test_a_page_of_this_machine_may_ask_it(told: ConsoleLine) -> None:
    assert "localhost-in-production" not in causes(told)


def test_it_goes_by_the_page_what_a_list_may_have_instead() -> None:
    def missing(origin: str, status: int | None = None) -> tuple[str, ...]:
        return causes(line("allow-origin-missing", url=f"{SERVER}&EIO=4", origin=origin, status=status))

    assert missing("http://localhost:5173", 200)[:4] == (
        "cors-not-configured",
        "express-cors-only",
        "origin-not-in-list",
        "origin-port",
    )
    assert missing("https://app.example", 200)[3:5] == ("origin-trailing-slash", "origin-scheme")
    # Where the answer is not known, whether it is Socket.IO at all comes before how its list is written.
    assert not {"origin-port", "origin-scheme"} & set(missing("http://localhost:5173"))
    assert missing("null")[:2] == ("cors-not-configured", "null-origin")
    assert missing("capacitor://localhost")[:2] == ("cors-not-configured", "app-scheme-origin")
    refused = of("http://127.0.0.1:5000 is not an accepted origin.")
    assert refused == ("python-origin-not-accepted", "origin-port", "origin-localhost-vs-127")


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("access-control-allow-origin", "client-sets-response-header"),
        ("authorization", "preflight-header-not-allowed"),
    ],
)
def test_a_header_of_the_answer_is_the_page_s_own_fault(name: str, slug: str) -> None:
    assert causes(line("header-not-allowed", name=name)) == (slug,)
