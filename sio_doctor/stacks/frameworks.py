"""Frameworks and runtimes that are named in the report by their own 404, and have no cure of their own here."""

from __future__ import annotations

import re
from typing import NamedTuple

from sio_doctor.model import Evidence, Response, Server
from sio_doctor.stacks.base import BESIDE, Claim, Cure, Side, answers

SIDE: Side = "server"


class Page(NamedTuple):
    """A 404 that nobody else writes."""

    layer: str
    media_type: str
    pattern: re.Pattern[str]
    header: tuple[str, str] | None = None
    """A header that has to be there too: its name and its value."""


_PAGES = (
    # Express's sibling words its own: https://fastify.dev/docs/latest/Reference/Server/#setnotfoundhandler
    Page(
        "Fastify",
        "application/json",
        re.compile(r'\{"message":"Route [A-Z]+:[^"]* not found","error":"Not Found","statusCode":404\}'),
    ),
    # werkzeug.exceptions.NotFound.description, in the page of werkzeug.exceptions.HTTPException.get_body
    Page(
        "Flask",
        "text/html",
        re.compile(
            r"(?is)<!doctype html.{0,60}<title>404 Not Found</title>\s*<h1>Not Found</h1>\s*<p>The requested URL was "
            r"not found on the server\. If you entered the URL manually please check your spelling and try again"
            r"\.</p>\s*"
        ),
    ),
    # django.views.defaults.ERROR_PAGE_TEMPLATE
    Page(
        "Django",
        "text/html",
        re.compile(
            r"(?s)\s*<!doctype html>\s*<html lang=\"en\">\s*<head>\s*<title>Not Found</title>\s*</head>\s*<body>\s*"
            r"<h1>Not Found</h1>\s*<p>The requested resource was not found on this server\.</p>\s*</body>\s*</html>\s*"
        ),
    ),
    # The page of DEBUG = True, django/views/templates/technical_404.html
    Page("Django", "text/html", re.compile(r"(?s).*<title>Page not found at .*You’re seeing this error because.*")),
    # net/http.NotFound, which is Go's default in whatever is written in it: https://pkg.go.dev/net/http#NotFound
    Page("Go", "text/plain", re.compile(r"404 page not found\n"), ("x-content-type-options", "nosniff")),
    # https://docs.spring.io/spring-boot/reference/web/servlet.html#web.servlet.spring-mvc.error-handling
    Page(
        "Spring Boot",
        "application/json",
        re.compile(r'\{"timestamp":"?[^",]+"?,"status":404,"error":"Not Found",(?:"[a-z]+":"[^"]*",)*"path":"[^"]*"\}'),
    ),
    # org.apache.catalina.valves.ErrorReportValve
    Page("Tomcat", "text/html", re.compile(r"(?s).*<title>HTTP Status 404 – Not Found</title>.*<h3>Apache Tomcat/.*")),
)

#: What X-Powered-By says; group 1 is the version. Express's and NestJS's is read beside their cures.
_POWERED = {
    "Next.js": r"Next\.js(?: ([\d.]+))?",
    "Nuxt": r"Nuxt",
    "ASP.NET": r"ASP\.NET",
    "PHP": r"PHP/([\d.]+)",
    "Phusion Passenger": r"Phusion Passenger(?:\(R\))?(?: ([\d.]+))?",
    "Sails": r"Sails <sailsjs\.com>",
}


def fits(server: Server) -> bool:
    """It has no cures."""
    return False


def recognise(evidence: Evidence) -> Claim | None:
    """By a 404 that only this one words so, and by ``X-Powered-By``."""
    layers: dict[str, str] = {}
    for _, response in [*answers(evidence), *answers(evidence, *BESIDE)]:
        for page in _PAGES:
            if _is(page, response):
                layers.setdefault(page.layer, f"a 404 as {page.layer} words it")
        powered = response.get("x-powered-by") or ""
        for name, pattern in _POWERED.items():
            if found := re.fullmatch(pattern, powered):
                version = found[1] if found.lastindex else None
                layers.setdefault(f"{name} {version}" if version else name, f"X-Powered-By: {found[0][:40]}")
    return Claim(layers=tuple(layers), evidence=tuple(layers.values())) if layers else None


def _is(page: Page, response: Response) -> bool:
    media_type = (response.get("content-type") or "").partition(";")[0].strip().lower()
    with_header = page.header is None or response.get(page.header[0]) == page.header[1]
    return (
        response.status == 404
        and media_type == page.media_type
        and with_header
        and page.pattern.fullmatch(response.text) is not None
    )


FIXES: dict[str, Cure] = {}
