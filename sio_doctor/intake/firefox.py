"""Firefox's lines, in English and, as far as header names and URLs tell, in every other language.

Its strings are in dom/locales/*/chrome/security and appstrings; the localised ones here are as people have pasted them.
"""

from __future__ import annotations

import re

from sio_doctor.intake.wording import Code, Wording

_FRAME = "Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote resource at U. "

#: What its network panel has in place of a size.
_PANEL: dict[str, Code] = {
    "CORS Failed": "network-error",
    "CORS Not HTTP": "redirect-scheme",
    "CORS Multiple Origin Not Allowed": "allow-origin-multiple",
    "CORS Missing Allow Origin": "allow-origin-missing",
    "CORS No Allow Credentials": "allow-origin-wildcard",
    "CORS Allow Origin Not Matching Origin": "allow-origin-mismatch",
    "CORS Missing Allow Credentials": "allow-credentials",
    "CORS External Redirect Not Allowed": "preflight-redirect",
    "CORS Preflight Did Not Succeed": "preflight-status",
    "CORS Invalid Allow Method": "allow-methods-invalid",
    "CORS Method Not Found": "method-not-allowed",
    "CORS Invalid Allow Header": "allow-headers-invalid",
    "CORS Missing Allow Header": "header-not-allowed",
    "Mixed Block": "mixed-content",
    "NS_BINDING_ABORTED": "aborted",
    "NS_ERROR_CONNECTION_REFUSED": "refused",
    "NS_ERROR_DOM_BAD_URI": "cors",
    "NS_ERROR_NET_EMPTY_RESPONSE": "connection-lost",
    "NS_ERROR_NET_INTERRUPT": "connection-lost",
    "NS_ERROR_NET_RESET": "connection-lost",
    "NS_ERROR_NET_TIMEOUT": "timeout",
    "NS_ERROR_OFFLINE": "offline",
    "NS_ERROR_PORT_ACCESS_NOT_ALLOWED": "bad-port",
    "NS_ERROR_PROXY_CONNECTION_REFUSED": "proxy",
    "NS_ERROR_REDIRECT_LOOP": "redirect-limit",
    "NS_ERROR_UNKNOWN_HOST": "dns",
    "SEC_ERROR_UNKNOWN_ISSUER": "certificate-untrusted",
    "MOZILLA_PKIX_ERROR_SELF_SIGNED_CERT": "certificate-untrusted",
    "SSL_ERROR_BAD_CERT_DOMAIN": "certificate-name-or-date",
    "SEC_ERROR_EXPIRED_CERTIFICATE": "certificate-name-or-date",
    "SSL_ERROR_RX_RECORD_TOO_LONG": "tls",
}

