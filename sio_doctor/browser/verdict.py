"""Why a browser refuses, in words for a person, and the standard's step that decided."""

from __future__ import annotations

from sio_doctor.browser.preflight import missing_names
from sio_doctor.browser.request import Refusal
from sio_doctor.model import Verdict, get
from sio_doctor.standards.csp import Directive
from sio_doctor.standards.fetch import CORS_CHECK_STEP
from sio_doctor.standards.url import Url, origin_of, serialize

_HEADERS = {
    "allow-credentials": "Access-Control-Allow-Credentials",
    "allow-methods-invalid": "Access-Control-Allow-Methods",
    "method-not-allowed": "Access-Control-Allow-Methods",
    "allow-headers-invalid": "Access-Control-Allow-Headers",
    "header-not-allowed": "Access-Control-Allow-Headers",
    "preflight-redirect": "Location",
    "csp": "Content-Security-Policy",
    "redirect-userinfo": "Location",
    "redirect-scheme": "Location",
}
_STEPS = {
    "preflight-redirect": "Fetch, CORS-preflight fetch, step 7",
    "preflight-status": "Fetch, CORS-preflight fetch, step 7",
    "allow-methods-invalid": "Fetch, CORS-preflight fetch, step 7.3",
    "allow-headers-invalid": "Fetch, CORS-preflight fetch, step 7.3",
    "method-not-allowed": "Fetch, CORS-preflight fetch, step 7.5",
    "header-not-allowed": "Fetch, CORS-preflight fetch, step 7.7",
    "redirect-limit": "Fetch, HTTP-redirect fetch, step 6",
    "redirect-scheme": "Fetch, HTTP-redirect fetch, step 5",
    "redirect-userinfo": "Fetch, HTTP-redirect fetch, step 9",
    "mixed-content": "Fetch, main fetch, step 7 (Mixed Content)",
    "bad-port": "Fetch, main fetch, step 7 (bad port)",
    "bad-header": "XMLHttpRequest, setRequestHeader(), step 4",
    "network-error": "Fetch, HTTP-network fetch",
}


def verdict_of(refusal: Refusal, console: tuple[str, ...]) -> Verdict:
    """The verdict, with whatever of header, needed and found applies."""
    code = refusal.code
    header = "Access-Control-Allow-Origin" if code.startswith("allow-origin") else _HEADERS.get(code)
    step = f"Fetch, CORS check, step {CORS_CHECK_STEP[code]}" if code in CORS_CHECK_STEP else _STEPS.get(code)
    if code == "csp":
        step = csp_step(refusal.directives)
    if code == "method-not-allowed" and refusal.stage == "url":
        header, step = None, "XMLHttpRequest, open(), step 3"
    return Verdict(
        allowed=None if code == "not-asked" else False,
        code=code,
        reason=_reason(refusal),
        step=step,
        stage=refusal.stage,
        header=header,
        needed=_needed(refusal),
        found=_found(refusal, header),
        console=console,
    )


def csp_step(directives: tuple[Directive, ...]) -> str:
    """Which check of the policy decided."""
    return f"CSP3, {directives[0].name} pre-request check"


def csp_reason(directives: tuple[Directive, ...], url: Url) -> str:
    """Which directive forbids that URL."""
    shown = serialize(Url(scheme=url.scheme, host=url.host, port=url.port), credentials=False)
    said = " and ".join(f'"{directive.text}"' for directive in directives)
    return f"The page's Content-Security-Policy does not let it connect to {shown}: {said}."


def _found(refusal: Refusal, header: str | None) -> str | None:
    if refusal.failure is not None:
        return refusal.failure.kind
    if refusal.directives:
        return ", ".join(directive.text for directive in refusal.directives)
    if refusal.code == "preflight-status" and refusal.response is not None:
        return str(refusal.response.status)
    if header is None or refusal.response is None:
        return None
    return get(refusal.response.headers, header)


def _needed(refusal: Refusal) -> str | None:
    code = refusal.code
    if code.startswith("allow-origin"):
        return refusal.origin
    match code:
        case "allow-credentials":
            return "true"
        case "csp":
            return origin_of(refusal.hop.url)
        case "method-not-allowed" if refusal.stage == "preflight":
            return refusal.name
        case "header-not-allowed":
            return ", ".join(_missing(refusal))
        case "preflight-status" | "preflight-redirect":
            return "200-299"
    return None


def _missing(refusal: Refusal) -> list[str]:
    return missing_names(refusal.fetch, refusal.hop, refusal.response) if refusal.response is not None else []


def _reason(refusal: Refusal) -> str:
    answer = {"preflight": "The answer to the preflight", "redirect": "The redirect"}.get(refusal.stage, "The answer")
    allow_origin = (
        get(refusal.response.headers, "access-control-allow-origin") if refusal.response is not None else None
    )
    status = refusal.response.status if refusal.response is not None else 0
    to = refusal.location or (serialize(refusal.target, credentials=False) if refusal.target is not None else "")
    match refusal.code:
        case "allow-origin-missing":
            return f"{answer} (status {status}) has no Access-Control-Allow-Origin header."
        case "allow-origin-mismatch":
            return f"{answer} allows the origin {allow_origin}; the page's is {refusal.origin}, byte for byte."
        case "allow-origin-multiple":
            return f"{answer} names several origins ({allow_origin}); a browser takes one alone."
        case "allow-origin-invalid":
            return f"{answer} has {allow_origin!r} for Access-Control-Allow-Origin, which is no origin."
        case "allow-origin-wildcard":
            return f"{answer} allows * as origin, which does not count for a request with credentials."
        case "allow-credentials":
            return f"{answer} does not say Access-Control-Allow-Credentials: true, and the request has credentials."
        case "preflight-status":
            return f"The preflight was answered with status {status}; it has to be one from 200 to 299."
        case "preflight-redirect":
            return f"The preflight was answered with a redirect to {to}; a preflight follows none."
        case "allow-methods-invalid":
            return f"Access-Control-Allow-Methods of the preflight cannot be read: {refusal.name!r} is no method."
        case "allow-headers-invalid":
            return f"Access-Control-Allow-Headers of the preflight cannot be read: {refusal.name!r} is no header name."
        case "method-not-allowed" if refusal.stage == "preflight":
            return f"The preflight does not allow the method {refusal.name}."
        case "method-not-allowed":
            return f"XMLHttpRequest refuses the method {refusal.name!r}."
        case "header-not-allowed":
            missing = _missing(refusal)
            return f"The preflight does not allow the header{'s' * (len(missing) > 1)} {', '.join(missing)}."
        case "redirect-userinfo":
            return f"The redirect leads to {to}, whose user and password no cross-origin request may carry."
        case "redirect-scheme" if refusal.stage == "url":
            return f"XMLHttpRequest cannot ask for {to}, which is no http(s) URL."
        case "redirect-scheme":
            return f"The redirect leads to {to!r}, which is no http(s) URL."
        case "redirect-limit":
            return "There were more than 20 redirects."
        case "csp":
            behind = "The server redirects, and behind it: " if refusal.stage == "redirect" else ""
            return behind + csp_reason(refusal.directives, refusal.hop.url)
        case "mixed-content":
            return f"A page over https may not ask for {to}, which is not over https."
        case "bad-port":
            return f"Browsers refuse to connect to port {(refusal.target or refusal.hop.url).effective_port}."
        case "bad-header":
            return f"XMLHttpRequest refuses the header {refusal.name!r}: its name or value is not valid."
    return refusal.failure.message if refusal.failure is not None else "The request failed."
