"""The Fetch standard's pure parts: methods, header safelists, the CORS check, header lists. Byte for byte.

https://fetch.spec.whatwg.org/ and, for ``setRequestHeader``, https://xhr.spec.whatwg.org/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Literal

from sio_doctor.model import HeaderList, get
from sio_doctor.standards.url import parse

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CORS_UNSAFE_BYTE = re.compile(r'[\x00-\x08\x0a-\x1f"():<>?@\[\\\]{}\x7f]')
_LANGUAGE = re.compile(r"[0-9A-Za-z *,.;=-]*")
_RANGE = re.compile(r"bytes=([0-9]+)-([0-9]*)")
_SAFE_MIME_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")
_FORBIDDEN_HEADERS = """
    accept-charset accept-encoding access-control-request-headers access-control-request-method connection
    content-length cookie cookie2 date dnt expect host keep-alive origin referer set-cookie te trailer
    transfer-encoding upgrade via
"""
_METHOD_OVERRIDES = ("x-http-method", "x-http-method-override", "x-method-override")

REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})

CorsFailure = Literal[
    "allow-origin-missing",
    "allow-origin-mismatch",
    "allow-origin-multiple",
    "allow-origin-invalid",
    "allow-origin-wildcard",
    "allow-credentials",
]


def is_token(text: str) -> bool:
    """https://httpwg.org/specs/rfc9110.html#tokens: what a method and a header name have to be."""
    return _TOKEN.fullmatch(text) is not None


def is_header_value(value: str) -> bool:
    """https://fetch.spec.whatwg.org/#header-value, of a value that was normalised; latin-1."""
    return not re.search(r"[\0\r\n]", value) and all(char <= "\xff" for char in value)


def normalize_value(value: str) -> str:
    """https://fetch.spec.whatwg.org/#concept-header-value-normalize"""
    return value.strip(" \t\r\n")


def is_forbidden_method(method: str) -> bool:
    """https://fetch.spec.whatwg.org/#forbidden-method"""
    return method.upper() in ("CONNECT", "TRACE", "TRACK")


def normalize_method(method: str) -> str:
    """Upper case for six methods; ``patch`` stays. https://fetch.spec.whatwg.org/#concept-method-normalize"""
    upper = method.upper()
    return upper if upper in ("DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT") else method


def is_cors_safelisted_method(method: str) -> bool:
    """https://fetch.spec.whatwg.org/#cors-safelisted-method"""
    return method in ("GET", "HEAD", "POST")


def is_forbidden_request_header(name: str, value: str) -> bool:
    """Is the header dropped without a word? https://fetch.spec.whatwg.org/#forbidden-request-header"""
    name = name.lower()
    if name in _FORBIDDEN_HEADERS.split() or name.startswith(("proxy-", "sec-")):
        return True
    return name in _METHOD_OVERRIDES and any(is_forbidden_method(method.strip(" \t")) for method in value.split(","))


def combine(headers: HeaderList, name: str, value: str) -> HeaderList:
    """The list after ``setRequestHeader``: a second value of a name joins the first.

    https://fetch.spec.whatwg.org/#concept-header-list-combine
    """
    if get(headers, name) is None:
        return (*headers, (name, value))
    lower = name.lower()
    return tuple((key, f"{old}, {value}") if key.lower() == lower else (key, old) for key, old in headers)


def parse_mime_type(value: str) -> tuple[str, list[tuple[str, str]]] | None:
    """The essence (lower case) and the parameters (names lower case, first of each); None where it is no MIME type.

    https://mimesniff.spec.whatwg.org/#parsing-a-mime-type
    """
    essence, *rest = value.strip(" \t\r\n").split(";")
    kind, slash, subtype = essence.partition("/")
    subtype = subtype.rstrip(" \t\r\n")
    if not slash or not is_token(kind) or not is_token(subtype):
        return None
    parameters: dict[str, str] = {}
    for parameter in rest:
        name, sign, text = parameter.lstrip(" \t\r\n").partition("=")
        text = re.sub(r"\\(.)", r"\1", text[1:].partition('"')[0]) if text.startswith('"') else text.rstrip(" \t\r\n")
        if sign and is_token(name) and text and "\x7f" not in text:
            parameters.setdefault(name.lower(), text)
    return f"{kind}/{subtype}".lower(), list(parameters.items())