WORDINGS = (
    Wording(
        "allow-origin-missing",
        "CORS header 'Access-Control-Allow-Origin' missing",
        _FRAME + "(Reason: CORS header 'Access-Control-Allow-Origin' missing). Status code: 200.",
    ),
    Wording(
        "allow-origin-mismatch",
        "CORS header 'Access-Control-Allow-Origin' does not match '",
        _FRAME + "(Reason: CORS header 'Access-Control-Allow-Origin' does not match 'O2').",
    ),
    Wording(
        "allow-origin-multiple",
        "Multiple CORS header 'Access-Control-Allow-Origin' not allowed",
        _FRAME + "(Reason: Multiple CORS header 'Access-Control-Allow-Origin' not allowed).",
    ),
    Wording(
        "allow-origin-wildcard",
        "Credential is not supported if the CORS header 'Access-Control-Allow-Origin' is '*'",
        _FRAME + "(Reason: Credential is not supported if the CORS header 'Access-Control-Allow-Origin' is '*').",
    ),
    Wording(
        "allow-credentials",
        "expected 'true' in CORS header 'Access-Control-Allow-Credentials'",
        _FRAME + "(Reason: expected 'true' in CORS header 'Access-Control-Allow-Credentials').",
    ),
    Wording(
        "preflight-status",
        "CORS preflight response did not succeed",
        _FRAME + "(Reason: CORS preflight response did not succeed). Status code: 404.",
    ),
    Wording(
        "preflight-status",
        "CORS preflight channel did not succeed",
        _FRAME + "(Reason: CORS preflight channel did not succeed).",
    ),
    Wording(
        "preflight-redirect",
        "CORS request external redirect not allowed",
        _FRAME + "(Reason: CORS request external redirect not allowed).",
    ),
    Wording(
        "header-not-allowed",
        "' is not allowed according to header 'Access-Control-Allow-Headers' from CORS preflight response",
        _FRAME + "(Reason: header 'authorization' is not allowed according to header 'Access-Control-Allow-Headers' "
        "from CORS preflight response).",
    ),
    Wording(
        "header-not-allowed",
        "missing token '",
        _FRAME + "(Reason: missing token 'authorization' in CORS header 'Access-Control-Allow-Headers' from CORS "
        "preflight channel).",
    ),
    Wording(
        "allow-methods-invalid",
        "' in CORS header 'Access-Control-Allow-Methods'",
        _FRAME + "(Reason: invalid token 'PUT;DELETE' in CORS header 'Access-Control-Allow-Methods').",
    ),
    Wording(
        "allow-headers-invalid",
        "' in CORS header 'Access-Control-Allow-Headers'",
        _FRAME + "(Reason: invalid token 'x-a x-b' in CORS header 'Access-Control-Allow-Headers').",
    ),
    Wording(
        "method-not-allowed",
        "Did not find method in CORS header 'Access-Control-Allow-Methods'",
        _FRAME + "(Reason: Did not find method in CORS header 'Access-Control-Allow-Methods').",
    ),
    Wording("redirect-scheme", "CORS request not http", _FRAME + "(Reason: CORS request not http)."),
    Wording("cors-disabled", "Reason: CORS disabled", _FRAME + "(Reason: CORS disabled)."),
    Wording("cors", "CORS header 'Origin' cannot be added", _FRAME + "(Reason: CORS header 'Origin' cannot be added)."),
    Wording(
        "network-error",
        "CORS request did not succeed",
        _FRAME + "(Reason: CORS request did not succeed). Status code: (null).",
    ),
    Wording("network-error", "CORS request failed", _FRAME + "(Reason: CORS request failed)."),
    Wording(
        "cors",
        "This can be fixed by moving the resource to the same domain or enabling CORS",
        _FRAME + "This can be fixed by moving the resource to the same domain or enabling CORS.",
    ),
    Wording(
        "authorization-wildcard",
        "the `Authorization` header is not covered",
        "Cross-Origin Request Warning: The Same Origin Policy will disallow reading the remote resource at U soon. "
        "(Reason: When the `Access-Control-Allow-Headers` is `*`, the `Authorization` header is not covered.",
    ),
    Wording("mixed-content", "Blocked loading mixed active content", "Blocked loading mixed active content 'U'"),
    Wording("mixed-content", "SecurityError: The operation is insecure", "SecurityError: The operation is insecure."),
    Wording(
        "content-security-policy",
        "Content-Security-Policy: The page's settings",
        "Content-Security-Policy: The page's settings blocked the loading of a resource (connect-src) at U because it "
        "violates the following directive: \"connect-src 'self'\"",
    ),
    Wording(
        "content-security-policy",
        "Content Security Policy: The page's settings blocked",
        'Content Security Policy: The page\'s settings blocked the loading of a resource at U ("connect-src").',
    ),
    Wording(
        "websocket-handshake",
        "Firefox can't establish a connection to the server at",
        "Firefox can't establish a connection to the server at wss://U.",
    ),
    Wording(
        "websocket-interrupted",
        "was interrupted while the page was loading",
        "The connection to wss://U was interrupted while the page was loading.",
    ),
    *(Wording(code, words, words) for words, code in _PANEL.items()),
)

