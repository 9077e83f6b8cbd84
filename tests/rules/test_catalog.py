"""No cause that people really have is left out: each name is a rule, or another name of one."""

from __future__ import annotations

from inspect import cleandoc

import pytest

from sio_doctor.catalog import entry
from sio_doctor.explain import explain
from sio_doctor.rules import ALIASES, RULES, find
from sio_doctor.rules.base import alias, rule

CATALOG = {
    "not reaching a Socket.IO server at all": """
        server-refused server-timeout dns-fails bound-to-loopback localhost-in-production localhost-ipv6-mismatch
         port-missing-or-wrong unsafe-port
        macos-port-5000 plain-websocket-server html-instead-of-handshake app-listen-not-server-listen path-mismatch
        path-vs-namespace trailing-slash-path wrong-path-hangs asgi-mount-path proxy-strips-path serverless-host
        gateway-5xx-no-cors tunnel-or-preview-auth""",
    "origins": """
        cors-not-configured express-cors-only nest-enablecors-only v2-options-on-v3 cors-option-shape
        origin-star-in-array origin-not-in-list origin-trailing-slash origin-scheme origin-port origin-www-subdomain
        origin-localhost-vs-127 static-origin-mismatch origin-no-scheme origin-comma-list origin-callback-error
        null-origin app-scheme-origin client-sets-response-header v2-origins-needs-port v240-closed-default""",
    "sessions and load balancing": """
        no-sticky-sessions sticky-cookie-not-sent two-instances-one-server restart-or-sleep request-overlap
        payload-limits""",
    "redirects": "redirect-http-to-https redirect-www-apex redirect-to-login redirect-slash",
    "versions and transports": """
        client-too-old server-too-old ws-only-version-mismatch transport-unknown transport-disabled allow-upgrades-off
        parser-mismatch netty-specifics""",
    "the upgrade": """
        ws-proxy-no-upgrade ws-platform-off ws-two-servers-conflict ws-dev-proxy ws-middlebox ws-allowrequest-origin
        ws-frame-corruption ws-idle-timeout""",
    "TLS, mixed content, the browsers' policies": """
        mixed-content tls-untrusted tls-name-or-date tls-plain-mixup local-network-access blocked-by-extension
        hsts-upgrade service-worker-or-cache tls-cdn-origin csp-connect-src""",
    "authorisation and filters": """
        allowrequest-403 connect-middleware-error invalid-namespace no-connect-reply waf-or-challenge basic-auth-or-401
        rate-limit method-or-size-filter""",
    "the client": """
        rn-android-cleartext extraheaders-ignored-ws option-typos closed-before-established cors-seen-in-node-client""",
}


@pytest.mark.parametrize("family", CATALOG)
def test_every_name_is_a_rule_or_another_name_of_one(family: str) -> None:
    names = CATALOG[family].split()
    assert [name for name in names if name not in RULES and name not in ALIASES] == []


def test_another_name_leads_to_a_rule_and_is_none_itself() -> None:
    assert ALIASES
    for name, other in ALIASES.items():
        assert name not in RULES
        assert other.target in RULES
        assert other.reason.endswith(".")
        assert find(name) is RULES[other.target]


def test_a_rule_is_found_by_code_and_slug_however_written() -> None:
    for name in ("SIO205", "sio205", "path-mismatch", "Path-Mismatch"):
        assert find(name) is RULES["path-mismatch"]
    assert find("SIO999") is None


def test_a_name_is_taken_once() -> None:
    with pytest.raises(ValueError, match="twice"):
        alias("path-mismatch", "server-refused", "No.")
    with pytest.raises(ValueError, match="twice"):
        rule("SIO999", "redirect-slash", "No", RULES["path-mismatch"].rung)(lambda case: [])


def test_every_rule_says_how_it_is_told_and_what_it_is_not() -> None:
    for known in RULES.values():
        text, one = cleandoc(known.doc), entry(known)
        assert text.startswith(one.summary)
        for head, part in (("How it is told", one.how_told), ("What it is not", one.what_not)):
            assert part
            assert f"**{head}.** {part}" in text
        assert not one.means or one.means in text
        # Nothing of it is lost.
        assert len(one.summary + one.means + one.how_told + one.what_not) > len(text) - 70


def test_explain_takes_another_name_and_says_why() -> None:
    told = explain(["redirect-slash"])
    assert told.known
    assert [rule.slug for rule in told.rules] == ["trailing-slash-path"]
    assert told.notes == (f"redirect-slash is another name of trailing-slash-path: {ALIASES['redirect-slash'].reason}",)
    assert explain(["trailing-slash-path"]).notes == ()
    assert explain(["redirect-slas"]).unread[0].nearest == "redirect-slash"
