"""Pages with a Content-Security-Policy in living browsers: they do and print what ``check --page`` says they would."""

from __future__ import annotations

import pytest

from sio_doctor.confirm.ask import confirm
from sio_doctor.confirm.find import Family, find
from sio_doctor.examine import examine_sync
from sio_doctor.plan import make_plan
from tests.servers import needs_chromium, needs_firefox, needs_node
from tests.servers.node import node
from tests.servers.raw import raw
from tests.servers.site import page, site

pytestmark = [pytest.mark.living, needs_node]

POLICIES = {
    "nobody else": "connect-src 'self'",
    "by default-src": "default-src 'self' 'nonce-abc'",
    "none": "connect-src",
    "two policies": "connect-src 'self', default-src https:",
    "for polling alone": "connect-src 'self' SERVER",
    "for WebSocket alone": "connect-src 'self' ws:",
    "both": "connect-src SERVER ws://127.0.0.1:*",
    "upgraded, but for loopback": "connect-src *; upgrade-insecure-requests",
}


@pytest.mark.parametrize(
    "family", [pytest.param("chromium", marks=needs_chromium), pytest.param("firefox", marks=needs_firefox)]
)
@pytest.mark.parametrize(
    ("transports", "names"),
    [("polling,websocket", tuple(POLICIES)), ("websocket", ("nobody else", "for WebSocket alone"))],
)
def test_a_real_page_does_what_was_predicted(family: Family, transports: str, names: tuple[str, ...]) -> None:
    with node("4.8", "{cors: {origin: '*'}}") as url:
        for name in names:
            header = f"Content-Security-Policy: {POLICIES[name].replace('SERVER', url)}"
            with raw(site({"/": page(b"", header)})) as home:
                plan = make_plan(url, page=f"{home.url}/", transports=[transports], browsers=[family])
                report = examine_sync(
                    plan,
                    confirm=lambda outcomes, document, plan=plan: confirm(  # type: ignore[misc]
                        plan, outcomes, family, find(family), print, document
                    ),
                )
            [outcome] = report.outcomes
            assert outcome.confirmed is not None
            assert outcome.confirmed.differences == (), name
