"""A page as it was read: where it is, its policies, and which client it loads."""

from __future__ import annotations

import pytest

from sio_doctor.browser.document import document_of
from sio_doctor.model import ContentPolicy, Document, Exchange, HeaderList, NoResponse, Request, Response
from tests.rules.build import make_plan

URL = "https://shop.example.com/chat"


def read(*answers: tuple[str, Response | NoResponse], page: str = URL) -> Document:
    exchanges = [
        Exchange(
            id=number,
            purpose="page",
            request=Request(method="GET", url=url),
            response=answer if isinstance(answer, Response) else None,
            failure=answer if isinstance(answer, NoResponse) else None,
        )
        for number, (url, answer) in enumerate(answers, 1)
    ]
    document = document_of(make_plan(page=page), exchanges)
    assert document is not None
    return document


def page(body: str = "", *headers: tuple[str, str], status: int = 200) -> Response:
    return Response(status=status, headers=headers, body=body)


def to(location: str) -> Response:
    return Response(status=302, headers=(("Location", location),))


def meta(text: str) -> str:
    return f'<meta http-equiv="Content-Security-Policy" content="{text}">'


def policies(body: str) -> list[str]:
    return [policy.text for policy in read((URL, page(body))).csp]


def test_headers_and_meta_elements_in_order() -> None:
    headers: HeaderList = (
        ("content-security-policy", "default-src 'self'"),
        ("Content-Security-Policy-Report-Only", "connect-src 'none'"),
        ("Content-Security-Policy", "connect-src *"),
    )
    document = read((URL, page(f"<!doctype html><html><head>{meta('connect-src a')}</head>", *headers)))
    assert document.csp == (
        ContentPolicy(source="header", text="default-src 'self'"),
        ContentPolicy(source="header", text="connect-src *"),
        ContentPolicy(source="header", text="connect-src 'none'", enforced=False),
        ContentPolicy(source="meta", text="connect-src a"),
    )
    assert (document.url, document.origin, document.status, document.reason) == (
        URL,
        "https://shop.example.com",
        200,
        None,
    )


@pytest.mark.parametrize(
    "body",
    [
        meta("x"),
        f"<!DOCTYPE html>\n<title>{meta('no')}</title><!-- {meta('no')} --><script>'{meta('no')}'</script>{meta('x')}",
        '<META CONTENT="x" HTTP-EQUIV="content-security-POLICY">',
        f"<head><noscript>{meta('no')}</noscript><template>{meta('no')}</template>{meta('x')}</head>",
        f"<head>{meta('x')}</head>{meta('no')}",
        f"<head>{meta('x')}<div>{meta('no')}",
        f"{meta('x')}some text{meta('no')}",
        f"{meta('x')}<![foo[ {meta('no')}",
    ],
)
def test_a_meta_element_counts_in_the_head_alone(body: str) -> None:
    assert policies(body) == ["x"]


def test_entities_and_empty_ones() -> None:
    assert policies(meta("connect-src &#39;self&#39;") + meta("")) == ["connect-src 'self'", ""]
    assert policies('<meta http-equiv="Content-Security-Policy"><meta name=x><meta charset>') == [""]


def test_the_origin_is_where_redirects_lead() -> None:
    document = read(
        ("http://example.com/", to("https://example.com/")),
        ("https://example.com/", to("https://www.example.com/")),
        ("https://www.example.com/", page()),
        page="http://example.com/",
    )
    assert (document.url, document.origin) == ("https://www.example.com/", "https://www.example.com")


@pytest.mark.parametrize(
    ("answers", "origin", "words"),
    [
        ([(URL, NoResponse(kind="dns", message="No such name."))], "https://shop.example.com", "No such name."),
        ([(URL, page(status=404))], "https://shop.example.com", "status 404"),
        ([(URL, to("https://id.example.net/login?x=1")), ("https://id.example.net/login?x=1", page())],
         "https://shop.example.com", "a login, https://id.example.net/login."),
        ([(URL, to("ftp://x/"))], "https://shop.example.com", "ftp://x/"),
        ([], "https://shop.example.com", "not asked"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_has_the_origin_of_its_address(
    answers: list[tuple[str, Response | NoResponse]], origin: str, words: str
) -> None:
    document = read(*answers)
    assert (document.url, document.origin, document.csp) == (URL, origin, ())
    assert words in (document.reason or "")


def test_a_login_of_the_same_host_tells_its_scheme() -> None:
    document = read(
        ("http://shop.example.com/", to("https://shop.example.com/login")),
        ("https://shop.example.com/login", page()),
        page="http://shop.example.com/",
    )
    assert document.origin == "https://shop.example.com"
    assert document.reason


def test_a_login_that_was_asked_for_is_the_page() -> None:
    assert read(("https://shop.example.com/login", page()), page="https://shop.example.com/login").reason is None


def test_opaque_origins() -> None:
    sandboxed = read((URL, page("", ("Content-Security-Policy", "sandbox allow-scripts"))))
    assert (sandboxed.url, sandboxed.origin) == (URL, "null")
    file = "file:///home/me/index.html"
    assert read((file, page(meta("connect-src 'none'"))), page=file).origin == "null"


@pytest.mark.parametrize(
    ("source", "version"),
    [
        ("https://cdn.socket.io/4.8.1/socket.io.min.js", "4.8.1"),
        ("https://cdnjs.cloudflare.com/ajax/libs/socket.io/2.3.0/socket.io.js", "2.3.0"),
        ("https://cdn.jsdelivr.net/npm/socket.io-client@4/dist/socket.io.js", "4"),
        ("https://unpkg.com/socket.io-client@3.1.3/dist/socket.io.min.js", "3.1.3"),
        ("https://cdn.socket.io/socket.io-1.2.0.js", "1.2.0"),
        ("/socket.io/socket.io.js", None),
    ],
)
def test_the_client_that_it_loads(source: str, version: str | None) -> None:
    assert read((URL, page(f'<body><script src="{source}"></script>'))).client == version