FRAMES = (Wording("cors", "Cross-Origin Request Blocked", _FRAME),)

FIELDS = (
    r"remote resource at '?(?P<url>\w.*?)'?[.;]? (?:soon|\(Reason|This can be fixed)",
    r"Status code: (?P<status>\d{3})\b",
    r"(?:XHR)?(?P<method>GET|POST|OPTIONS) ?(?P<url>https?://\S+)",
    r"mixed active content '(?P<url>.*?)'",
    r"to the server at (?P<url>\S+?)\.?$",
    r"The connection to (?P<url>\S+) was interrupted",
    r"loading of a resource (?:\(\S+\) )?at (?P<url>\S+)",
    r"'Access-Control-Allow-Origin' does not match '(?P<value>.*)'\)",
    r"invalid token '(?P<value>.*)' in CORS header",
    r"(?:header|missing token) '(?P<name>[^']*)' (?:is not allowed|in CORS header)",
)

_HEADER = re.compile(r"Access-Control-Allow ?-(Origin|Credentials|Headers|Methods)", re.IGNORECASE)
_QUOTED = re.compile(r"'\s*([^'\s]+(?:, [^'\s]+)*)\s*'")
#: All of it is ASCII, and some languages go on behind it without a blank.
_URL = re.compile(r"(?:https?|wss?)://[!#-&(-;=?-~]+")
#: The word for "several" in the languages that Firefox is used in most; without it the header was missing.
_SEVERAL = re.compile(r"\bm[uúù]ltiples?\b|mehrere|plusieurs|più|wiele|нескольк|複数|多个|多個|meerdere", re.IGNORECASE)


def localized(text: str) -> tuple[Code, dict[str, str]] | None:
    """What a line of a Firefox in another language says, as far as its URL, header names, values and status tell; None
    where it is not recognised. ``text`` has plain quotes.
    """
    found = _URL.search(text)
    if found is None:
        return None
    fields = {"url": found[0].rstrip(".,;:)")}
    if fields["url"].startswith("ws"):
        return ("websocket-handshake", fields) if "Firefox" in text else None
    rest = text[: found.start()] + text[found.end() :]
    # Every language keeps the name of the mechanism, and most the English name of the policy.
    if not re.search(r"\bCORS\b|CORS[^A-Za-z]|Cross-Origin|Same Origin", rest):
        return None
    if status := re.search(r"(?<![\d.])([1-5]\d\d)(?!\d)", rest):
        fields["status"] = status[1]
    header = _HEADER.search(rest)
    if header is None:
        return _without_header(rest), fields
    value = next((value for value in _QUOTED.findall(rest) if "Access-Control-" not in value), None)
    return _with_header(header[1].lower(), value, rest, fields)


def _without_header(rest: str) -> Code:
    if re.search(r"(?<![\d.])[1-5]\d\d(?!\d)", rest):
        return "preflight-status"
    return "network-error" if "(null)" in rest or "CORS" in rest else "cors"


def _with_header(header: str, value: str | None, rest: str, fields: dict[str, str]) -> tuple[Code, dict[str, str]]:
    if header == "credentials":
        return "allow-credentials", fields
    if header == "methods":
        return ("allow-methods-invalid", fields | {"value": value}) if value else ("method-not-allowed", fields)
    if header == "headers":
        if (value and value.lower() == "authorization") or "*" in rest:
            return ("authorization-wildcard" if "*" in rest else "header-not-allowed"), fields | {"name": value or ""}
        return "header-not-allowed", fields | ({"name": value} if value else {})
    if value == "*":
        return "allow-origin-wildcard", fields
    if value:
        return "allow-origin-mismatch", fields | {"value": value}
    return ("allow-origin-multiple" if _SEVERAL.search(rest) else "allow-origin-missing"), fields
