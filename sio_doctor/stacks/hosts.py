"""Platforms and web servers that are named in the report and have no cure of their own here."""

from __future__ import annotations

import re

from sio_doctor.model import Evidence, Server
from sio_doctor.stacks.base import Claim, Cure, Side, answers, products, shown

SIDE: Side = "proxy"

#: Other layers' Server headers, which their own modules read.
_ELSEWHERE = re.compile(r"nginx|openresty|Apache|Caddy|uvicorn|hypercorn|daphne|.*aiohttp|Tornado|Werkzeug|gunicorn")
#: Headers that a platform puts on every answer.
_HEADERS = {
    "cf-ray": "Cloudflare",
    "x-vercel-id": "Vercel",
    "x-nf-request-id": "Netlify",
    "x-amz-cf-id": "CloudFront",
    "x-amz-apigw-id": "API Gateway",
    "fly-request-id": "Fly.io",
    "ngrok-error-code": "ngrok",
}


def fits(server: Server) -> bool:
    """It has no cures."""
    return False


def recognise(evidence: Evidence) -> Claim | None:
    """By the platform's header, else by what the Server header calls itself."""
    layers: dict[str, str] = {}
    for _, response in answers(evidence):
        for header, layer in _HEADERS.items():
            if response.get(header):
                layers.setdefault(layer, f"the header {header}")
    for value in products(evidence):
        if _ELSEWHERE.match(value) or value.lower() in map(str.lower, layers):
            continue
        # The most specific product comes last: Python/3.11 websockets/17.4.
        tokens = re.findall(r"([A-Za-z][\w.-]{0,30})(?:/([\w.]{1,15}))?", value)
        named = next((token for token in reversed(tokens) if token[0] != "Python"), None)
        if named:
            layers.setdefault(" ".join(filter(None, named)), f"Server: {shown(value)}")
    return Claim(layers=tuple(layers), evidence=tuple(layers.values())) if layers else None


FIXES: dict[str, Cure] = {}
