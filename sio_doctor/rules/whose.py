"""Which layer wrote a line that is there twice, or took one away: by case, order and status, where these tell it.

As measured on nginx 1.22, HAProxy 2.6, Apache 2.4, Caddy 2.6, and Starlette under uvicorn, in front of or around
Socket.IO 4.8 and python-socketio 5. What none of them writes so is said not to be known.
"""

from __future__ import annotations

from sio_doctor.model import Exchange, Response
from sio_doctor.rules.base import Case
from sio_doctor.rules.cors import ALLOW_ORIGIN, lines, listing, proxies_of, survives

#: On these nginx's ``add_header`` adds without ``always``: https://nginx.org/en/docs/http/ngx_http_headers_module.html
_NGINX = frozenset({200, 201, 204, 206, 301, 302, 303, 304, 307, 308})
#: Headers that a proxy writes behind those that it adds.
_HOP_BY_HOP = frozenset({"keep-alive", "connection", "transfer-encoding"})


def doubled_by(case: Case, exchange: Exchange, name: str = ALLOW_ORIGIN) -> str:
    """Whose the lines of that header are, as sentences with what told it; that it cannot be told, where it cannot."""
    response = exchange.response
    places = _places(response, name) if response is not None else []
    product = (response.get("server") or "").lower() if response is not None else ""
    proxies, told = proxies_of(case), ""
    if response is not None and len(places) == 2 and len(proxies) < 2:
        first, second = (response.headers[place][1].strip() for place in places)
        last, adjacent = _stands_last(response, places), places[1] == places[0] + 1
        if all(header == header.lower() for header, _ in response.headers):
            # Whatever was written in front of it: that is how HAProxy passes it on.
            if proxies and proxies[0].startswith("haproxy") and last:
                told = (
                    "Every name is in lower case, as HAProxy writes them, and the second line "
                    f"({second}) stands last, where its http-response add-header puts it."
                )
        elif product.startswith(("nginx", "openresty")) and last:
            told = f"The second line ({second}) stands last, behind all headers of the server, "
            told += _on_which(case, exchange, name, second, first)
        elif product.startswith("apache") and last and not adjacent:
            told = f"The second line ({second}) stands behind the server's headers, where Apache's Header add puts it."
        elif product.startswith("apache") and _stands_first(response, places):
            told = f"The first line ({first}) stands before the server's, where Apache's Header always puts it."
        elif product == "caddy" and adjacent:
            told = f"The first line ({first}) is Caddy's: it sorts the headers, and puts its own before the server's."
    if told:
        return told
    if len(proxies) > 1:
        return f"Which of them, {listing(proxies)}, added the second one cannot be told from the answer."
    spelt = {response.headers[place][0] for place in places} if response is not None else set()
    if len(spelt) > 1:
        return f"They are spelt differently ({listing(sorted(spelt))}), so two programs wrote them."
    return (
        "Nothing in the answer tells which layer the other is: neither the order of its headers, nor how they are "
        "spelt. The server asked without what is in front (--direct URL) tells."
    )


def _places(response: Response, name: str) -> list[int]:
    return [place for place, (header, _) in enumerate(response.headers) if header.lower() == name.lower()]


def _stands_last(response: Response, places: list[int]) -> bool:
    """Behind the second line come only its like, and what a proxy writes behind them; before it the server's own."""
    behind = {header.lower() for header, _ in response.headers[places[1] + 1 :]}
    return all(name in _HOP_BY_HOP or name == "vary" or name.startswith("access-control-") for name in behind)


def _stands_first(response: Response, places: list[int]) -> bool:
    """Before the first line there are only the proxy's own headers, and nothing of the server's between the two."""
    before = {header.lower() for header, _ in response.headers[: places[0]]}
    between = {header.lower() for header, _ in response.headers[places[0] + 1 : places[1]]}
    own = all(name == "vary" or name.startswith("access-control-") for name in between)
    return own and before <= {"date", "server", "vary"}


def _on_which(case: Case, exchange: Exchange, name: str, added: str, own: str) -> str:
    """On which statuses nginx added its line."""
    origin = exchange.request.origin
    others = [
        one
        for one in case.all("websocket", "upgrade", "connect", "preflight", "simulated-preflight", origin=origin)
        if one.response is not None and one.response.status not in _NGINX and lines(one, name)
    ]
    alike = "A layer behind nginx that shows itself by nothing else would look the same."
    if not others:
        return f"where nginx's add_header puts it. {alike}"
    status = others[0].response.status if others[0].response is not None else 0
    if all(len(lines(one, name)) == 1 and (added == own or lines(one, name) != [added]) for one in others):
        return f"and is not there on the {status}: so does nginx's add_header without always."
    return f"and is there on the {status} too: so does nginx's add_header with always. {alike}"


def stripped_by(case: Case, page: str) -> str:
    """What shows that the header was there, as a sentence; empty where the answers leave it open."""
    for one in case.all("websocket", "upgrade", origin=page):
        if survives(one, page):
            apache = any(layer.startswith("Apache") for layer in proxies_of(case))
            message = f" On the WebSocket's 101 it is still there ({', '.join(lines(one))})"
            return message + (", which Apache's Header directives do not touch." if apache else ".")
    return ""
