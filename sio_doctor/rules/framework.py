"""CORS is switched on in the web framework, and Engine.IO answers its own path before the framework is asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from sio_doctor.rules.base import Case, Hit, Rung, alias, rule
from sio_doctor.rules.confession import beside, silent
from sio_doctor.rules.cors import ALLOW_ORIGIN, besides, blocked, lines, listing, needed, one_hit, proxies_of

alias(
    "v2-options-on-v3",
    "cors-not-configured",
    "`origins` and `handlePreflightRequest` are options of version 2: later versions do not look at them, so it is as "
    "if no `cors` were set.",
)


@rule("SIO317", "express-cors-only", "CORS is configured for the web framework alone", Rung.HANDSHAKE)
def express_cors_only(case: Case) -> Iterable[Hit]:
    """The web framework's CORS middleware lets the page in, and Socket.IO has no `cors` option of its own.

    `app.use(cors())` of Express, and what Koa, Fastify or Hapi have for it, is never asked about Socket.IO's requests:
    Engine.IO answers its own path before them. Give `new Server(..., { cors })` the same options.

    **How it is told.** As `cors-not-configured`; and another route of the same server (`/`, or its 404) does name this
    page, or `*`, in `Access-Control-Allow-Origin`.

    **What it is not.** Where NestJS answers that route, it is `nest-enablecors-only`. Where the framework does not let
    the page in either, it is `cors-not-configured`.
    """
    yield from _elsewhere(case, "express-cors-only", "the CORS middleware of its web framework")


@rule("SIO318", "nest-enablecors-only", "NestJS's enableCors() does not reach the gateway", Rung.HANDSHAKE)
def nest_enablecors_only(case: Case) -> Iterable[Hit]:
    """`app.enableCors()` of NestJS lets the page in, and the gateway has no `cors` option of its own.

    A gateway's CORS is `@WebSocketGateway({ cors: … })`; the options there are Socket.IO's. With a port,
    `@WebSocketGateway(port, { cors: … })`; `@WebSocketGateway(null, { cors: … })` does not look at them.

    **How it is told.** As `cors-not-configured`; and another route of the same server, which answers in NestJS's words,
    does name this page, or `*`, in `Access-Control-Allow-Origin`.

    **What it is not.** Another framework's middleware is `express-cors-only`; so is NestJS where no route tells that it
    is there.
    """
    yield from _elsewhere(case, "nest-enablecors-only", "app.enableCors() of NestJS")


def _elsewhere(case: Case, slug: str, what: str) -> Iterator[Hit]:
    found = [one for one in blocked(case, chosen=False) if silent(case, one) == slug]
    if not found:
        return
    first, other = found[0], beside(case, found[0].page)
    assert other is not None
    whom = listing(one.page for one in found) if case.plan.origins else "any other origin"
    path = urlsplit(other.request.url).path
    message = (
        f"The server at {case.plan.target.url} does not let {whom} read what Socket.IO answers: it has no cors option "
        f"of its own. On {path} the header is there, {ALLOW_ORIGIN}: {lines(other)[0]}, so {what} does let the page "
        "in; but Engine.IO answers its own path before that is asked."
    )
    if proxies := proxies_of(case):
        message += f" Or {listing(proxies)} adds it on that path alone."
    message += besides(case)
    headers = [needed(first.page, first.handshake), needed(first.page, other, ok=True)]
    yield one_hit(case, found, message, *headers, also=(other, first.preflight))
