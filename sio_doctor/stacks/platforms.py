"""Platforms that are set up by settings and not by a file: what to set, in words, with a command where there is one.

One ``Platform`` each, keyed by the layers that ``hosts`` yields. Only what the platform's own documentation says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from sio_doctor.model import Evidence, Fix, Server
from sio_doctor.stacks.base import Ask, Claim, Cure, Side, conf, has_layer
from sio_doctor.stacks.platform_settings import SETTINGS
from sio_doctor.stacks.proxied import name, path


@dataclass(eq=False)
class Platform:
    """A stack, as a module would be one."""

    layers: tuple[str, ...]
    NAMES: dict[str, str]
    FIXES: dict[str, Cure] = field(default_factory=dict)
    SIDE: Side = "proxy"

    def recognise(self, evidence: Evidence) -> Claim | None:
        """``hosts`` does."""
        return None

    def fits(self, server: Server) -> bool:
        """It is around the server; without layers, its cures are for whoever has the cause."""
        return not self.layers or has_layer(server, *self.layers)


class _Known(NamedTuple):
    option: str
    """What ``--stack`` takes."""
    layers: tuple[str, ...]
    """How the report may call it, the first one for ``--stack``."""


_KNOWN = {
    "Cloudflare": _Known("cloudflare", ("Cloudflare",)),
    "CloudFront": _Known("cloudfront", ("CloudFront",)),
    "AWS load balancer": _Known("aws-alb", ("AWS ALB", "awselb")),
    "API Gateway": _Known("api-gateway", ("API Gateway",)),
    "Vercel": _Known("vercel", ("Vercel",)),
    "Netlify": _Known("netlify", ("Netlify",)),
    "GitHub Pages": _Known("github-pages", ("GitHub Pages",)),
    "Heroku": _Known("heroku", ("Heroku",)),
    "Render": _Known("render", ("Render",)),
    "Railway": _Known("railway", ("Railway",)),
    "Fly.io": _Known("fly", ("Fly.io",)),
    "Azure App Service": _Known("azure", ("Azure App Service", "Azure")),
    "IIS": _Known("iis", ("Microsoft-IIS", "IIS")),
    "Google Cloud": _Known("google-cloud", ("Google Frontend", "Google load balancer", "Frontend")),
    "envoy": _Known("envoy", ("envoy",)),
    "Varnish": _Known("varnish", ("Varnish",)),
    "ngrok": _Known("ngrok", ("ngrok",)),
}


def _cure(platform: str, title: str, where: str, text: str) -> Cure:
    def cure(ask: Ask) -> Fix:
        # The names are filled in one by one: what they are filled with is not read again.
        filled = {"PATH": path(ask), "HOST": name(ask), "PAGE": conf(ask.pages[0], "https://your-page.example")}
        after = text
        for key, value in filled.items():
            after = after.replace(f"<{key}>", value)
        return Fix(stack=platform, side="proxy", title=title, where=where, language="text", after=after)

    return cure


def _fixes(platform: str) -> Mapping[str, Cure]:
    return {
        slug: _cure(platform, one.title, one.where, one.text)
        for one in SETTINGS
        if one.platform == platform
        for slug in one.slugs
    }


PLATFORMS: tuple[Platform, ...] = tuple(
    Platform(
        known.layers,
        {known.option: known.layers[0]},
        {slug: cure for slug, cure in _fixes(platform).items() if slug != "tls-cdn-origin"},
    )
    for platform, known in _KNOWN.items()
)
#: Who has this cause has Cloudflare in front, also where no answer says so. (A stack of that side always fits.)
CDN_ORIGIN = Platform(
    (), {}, {slug: cure for slug, cure in _fixes("Cloudflare").items() if slug == "tls-cdn-origin"}, "page"
)  # fmt: skip
#: Behind the others nothing of one's own stands that could be set up; what stands behind these they hide.
HIDING = tuple(
    one for one in PLATFORMS if {"cloudflare", "cloudfront", "aws-alb", "google-cloud", "varnish"} & set(one.NAMES)
)
