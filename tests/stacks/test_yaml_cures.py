"""The cures in YAML parse, and hold only what ingress-nginx and Traefik know; the platforms' are plain sentences."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from sio_doctor.model import Fix, Server
from sio_doctor.stacks import ingress_nginx, traefik
from sio_doctor.stacks.base import Ask, Stack
from sio_doctor.stacks.platform_settings import SETTINGS
from sio_doctor.stacks.platforms import PLATFORMS
from tests.rules.build import PAGE
from tests.stacks.test_fixes import DETAILS, PLANS
from tests.stacks.test_proxy_configuration import LAYERED, plans

#: https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/annotations/ and, for the cookie's,
#: https://kubernetes.github.io/ingress-nginx/examples/affinity/cookie/
ANNOTATIONS = frozenset(
    {
        "affinity", "affinity-mode", "session-cookie-samesite", "session-cookie-secure", "upstream-hash-by",
        "enable-cors", "proxy-read-timeout", "proxy-send-timeout", "proxy-body-size", "proxy-next-upstream",
        "ssl-redirect", "force-ssl-redirect", "limit-rps", "limit-burst-multiplier", "enable-global-auth",
        "auth-tls-verify-client",
    }
)  # fmt: skip
#: https://doc.traefik.io/traefik/reference/routing-configuration/other-providers/file/
KEYS = frozenset(
    {
        "http", "routers", "services", "middlewares", "serversTransports", "rule", "priority", "service", "tls",
        "loadBalancer", "servers", "url", "sticky", "cookie", "name", "httpOnly", "secure", "sameSite", "strategy",
        "serversTransport", "forwardingTimeouts", "responseHeaderTimeout", "headers", "customRequestHeaders",
        "customResponseHeaders", "rateLimit", "average", "burst", "certificates", "certFile", "keyFile", "options",
        "default", "clientAuth", "clientAuthType",
    }
)  # fmt: skip
#: Names of the person's own, and of headers.
NAMES = frozenset({"socketio", "X-Forwarded-Proto", "Vary"})


def cures(stack: Stack, layer: str) -> list[Fix]:
    servers = [Server(layers=(layer,)), Server(layers=(layer, "Cloudflare"))]
    asks = [
        Ask(slug, plan, server, plan.origins, details=details)
        for plan in plans()
        for details in ({}, DETAILS, LAYERED)
        for server in servers
        for slug in stack.FIXES
    ]
    return list({fix.after: fix for ask in asks if (fix := stack.FIXES[ask.slug](ask))}.values())


def keys(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {key for one in value.values() for key in keys(one)}
    return {key for one in value for key in keys(one)} if isinstance(value, list) else set()


def test_traefik_knows_every_key() -> None:
    found = cures(traefik, "Traefik")
    assert len(found) > 20
    for fix in found:
        read = yaml.safe_load(fix.after)
        assert keys(read) <= KEYS | NAMES, fix.after
        assert "evil" not in fix.after
        for balancer in [read["http"]["services"]["socketio"]["loadBalancer"]] if "http" in read else []:
            assert all(server["url"].startswith("http") for server in balancer["servers"])


def test_ingress_nginx_knows_every_annotation() -> None:
    found = cures(ingress_nginx, "ingress-nginx")
    assert len(found) > 20
    for fix in found:
        read = yaml.safe_load(fix.after)
        annotations = read["metadata"].get("annotations", {})
        assert {key.removeprefix(ingress_nginx.PREFIX) for key in annotations} <= ANNOTATIONS, fix.after
        assert all(isinstance(value, str) for value in annotations.values()), fix.after
        assert "evil" not in fix.after
        if read.get("kind") == "Ingress":
            one = read["spec"]["rules"][0]["http"]["paths"][0]
            assert one["path"].endswith("/")
            assert one["pathType"] == "ImplementationSpecific"
            assert isinstance(one["backend"]["service"]["port"]["number"], int)


def test_an_ingress_has_the_persons_own_host_and_path() -> None:
    plan = PLANS["rich"]
    fix = ingress_nginx.FIXES["proxy-strips-path"](Ask("proxy-strips-path", plan, Server(), plan.origins))
    assert fix is not None
    rule = yaml.safe_load(fix.after)["spec"]["rules"][0]
    assert rule["host"] == "api.example.com"
    assert rule["http"]["paths"][0]["path"] == "/my/io/"


@pytest.mark.parametrize("platform", PLATFORMS, ids=lambda one: next(iter(one.NAMES)))
def test_a_platform_is_told_what_to_set(platform: Stack) -> None:
    plan = PLANS["rich"]
    assert platform.FIXES
    for slug, cure in platform.FIXES.items():
        fix = cure(Ask(slug, plan, Server(), (PAGE,)))
        assert fix is not None
        assert fix.language == "text"
        assert not {"<PATH>", "<HOST>", "<PAGE>"} & set(fix.after.split()), fix
        assert "<PATH>" not in fix.after
        assert "socket.io/" not in fix.after, "the path is the person's own"


def test_no_cause_of_a_platform_is_told_two_things() -> None:
    told = [(one.platform, slug) for one in SETTINGS for slug in one.slugs]
    assert len(told) == len(set(told)), sorted({one for one in told if told.count(one) > 1})
