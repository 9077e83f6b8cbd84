"""ingress-nginx, the nginx of Kubernetes, whose configuration is written by the annotations of an Ingress.

The annotations: https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/annotations/
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from sio_doctor.model import Evidence, Fix, Server
from sio_doctor.stacks.base import Ask, Claim, Cure, Side, block, conf, has_layer
from sio_doctor.stacks.proxied import at_the_usual_path, layered, name, netloc, of_the_post, own_page, path, tls

SIDE: Side = "proxy"
NAMES = {"ingress-nginx": "ingress-nginx"}
PREFIX = "nginx.ingress.kubernetes.io/"


def fits(server: Server) -> bool:
    """ingress-nginx is in front."""
    return has_layer(server, "ingress-nginx")


def recognise(evidence: Evidence) -> Claim | None:
    """Its marks are among those of ``hosts``."""
    return None


def _lines(annotations: Mapping[str, str]) -> list[str]:
    return [f"{PREFIX}{key}: {json.dumps(value)}" for key, value in annotations.items()]


def _fix(title: str, where: str, after: str, before: str | None) -> Fix:
    return Fix(
        stack="ingress-nginx", side="proxy", title=title, where=where, language="yaml", before=before, after=after
    )  # fmt: skip


def _annotating(ask: Ask, title: str, annotations: Mapping[str, str], before: Mapping[str, str]) -> Fix:
    """Annotations for the Ingress that is there: a merge patch, so they can be pasted or applied as they are."""
    where = (
        f"in the Ingress that serves {path(ask)}: among its metadata.annotations, or as a file that kubectl patch "
        "ingress NAME --patch-file FILE --type merge takes"
    )
    after = block("metadata:", [block("annotations:", _lines(annotations), "").rstrip()], "").rstrip()
    return _fix(title, where, after, "\n".join(_lines(before)))


def _annotated(title: str, annotations: Mapping[str, str], *, before: Mapping[str, str]) -> Cure:
    return lambda ask: _annotating(ask, title, annotations, before)


def _apart(title: str, annotations: Mapping[str, str] | None = None, *, before: Mapping[str, str]) -> Cure:
    """An Ingress of its own: the annotations of another one do not hold for its path."""

    def cure(ask: Ask) -> Fix:
        where = "a file of its own, for kubectl apply -f; your other Ingress stays as it is"
        return _fix(title, where, _ingress(ask, annotations or {}), "\n".join(_lines(before)))

    return cure


def _ingress(ask: Ask, annotations: Mapping[str, str]) -> str:
    """The manifest. A path with a dot needs ImplementationSpecific: strict validation takes none in a Prefix."""
    host, port = name(ask), netloc(ask.upstream).rpartition(":")[2]
    # A host in an Ingress is a DNS name.
    named = f"- host: {host}\n  http:" if re.search(r"[A-Za-z].*\.|\..*[A-Za-z]", host) else "- http:"
    backend = [
        f"- path: {path(ask)}",
        "  pathType: ImplementationSpecific",
        "  backend:",
        "    service:",
        "      name: socketio   # your Service",
        "      port:",
        f"        number: {port}",
    ]
    metadata = ["name: socketio"]
    if annotations:
        metadata.append(block("annotations:", _lines(annotations), "").rstrip())
    rules = block("rules:", [named + "\n    paths:\n" + "\n".join("      " + line for line in backend)], "").rstrip()
    return "\n".join(
        [
            "apiVersion: networking.k8s.io/v1",
            "kind: Ingress",
            block("metadata:", metadata, "").rstrip(),
            block("spec:", ["ingressClassName: nginx   # that of your other Ingress", rules], "").rstrip(),
        ]
    )


def _sticky(ask: Ask) -> Fix:
    """By a cookie where the page sends it back; else by address, a CDN's aside."""
    before = {"load-balance": "round_robin"}
    if ask.credentials and tls(ask) and ask.slug != "preflight-not-sticky":
        annotations = {
            "affinity": "cookie",
            "affinity-mode": "persistent",
            "session-cookie-samesite": "None",
            "session-cookie-secure": "true",
        }
        return _annotating(ask, "Keep each client on one pod, by a cookie", annotations, before)
    key = "$http_cf_connecting_ip" if ask.layer("Cloudflare") else "$binary_remote_addr"
    title = (
        "Keep each client on one pod, by its address (which the Service has to pass on: externalTrafficPolicy Local)"
    )
    return _annotating(ask, title, {"upstream-hash-by": key}, before)


def _cookie(ask: Ask) -> Fix:
    annotations = {"affinity": "cookie", "session-cookie-samesite": "None", "session-cookie-secure": "true"}
    title = "Let the cookie go between two sites, which takes https; Safari sends it to none but its own"
    return _annotating(ask, title, annotations, {"session-cookie-samesite": "Lax"})


