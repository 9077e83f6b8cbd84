"""The page is let in, but not with the credentials that it sends along."""

from __future__ import annotations

from collections.abc import Iterable

from sio_doctor.rules.base import Case, Hit, Rung, check, rule
from sio_doctor.rules.cors import (
    ALLOW_CREDENTIALS,
    ALLOW_ORIGIN,
    blocked,
    lines,
    listing,
    needed,
    one_hit,
)


@rule("SIO401", "wildcard-with-credentials", "The wildcard does not cover credentials", Rung.HANDSHAKE)
def wildcard_with_credentials(case: Case) -> Iterable[Hit]:
    """The page sends credentials (`withCredentials: true`), and the server answers `Access-Control-Allow-Origin: *`.

    With credentials browsers want the page's own origin there. socket.io-client 2 sends credentials unless told not to;
    later versions only when told so.

    **How it is told.** The header is exactly `*` and the client's credentials mode is `include`. A server that also
    says `Access-Control-Allow-Credentials: true`, as `cors: { origin: "*", credentials: true }` makes it, changes
    nothing.

    **What it is not.** Where the header names the page, but `Access-Control-Allow-Credentials` is not `true`, it is
    `acac-missing`.
    """
    found = [one for one in blocked(case) if "allow-origin-wildcard" in one.codes()]
    if not found:
        return
    why = (
        "socket.io-client 2 always sends credentials unless withCredentials is false"
        if case.plan.client.version == 2
        else "the client is set to withCredentials: true"
    )
    beside = found[0].at_preflight and lines(found[0].handshake) not in ([], ["*"])
    message = (
        f"The server at {case.plan.target.url} answers {'the preflight ' if beside else ''}with {ALLOW_ORIGIN}: *, "
        f"which browsers refuse where credentials are sent, and {why}. The header has to name "
        f"{listing(one.page for one in found)}."
    )
    if beside:
        message += " On the handshake it does, so a layer in front seems to answer the preflight by itself."
    yield one_hit(case, found, message, *(needed(one.page, one.decided) for one in found))


@rule("SIO402", "acac-missing", "The server does not allow credentials", Rung.HANDSHAKE)
def acac_missing(case: Case) -> Iterable[Hit]:
    """The page sends credentials, and the server lets its origin in, but not with credentials.

    **How it is told.** `Access-Control-Allow-Origin` is the page's origin, and `Access-Control-Allow-Credentials` is
    missing or is not exactly `true` (`True` and `1` do not count).

    **What it is not.** With `Access-Control-Allow-Origin: *` it is `wildcard-with-credentials`. `true, true` comes from
    two layers (`duplicate-acao-proxy`).
    """
    found = [
        one
        for one in blocked(case)
        if "allow-credentials" in one.codes() and "," not in (",".join(lines(one.decided, ALLOW_CREDENTIALS)))
    ]
    if not found:
        return
    first = found[0]
    value = lines(first.decided, ALLOW_CREDENTIALS)
    why = f"it is “{value[0]}”, not “true”" if value else "it is missing"
    message = (
        f"The server at {case.plan.target.url} lets {listing(one.page for one in found)} in, but not with credentials, "
        f"which this client sends: it needs {ALLOW_CREDENTIALS}: true, and {why}."
    )
    headers = [check(first.decided, ALLOW_CREDENTIALS, "true"), needed(first.page, first.decided, ok=True)]
    yield one_hit(case, found, message, *headers)
