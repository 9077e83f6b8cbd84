"""python-engineio and the python-socketio on it, in any host: how it is recognised, and which version it is."""

from __future__ import annotations

from collections.abc import Iterable

from sio_doctor.model import Evidence
from sio_doctor.stacks.base import Claim, answers, openings, product, shown
from sio_doctor.standards import engineio

#: What hosts call themselves in the Server header; group 1 is the version.
_HOSTS = {
    "uvicorn": r"^uvicorn$",
    "hypercorn": r"^hypercorn-",
    "Daphne": r"^daphne$",
    "aiohttp": r"\baiohttp/([\w.]+)",
    "Tornado": r"^TornadoServer/([\w.]+)",
    "Werkzeug": r"^Werkzeug/([\w.]+)",
    "gunicorn": r"^gunicorn(?:/([\w.]+))?$",
}


def recognise(evidence: Evidence) -> Claim | None:
    """By the open packet's order and python-engineio's refusals; the host by its Server header."""
    found = openings(evidence)
    hosts = [claim for name, pattern in _HOSTS.items() if (claim := product(evidence, pattern, name))]
    layers = tuple(layer for claim in hosts for layer in claim.layers)
    told = tuple(phrase for claim in hosts for phrase in claim.evidence)
    phrases = list(_marks(evidence))
    if found and not any(opening.interval_first for opening in found):
        phrases.insert(0, "the open packet has pingTimeout before pingInterval, as Python writes it")
    elif found:
        phrases = []
    if not phrases:
        return Claim(layers=layers, evidence=told) if layers else None
    if not layers and any(phrase.endswith(f"{_WSGI_REFUSAL!r}") for phrase in phrases):
        layers = ("WSGI",)
    version = None
    for opening in found:
        if opening.handshake.framing != "v4" or opening.asked == 3:
            version = "4.x"
        else:
            version = "5.12+" if opening.handshake.max_payload is not None else "5.0–5.11"
    return Claim("python-socketio", version, layers, tuple(dict.fromkeys((*phrases, *told))))


_WSGI_REFUSAL = "Not an accepted origin."


def _marks(evidence: Evidence) -> Iterable[str]:
    for _, response in answers(evidence):
        refusal = engineio.read_refusal(response)
        if refusal is not None and refusal.family == "python":
            yield f"a refusal as python-engineio words it: {shown(refusal.message)!r}"
