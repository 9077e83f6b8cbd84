"""Somebody else answers: macOS, the page's own server, a host without processes, a tunnel, a firewall."""

from __future__ import annotations

from typing import Any

import pytest

from sio_doctor.model import Response
from tests.rules.build import PAGE, Asked, evidence, exchange, findings, html, node_error, node_open, response
from tests.rules.test_answer import HAPROXY_403, NGINX_401, SPA, everywhere

ALLOWED = ("Access-Control-Allow-Origin", PAGE)
FIREFOX = (("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0"),)
OURS = (("User-Agent", "sio-doctor/0.1"),)


def only(answer: Response, slug: str, **plan: Any) -> str:
    """Whatever is asked gets that answer: it is the one cause, and an error. What it says."""
    found = findings(evidence(plan, everywhere(answer)))
    assert list(found) == [slug]
    assert found[slug].severity == "error"
    return found[slug].message


# --- macos-port-5000 -------------------------------------------------------------------------------------------------


def test_airplay() -> None:
    airplay = response(403, ("Content-Length", "0"), ("Server", "AirTunes/870.14.1"), reason="Forbidden")
    assert "AirPlay receiver of macOS" in only(airplay, "macos-port-5000")
    assert only(response(403, ("Server", "nginx"), reason="Forbidden"), "basic-auth-or-401")


# --- port-missing-or-wrong -------------------------------------------------------------------------------------------

VITE = html(200, '<!doctype html><script type="module" src="/@vite/client"></script><title>App</title>')
LOCAL = "http://localhost:5173"


def test_the_page_s_own_server_answers() -> None:
    assert "a bundler's server answers" in only(VITE, "port-missing-or-wrong")
    own: dict[str, Any] = {"url": LOCAL, "origins": (LOCAL,)}
    found = findings(evidence(own, [*everywhere(SPA), exchange("handshake", SPA, origin=None)]))
    assert next(iter(found)) == "port-missing-or-wrong"
    message = only(SPA, "port-missing-or-wrong", url="http://localhost", origins=(LOCAL,))
    assert "names no port" in message


def test_another_web_server_is_not_the_page_s_own() -> None:
    only(SPA, "html-instead-of-handshake", url="http://localhost:3000", origins=(LOCAL,))
    own: dict[str, Any] = {"url": PAGE}  # a public server before the application: no port is missing
    assert list(findings(evidence(own, everywhere(SPA)))) == ["html-instead-of-handshake"]


# --- serverless-host -------------------------------------------------------------------------------------------------

VERCEL = (("Server", "Vercel"), ("x-vercel-id", "fra1::abcde-1700000000000-0123456789ab"))
NOT_FOUND = "The page could not be found\n\nNOT_FOUND\n\nfra1::abcde-1700000000000-0123456789ab\n"
TOKEN = '{"message":"Missing Authentication Token"}'


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (response(404, *VERCEL, ("x-vercel-error", "NOT_FOUND"), body=NOT_FOUND, reason="Not Found"), "Vercel"),
        (response(405, *VERCEL, reason="Method Not Allowed"), "Vercel"),
        (html(200, "<!doctype html><title>App</title>", *VERCEL), "Vercel"),
        (response(500, *VERCEL, ("x-vercel-error", "FUNCTION_INVOCATION_FAILED"), body="A server error"), "Vercel"),
        (html(404, "<title>Page not found</title>", ("x-nf-request-id", "01J"), ("Server", "Netlify")), "Netlify"),
        (response(403, ("x-amz-apigw-id", "abc="), ("x-amzn-requestid", "1"), body=TOKEN), "AWS API Gateway"),
        (html(404, "<title>Site not found</title>", ("Server", "GitHub.com")), "GitHub Pages"),
    ],
)
def test_a_platform_that_keeps_no_process(answer: Response, name: str) -> None:
    message = only(answer, "serverless-host")
    assert message.startswith(f"{name} answers at ")
    assert "run that on another host" in message


def test_its_name_tells_it_too() -> None:
    assert "Cloudflare Pages" in only(SPA, "serverless-host", url="https://chat-app.pages.dev")
    assert "AWS Lambda" in only(SPA, "serverless-host", url="https://x1.execute-api.eu-west-1.amazonaws.com")


def test_a_platform_that_passes_it_on_is_no_cause() -> None:
    only(response(502, *VERCEL, body="ROUTER_EXTERNAL_TARGET_ERROR", reason="Bad Gateway"), "gateway-5xx-no-cors")
    only(response(404, *VERCEL, body="DEPLOYMENT_NOT_FOUND", reason="Not Found"), "html-instead-of-handshake")
    only(SPA, "html-instead-of-handshake", url="https://web.app.example.com")
    passed = [exchange("handshake", node_open(ALLOWED, *VERCEL))]
    assert findings(evidence({"transports": ("polling",)}, passed)).keys() <= {"cause-unknown"}


def test_a_function_forgets_the_session() -> None:
    asked = [exchange("handshake", node_open(ALLOWED, *VERCEL)), exchange("connect", node_error(1, ALLOWED, *VERCEL))]
    found = findings(evidence({"transports": ("polling",)}, asked))
    assert list(found) == ["serverless-host", "no-sticky-sessions"]
    assert "forgets the session at once" in found["serverless-host"].message
    elsewhere = [exchange("handshake", node_open(ALLOWED)), exchange("connect", node_error(1, ALLOWED))]
    assert "serverless-host" not in findings(evidence({"transports": ("polling",)}, elsewhere))


# --- tunnel-or-preview-auth ------------------------------------------------------------------------------------------

