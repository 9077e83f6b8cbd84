"""Whose answer it is that stands in the place of Socket.IO's: a machine's own service, a host, a tunnel, a filter."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from sio_doctor.model import Exchange, get
from sio_doctor.rules import signs
from sio_doctor.rules.base import Case, Hit, Rung, check, rule
from sio_doctor.rules.session import is_unknown_session
from sio_doctor.rules.stranger import described, hit, redirection, strangers


@rule("SIO240", "port-missing-or-wrong", "The port is that of the page's own server", Rung.HANDSHAKE)
def port_missing_or_wrong(case: Case) -> Iterable[Hit]:
    """The page asks the server that it was itself loaded from, or port 80, and Socket.IO listens on another port.

    **What it means.** `io()` without an address, or one without a port, goes to where the page came from: Vite, webpack
    or a small web server, which answers every path with the page. Name the port of the Socket.IO server,
    `io("http://localhost:3000")`, or let that server pass the handshake path on (with `ws: true`).

    **How it is told.** A page with a bundler's own scripts (`/@vite/client`) answers; or, on this machine, a web page
    does where the address has the page's own port, or none.

    **What it is not.** In front of a public server the port is seldom meant: there the proxy does not pass the path on
    (`html-instead-of-handshake`).
    """
    for stranger in strangers(case, "port-missing-or-wrong"):
        target = case.plan.target
        name = "a bundler's server" if signs.development(stranger.response) else "a web server"
        message = (
            f"Not Socket.IO but {name} answers at {target.url}{target.path}, with a page: "
            f"{described(stranger.response)}. "
        )
        if urlsplit(target.url).port is None:
            message += "The address names no port, so the scheme's own was asked. "
        message += (
            "Socket.IO listens on a port of its own: name that one in io(…), or let this server pass the path on to "
            "it. No CORS option cures it."
        )
        yield hit(case, stranger, message, header="Content-Type", needed="text/plain, with an Engine.IO open packet")


@rule("SIO241", "macos-port-5000", "The AirPlay receiver of macOS has this port", Rung.HANDSHAKE)
def macos_port_5000(case: Case) -> Iterable[Hit]:
    """macOS itself answers on ports 5000 and 7000: its AirPlay receiver, with 403 to everything.

    **What it means.** Flask's default port is taken since macOS 12. The receiver listens on all addresses, so
    `localhost` may lead to it while `127.0.0.1` leads to the application. Use another port, or switch the AirPlay
    Receiver off (System Settings, General, AirDrop & Handoff).

    **How it is told.** 403 with `Server: AirTunes/…`.

    **What it is not.** Any other 403 comes from a filter or a login (`basic-auth-or-401`).
    """
    for stranger in strangers(case, "macos-port-5000"):
        message = (
            f"The AirPlay receiver of macOS answers at {case.plan.target.url}, not your server: "
            f"{described(stranger.response)}. It takes ports 5000 and 7000: use another port, or switch it off."
        )
        yield hit(case, stranger, message, header="Server", needed="absent")


@rule("SIO242", "serverless-host", "This host cannot run a Socket.IO server", Rung.HANDSHAKE)
def serverless_host(case: Case) -> Iterable[Hit]:
    """The answer comes from a platform of static files and short functions, where no process lives on.

    **What it means.** Socket.IO keeps sessions in a process that goes on running. Vercel, Netlify, Cloudflare Pages,
    GitHub Pages or AWS Lambda serve files and run functions for one request each: works on the developer's machine,
    404 once deployed. Run the Socket.IO server on a host that keeps processes (a virtual machine, Render, Fly.io,
    Railway, ECS), give the client its address, and configure CORS there.

    **How it is told.** By the platform's headers (`x-vercel-id`, `x-nf-request-id`, `x-amz-apigw-id`, `Server:
    GitHub.com`) or its host name, on a 403, 404, 405, a page, or a function that crashed. Where a function did open a
    session, the next request does not find it.

    **What it is not.** A deployment that does not exist (`html-instead-of-handshake`), a preview that wants a login
    (`tunnel-or-preview-auth`), or a platform's 502 from a server behind it (`gateway-5xx-no-cors`).
    """
    host = urlsplit(case.plan.target.url).hostname or ""
    cure = "It keeps no process running, so no Socket.IO server can live there: run that on another host."
    for stranger in strangers(case, "serverless-host"):
        name = signs.platform_of(host, stranger.response)
        message = f"{name} answers at {case.plan.target.url}: {described(stranger.response)}. {cure}"
        yield hit(case, stranger, message)
    for exchange in case.all("connect", "poll", "sticky"):
        answer = exchange.response
        if answer and is_unknown_session(case, exchange) and (name := signs.platform_of(host, answer)):
            message = f"{name} answers at {case.plan.target.url}, and forgets the session at once. {cure}"
            yield Hit(message, headers=(check(exchange, "status", "200"),), exchanges=(exchange.id,))
            return


@rule("SIO243", "tunnel-or-preview-auth", "The tunnel or preview wants a login", Rung.HANDSHAKE)
def tunnel_or_preview_auth(case: Case) -> Iterable[Hit]:
    """The address is that of a forwarded port or a preview deployment, which is private.

    **What it means.** A port of GitHub Codespaces, Dev Tunnels or Gitpod, or a protected preview of Vercel, lets in
    whoever has logged in there: a tab of the browser does, with its cookie, and a page of another origin does not.
    Make the port public, or let the page's own development server pass the path on.

    **How it is told.** 401, 403 or 511 from such a host (`*.app.github.dev`, `*.devtunnels.ms`, `*.gitpod.io`,
    `*.loca.lt`), a redirect to its sign-in, or Vercel's `_vercel_sso_nonce`.

    **What it is not.** A login of one's own in front (`redirect-to-login`, `basic-auth-or-401`). The notice of ngrok is
    a page (`html-instead-of-handshake`).
    """
    for stranger in strangers(case, "tunnel-or-preview-auth"):
        target, asked = redirection(stranger.exchange), urlsplit(stranger.exchange.request.url)
        name = signs.locked_tunnel(asked, stranger.response, target or "")
        got = (
            f"sends the request to {target.partition('?')[0]}" if target else f"answers {described(stranger.response)}"
        )
        message = (
            f"{case.plan.target.url} is private: {name} {got}. A page's script cannot log in there; make the port "
            "public, or let the page's own server pass the path on."
        )
        yield hit(case, stranger, message, header="Location" if target else "status", needed="no login")


@rule("SIO249", "waf-or-challenge", "A filter in front stops the request", Rung.HANDSHAKE)
def waf_or_challenge(case: Case) -> Iterable[Hit]:
    """A web application firewall answered instead of the server, with a refusal or a challenge.

    **What it means.** Cloudflare, Imperva, Akamai, ModSecurity and the like judge requests by who sends them. A page's
    script cannot solve a challenge, and gets an answer without CORS headers. Make an exception for the handshake path.

    **How it is told.** By the filter's header (`cf-mitigated`) or its page. Where a 403, 406 or 503 could be one, the
    handshake is asked once more with a browser's User-Agent: if that passes, the filter stops programs alone, the run
    goes on as a browser, and it is only worth knowing.

    **What it is not.** A refusal that a browser gets as well and that no filter has signed (`basic-auth-or-401`).
    """
    for stranger in strangers(case, "waf-or-challenge"):
        name = signs.filter_of(stranger.response)
        message = f"A filter ({name}) answers instead of the server: {described(stranger.response)}. "
        as_browser = case.first("other-agent")
        if as_browser is not None:
            message += "It does so to a browser's User-Agent as well. "
        message += f"Make an exception for {case.plan.target.path}: a page's script cannot answer a challenge."
        yield hit(case, stranger, message, also=as_browser)
    if (stopped := stopped_as_program(case)) and stopped.response is not None:
        yield Hit(
            f"Something in front stops programs: under its own name sio-doctor got {described(stopped.response)}, and "
            "with a browser's User-Agent another answer. The rest was asked so. Clients that are no browsers meet it.",
            headers=(check(stopped, "status", "200"),),
            exchanges=(stopped.id,),
            severity="info",
        )


def stopped_as_program(case: Case) -> Exchange | None:
    """The refusal that this tool got under its own name, where the rest of the run was asked as a browser asks."""
    handshake = case.first("handshake")
    if handshake is None or not is_browser(handshake):
        return None
    own = next((one for one in case.all("other-agent") if not is_browser(one)), None)
    return own if own is not None and own.response is not None and own.response.status >= 400 else None


def is_browser(exchange: Exchange) -> bool:
    """It was sent with a browser's User-Agent."""
    return (get(exchange.request.headers, "user-agent") or "").startswith("Mozilla/")
