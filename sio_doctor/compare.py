"""What lies between: the answers through a proxy beside those of the server behind it (``--direct``). Pure."""

from __future__ import annotations

from collections.abc import Iterator

from sio_doctor.model import Change, Difference, Evidence, Exchange, HeaderList, Purpose, get_all

#: Which answers are held against each other, in the order in which a page meets them.
_ANSWERS: tuple[Purpose, ...] = (
    "preflight",
    "simulated-preflight",
    "handshake",
    "connect",
    "poll",
    "websocket",
    "upgrade",
)
#: Headers that differ from answer to answer, or that every hop has of its own.
_OWN = frozenset(
    {
        "date",
        "connection",
        "keep-alive",
        "transfer-encoding",
        "content-length",
        "etag",
        "last-modified",
        "age",
        "server",
    }
    | {"sec-websocket-accept", "upgrade", "via", "x-request-id", "cf-ray"}
)


def differences(through: Evidence, directly: Evidence) -> tuple[Difference, ...]:
    """What became of the status and the headers of each answer on the way, for the first page.

    Only answers to the same question that both servers gave are compared.
    """
    found: list[Difference] = []
    for purpose in _ANSWERS:
        ours, theirs = _answer(through, purpose), _answer(directly, purpose)
        if ours is not None and theirs is not None:
            found += _compared(purpose, ours, theirs)
    return tuple(found)


def _answer(evidence: Evidence, purpose: Purpose) -> Exchange | None:
    origin = next(iter(evidence.plan.origins), None)
    answered = [one for one in evidence.all(purpose) if one.response is not None]
    return next((one for one in answered if origin is None or one.request.origin in (origin, None)), None)


def _compared(purpose: Purpose, through: Exchange, directly: Exchange) -> Iterator[Difference]:
    assert through.response is not None
    assert directly.response is not None
    here, there = through.response, directly.response
    if here.status != there.status:
        yield Difference(
            answer=purpose,
            header="status",
            change="changed",
            directly=(f"{there.status} {there.reason}".rstrip(),),
            through=(f"{here.status} {here.reason}".rstrip(),),
            exchange=through.id,
        )
    names = {name.lower(): name for name, _ in (*there.headers, *here.headers)}
    for name in sorted(names.keys() - _OWN, key=lambda name: (not name.startswith("access-control-"), name)):
        before, after = _values(there.headers, name), _values(here.headers, name)
        if before != after:
            yield Difference(
                answer=purpose,
                header=names[name],
                change=_change(before, after),
                directly=before,
                through=after,
                exchange=through.id,
            )


def _values(headers: HeaderList, name: str) -> tuple[str, ...]:
    values = get_all(headers, name)
    # A cookie's value is another each time.
    return tuple(value.partition("=")[0] for value in values) if name == "set-cookie" else tuple(values)


def _change(before: tuple[str, ...], after: tuple[str, ...]) -> Change:
    if not before:
        return "added"
    if not after:
        return "stripped"
    return "doubled" if len(after) > len(before) and set(before) <= set(after) else "changed"
