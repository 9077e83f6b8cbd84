"""The scenarios of the demo: servers with one named mistake each, as data."""

from __future__ import annotations

from typing import Literal

from sio_doctor.model import Client, HeaderList, Model

#: The page that cannot connect. It is local, as the server is: a public page would meet Local Network Access first.
PAGE = "http://localhost:3000"
#: A page that the server was set up for instead.
OTHER_PAGE = "https://chat.example.com"


class Cors(Model, frozen=True, kw_only=True):
    """The ``cors`` option of socket.io 3 and 4: https://socket.io/docs/v4/handling-cors/."""

    origin: str | tuple[str, ...]
    """``*``, or a string that goes to everybody as it is, or a list of which the asking origin is looked up."""
    credentials: bool = False
    allowed_headers: tuple[str, ...] | None = None
    """None: whichever are asked for."""


class Proxy(Model, frozen=True, kw_only=True):
    """An nginx in front of the server."""

    passes_upgrade: bool = True
    adds: HeaderList = ()
    """Its ``add_header`` lines, which go onto successful answers alone."""


class Scenario(Model, frozen=True, kw_only=True):
    """A server with one mistake, and the page that shows it."""

    name: str
    title: str
    """The mistake, in one line."""
    slug: str | None
    """The cause that is to be found; None: there is nothing to find."""
    origin: str = PAGE
    client: Client = Client()
    """The client options that it takes to see the mistake."""
    stack: Literal["socket.io", "python-socketio", "files", "down"] = "socket.io"
    """Who answers ``/socket.io/``; ``files``: a web server with one page for every path; ``down``: nobody."""
    cors: Cors | None = None
    workers: int = 1
    """Processes that take turns with the connections, and know their own sessions alone."""
    proxy: Proxy | None = None


def arguments(scenario: Scenario, url: str) -> list[str]:
    """The arguments of ``sio-doctor`` that check this scenario, served at ``url``."""
    options = ["check", url, "--origin", scenario.origin]
    if scenario.client.with_credentials:
        options.append("--with-credentials")
    for name, value in scenario.client.extra_headers:
        options += ["-H", f"{name}: {value}"]
    return options


_GOOD = Cors(origin=(OTHER_PAGE, PAGE), credentials=True)

SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            name="no-cors",
            title="socket.io 4 without a cors option",
            slug="cors-not-configured",
        ),
        Scenario(
            name="wrong-origin",
            title="a list of origins, and the page's is not on it",
            slug="origin-not-in-list",
            cors=Cors(origin=(OTHER_PAGE,)),
        ),
        Scenario(
            name="static-origin",
            title="one fixed origin, sent to every page, and it is another page's",
            slug="static-origin-mismatch",
            cors=Cors(origin=OTHER_PAGE),
        ),
        Scenario(
            name="trailing-slash",
            title="the page's origin, written with a slash at its end",
            slug="origin-trailing-slash",
            cors=Cors(origin=PAGE + "/"),
        ),
        Scenario(
            name="wildcard-credentials",
            title="origin * for a client that sends cookies",
            slug="wildcard-with-credentials",
            client=Client(with_credentials=True),
            cors=Cors(origin="*", credentials=True),
        ),
        Scenario(
            name="doubled-header",
            title="nginx adds Access-Control-Allow-Origin to a server that sends its own",
            slug="duplicate-acao-proxy",
            cors=_GOOD,
            proxy=Proxy(adds=(("Access-Control-Allow-Origin", "*"),)),
        ),
        Scenario(
            name="missing-header",
            title="allowedHeaders lacks the header that the client sends",
            slug="preflight-header-not-allowed",
            client=Client(extra_headers=(("my-custom-header", "abcd"),)),
            cors=Cors(origin=(PAGE,), allowed_headers=("authorization",)),
        ),
        Scenario(
            name="no-sticky-sessions",
            title="two workers behind a balancer that takes turns",
            slug="no-sticky-sessions",
            cors=_GOOD,
            workers=2,
        ),
        Scenario(
            name="no-upgrade",
            title="an nginx that does not pass Upgrade on: polling works, WebSocket does not",
            slug="ws-proxy-no-upgrade",
            cors=_GOOD,
            proxy=Proxy(passes_upgrade=False),
        ),
        Scenario(
            name="spa",
            title="a single-page app answers /socket.io/ with its index.html",
            slug="html-instead-of-handshake",
            stack="files",
            proxy=Proxy(passes_upgrade=False),
        ),
        Scenario(
            name="gateway",
            title="nginx runs, the server behind it does not",
            slug="gateway-5xx-no-cors",
            stack="down",
            proxy=Proxy(passes_upgrade=False),
        ),
        Scenario(
            name="python",
            title="python-socketio without cors_allowed_origins",
            slug="python-origin-not-accepted",
            stack="python-socketio",
        ),
        Scenario(
            name="healthy",
            title="no mistake: the page connects",
            slug=None,
            cors=_GOOD,
        ),
    )
}

DEFAULT = "no-cors"