def content_type_of_text(given: str | None) -> str:
    """The Content-Type of a string body: the author's, its charset made UTF-8, or the default.

    https://xhr.spec.whatwg.org/#the-send()-method, step 4
    """
    if given is None:
        return "text/plain;charset=UTF-8"
    mime = parse_mime_type(given)
    if mime is None or dict(mime[1]).get("charset", "utf-8").lower() == "utf-8":
        return given
    essence, parameters = mime
    return essence + "".join(
        f";{name}={'UTF-8' if name == 'charset' else text if is_token(text) else _quoted(text)}"
        for name, text in parameters
    )


def _quoted(text: str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def is_cors_safelisted_request_header(name: str, value: str) -> bool:
    """May it go without a preflight? https://fetch.spec.whatwg.org/#cors-safelisted-request-header"""
    # 1. If value's length is greater than 128, then return false.
    if len(value.encode("latin-1", errors="replace")) > 128:
        return False
    # 2. Byte-lowercase name and switch on the result.
    match name.lower():
        case "accept":
            return not _CORS_UNSAFE_BYTE.search(value)
        case "accept-language" | "content-language":
            return _LANGUAGE.fullmatch(value) is not None
        case "content-type":
            mime = parse_mime_type(value)
            return not _CORS_UNSAFE_BYTE.search(value) and mime is not None and mime[0] in _SAFE_MIME_TYPES
        case "range":
            bounds = _RANGE.fullmatch(value)
            return bounds is not None and (not bounds[2] or int(bounds[1]) <= int(bounds[2]))
    return False


def cors_unsafe_request_header_names(
    headers: Iterable[tuple[str, str]],
    safelisted: Callable[[str, str], bool] = is_cors_safelisted_request_header,
) -> list[str]:
    """The names that need a preflight: lower case, each once, sorted by bytes.

    https://fetch.spec.whatwg.org/#cors-unsafe-request-header-names
    """
    unsafe, potentially_unsafe, size = set(), set(), 0
    for name, value in headers:
        if not safelisted(name, value):
            unsafe.add(name.lower())
        else:
            potentially_unsafe.add(name.lower())
            size += len(value)
    return sorted(unsafe | potentially_unsafe if size > 1024 else unsafe)


def cors_check(origin: str, credentials: bool, headers: HeaderList) -> CorsFailure | None:
    """Why a response may not be read by that origin; None where it may.

    The standard knows failure alone; which failure it is serves people. https://fetch.spec.whatwg.org/#cors-check
    """
    # 1. Let origin be the result of getting `Access-Control-Allow-Origin` from response's header list.
    allow_origin = get(headers, "access-control-allow-origin")
    # 2. If origin is null, then return failure.
    if allow_origin is None:
        return "allow-origin-missing"
    # 3. If request's credentials mode is not "include" and origin is `*`, then return success.
    if not credentials and allow_origin == "*":
        return None
    # 4. If the result of byte-serializing a request origin with request is not origin, then return failure.
    if allow_origin != origin:
        return _mismatch(allow_origin)
    # 5. If request's credentials mode is not "include", then return success.
    # 6. Let credentials be the result of getting `Access-Control-Allow-Credentials` from response's header list.
    # 7. If credentials is `true`, then return success.
    if not credentials or get(headers, "access-control-allow-credentials") == "true":
        return None
    # 8. Return failure.
    return "allow-credentials"


def _mismatch(allow_origin: str) -> CorsFailure:
    if allow_origin == "*":
        return "allow-origin-wildcard"
    if re.search("[ ,]", allow_origin):
        return "allow-origin-multiple"
    try:
        if allow_origin != "null":
            parse(allow_origin.encode("latin-1", errors="replace").decode(errors="replace"))
    except ValueError:
        return "allow-origin-invalid"
    return "allow-origin-mismatch"


#: The step of the CORS check that each failure is.
CORS_CHECK_STEP: dict[str, int] = {
    "allow-origin-missing": 2,
    "allow-origin-wildcard": 4,
    "allow-origin-mismatch": 4,
    "allow-origin-multiple": 4,
    "allow-origin-invalid": 4,
    "allow-credentials": 8,
}


def extract_list(headers: HeaderList, name: str) -> tuple[list[str], str | None]:
    """The members of a header that is a list of tokens, and the first that is no token.

    Empty members do not count. https://fetch.spec.whatwg.org/#extract-header-list-values
    """
    members = [member.strip(" \t") for member in (get(headers, name) or "").split(",")]
    members = [member for member in members if member]
    return members, next((member for member in members if not is_token(member)), None)