UNAUTHORIZED = response(401, ("Content-Length", "0"), reason="Unauthorized")


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://fluffy-train-3000.app.github.dev", "GitHub Codespaces"),
        ("https://abc123-3000.euw.devtunnels.ms", "Dev Tunnels"),
        ("https://3000-user-repo-abc.ws-eu1.gitpod.io", "Gitpod"),
    ],
)
def test_a_private_port(url: str, name: str) -> None:
    message = only(UNAUTHORIZED, "tunnel-or-preview-auth", url=url)
    assert name in message
    assert "make the port public" in message


@pytest.mark.parametrize(
    "location",
    [
        "https://github.dev/pf-signin?id=abc&cluster=eu&name=x&port=3000&pb=https%3A%2F%2Fx.app.github.dev",
        "https://global.rel.tunnels.api.visualstudio.com/auth/github?tunnelUri=x",
        "https://vercel.com/sso-api?url=https%3A%2F%2Fx.vercel.app&nonce=1",
    ],
)
def test_a_sign_in_of_a_tunnel(location: str) -> None:
    moved = response(302, ("Location", location), reason="Found")
    assert "sends the request to" in only(moved, "tunnel-or-preview-auth")


def test_a_protected_preview() -> None:
    nonce = ("Set-Cookie", "_vercel_sso_nonce=abc; Max-Age=3600; Path=/; Secure; HttpOnly; SameSite=Lax")
    page = html(401, "<title>Authentication Required</title>", nonce, *VERCEL, reason="Unauthorized")
    assert "Vercel's deployment protection" in only(page, "tunnel-or-preview-auth")


def test_a_login_of_one_s_own_is_no_tunnel_s() -> None:
    only(NGINX_401, "basic-auth-or-401")
    only(response(302, ("Location", "https://login.example.com/oauth2/start")), "redirect-to-login")
    only(response(404), "path-mismatch", url="https://abc-3000.euw.devtunnels.ms")
    only(response(301, ("Location", "https://www.example.com/socket.io/")), "redirect-www-apex")


# --- waf-or-challenge ------------------------------------------------------------------------------------------------

CHALLENGE = html(403, "<title>Just a moment...</title>", ("cf-mitigated", "challenge"), ("Server", "cloudflare"))


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (CHALLENGE, "Cloudflare"),
        (html(503, "<title>Just a moment...</title>", ("Server", "cloudflare")), "Cloudflare"),
        (html(403, "<title>Attention Required! | Cloudflare</title>"), "Cloudflare"),
        (html(403, "Request unsuccessful. Incapsula incident ID: 1-2"), "Imperva"),
        (html(403, "<title>Access Denied</title> Reference&#32;&#35;18&#46;abc", ("Server", "AkamaiGHost")), "Akamai"),
        (html(406, "<title>Not Acceptable!</title> An appropriate representation … Mod_Security."), "ModSecurity"),
        (response(429, ("x-vercel-mitigated", "challenge"), ("Server", "Vercel")), "Vercel's firewall"),
        (response(202, ("x-amzn-waf-action", "challenge"), ("Content-Length", "0")), "AWS WAF"),
    ],
)
def test_a_filter_is_known_by_its_page_or_header(answer: Response, name: str) -> None:
    assert only(answer, "waf-or-challenge").startswith(f"A filter ({name}) answers instead of the server")


def test_a_filter_that_nobody_signed_is_no_known_one() -> None:
    # Cloudflare puts its script into pages that the application wrote.
    script = '<script src="/cdn-cgi/challenge-platform/scripts/jsd/main.js"></script>'
    only(html(404, f"<pre>Cannot GET /socket.io/</pre>{script}"), "app-listen-not-server-listen")
    only(HAPROXY_403, "basic-auth-or-401")
    only(html(403, "<h1>403 Forbidden</h1><center>cloudflare</center>", ("cf-ray", "8-FRA")), "basic-auth-or-401")


def agents(first: Response, then: Response) -> list[Asked]:
    """The tool got ``first`` under its own name, and all the rest as a browser."""
    own = exchange("other-agent", first, headers=OURS)
    return [own, exchange("other-agent", then, headers=FIREFOX), exchange("handshake", then, headers=FIREFOX)]


def test_a_filter_that_stops_programs_alone_is_only_worth_knowing() -> None:
    found = findings(evidence({"transports": ("polling",)}, agents(HAPROXY_403, node_open(ALLOWED))))
    assert found["waf-or-challenge"].severity == "info"
    assert "stops programs" in found["waf-or-challenge"].message
    assert "basic-auth-or-401" not in found


def test_where_a_browser_is_refused_too_that_is_said() -> None:
    both = [*everywhere(HAPROXY_403), exchange("other-agent", HAPROXY_403, headers=FIREFOX)]
    found = findings(evidence({}, both))
    assert list(found) == ["basic-auth-or-401"]
    assert "A browser's User-Agent changes nothing." in found["basic-auth-or-401"].message
    both = [*everywhere(CHALLENGE), exchange("other-agent", CHALLENGE, headers=FIREFOX)]
    assert "It does so to a browser's User-Agent as well" in findings(evidence({}, both))["waf-or-challenge"].message


def test_a_notice_for_browsers_alone_is_what_the_page_meets() -> None:
    notice = html(200, "<title>ngrok</title> ERR_NGROK_6024", ("ngrok-error-code", "ERR_NGROK_6024"))
    found = findings(evidence({}, agents(node_open(ALLOWED), notice)))
    assert list(found) == ["html-instead-of-handshake"]
    assert "the notice that ngrok shows to a browser" in found["html-instead-of-handshake"].message


def test_a_tunnel_that_is_not_running_says_so() -> None:
    offline = html(404, "<p>ERR_NGROK_3200</p>", ("ngrok-error-code", "ERR_NGROK_3200"), reason="Not Found")
    assert "its tunnel is not running" in only(offline, "html-instead-of-handshake")