def _behind_tls(ask: Ask) -> Fix:
    data = {"use-forwarded-headers": "true"}
    after = "\n".join(
        [
            "apiVersion: v1",
            "kind: ConfigMap",
            block("metadata:", ["name: ingress-nginx-controller", "namespace: ingress-nginx"], "").rstrip(),
            block("data:", [f"{key}: {json.dumps(value)}" for key, value in data.items()], "").rstrip(),
        ]
    )
    title = (
        "Pass on the scheme that the load balancer in front says: python-socketio compares the page's origin with it"
    )
    where = (
        "the controller's ConfigMap, for kubectl apply -f; only where nobody reaches the controller past the load "
        "balancer, since whoever does could then say any scheme and address"
    )
    return _fix(title, where, after, 'use-forwarded-headers: "false"')


def _no_cors(title: str) -> Cure:
    """Its CORS is a second layer before Socket.IO's own."""

    def cure(ask: Ask) -> Fix | None:
        seen = conf(ask.details.get("allow-origin", "*").rpartition(",")[2].strip(), "*")
        before = {"enable-cors": "true", "cors-allow-origin": seen}
        return _apart(title, {"enable-cors": "false"}, before=before)(ask)

    return cure


_size = _annotated(
    "Let bodies through as large as Socket.IO takes (1 MB)", {"proxy-body-size": "2m"}, before={"proxy-body-size": "1k"}
)
_elsewhere = _no_cors("Let Socket.IO alone answer with CORS headers: no enable-cors on its path")
_kept = _apart("Pass the path on as it came: no rewrite-target on it", before={"rewrite-target": "/"})
_scheme = _apart(
    "Let Socket.IO be served where it is asked, without a redirect",
    {"ssl-redirect": "false", "force-ssl-redirect": "false"},
    before={"force-ssl-redirect": "true"},
)

FIXES: dict[str, Cure] = {
    "no-sticky-sessions": _sticky,
    "preflight-not-sticky": _sticky,
    "sticky-cookie-not-sent": _cookie,
    "ws-idle-timeout": _annotated(
        "Let it wait much longer than Socket.IO is quiet",
        {"proxy-read-timeout": "3600", "proxy-send-timeout": "3600"},
        before={"proxy-read-timeout": "20"},
    ),
    "ws-proxy-no-upgrade": _apart(
        "Pass the Upgrade on: it does so unless told another Connection header or HTTP version",
        before={"connection-proxy-header": "keep-alive", "proxy-http-version": "1.0"},
    ),
    "two-instances-one-server": _apart(
        "Pass WebSockets and polling to the same Service", before={"canary": "true", "canary-weight": "50"}
    ),
    "duplicate-acao-proxy": _elsewhere,
    "wildcard-with-credentials": _elsewhere,
    "any-origin-with-credentials": _elsewhere,
    "null-origin-allowed": _elsewhere,
    "acah-star-limits": _elsewhere,
    "static-origin-mismatch": _elsewhere,
    "preflight-header-not-allowed": layered("layer-preflight")(_elsewhere),
    "preflight-empty-2xx": _elsewhere,
    "acac-missing": layered("layer-origin")(_elsewhere),
    "preflight-unhandled-v2": layered("layer-origin")(_elsewhere),
    "path-mismatch": at_the_usual_path(_kept),
    "wrong-path-hangs": at_the_usual_path(_kept),
    "proxy-strips-path": _kept,
    "html-instead-of-handshake": _apart(
        "Give Socket.IO's path its own Service: the longest path wins", before={"rewrite-target": "/index.html"}
    ),
    "gateway-5xx-no-cors": _apart(
        "Name the Service and the port where Socket.IO listens; kubectl get endpoints has to show a ready pod",
        before={"backend-protocol": "HTTPS"},
    ),
    "method-or-size-filter": _size,
    "payload-limits": _size,
    "error-response-without-cors": of_the_post(_size, statuses=("413",)),
    "preflight-blocked-upstream": _apart(
        "Let preflights through to Socket.IO, and check the client's token in a middleware: browsers send no password "
        "with them",
        before={"auth-type": "basic", "auth-secret": "passwords"},
    ),
    "basic-auth-or-401": _apart(
        "Let Socket.IO through without the password, and check the client's token in a middleware",
        before={"auth-type": "basic", "auth-secret": "passwords"},
    ),
    "redirect-to-login": _apart(
        "Let Socket.IO through without the login, and check the client's token in a middleware",
        {"enable-global-auth": "false"},
        before={"auth-url": "https://login.example.com/oauth2/auth"},
    ),
    "redirect-loop": _scheme,
    "preflight-redirect": _scheme,
    "rate-limit": _apart(
        "Give Socket.IO a limit of its own: polling asks often",
        {"limit-rps": "20", "limit-burst-multiplier": "5"},
        before={"limit-rps": "1"},
    ),
    "request-overlap": _annotated(
        "Send each request once: a second one ends the session",
        {"proxy-next-upstream": "off"},
        before={"proxy-next-upstream": "error timeout"},
    ),
    "python-behind-tls-proxy": _behind_tls,
    "python-origin-not-accepted": lambda ask: _behind_tls(ask) if own_page(ask) else None,
    "tls-client-certificate": _annotated(
        "Ask for no client certificate where Socket.IO is served, and let the application say who may connect",
        {"auth-tls-verify-client": "off"},
        before={"auth-tls-verify-client": "on"},
    ),
}
