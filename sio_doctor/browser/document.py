"""The page from which the client connects, as a browser reads it: its real origin, its policies, its client. Pure.

https://html.spec.whatwg.org/#attr-meta-http-equiv-content-security-policy
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from sio_doctor.model import ContentPolicy, Document, Exchange, NoResponse, Plan, Response
from sio_doctor.standards import csp
from sio_doctor.standards import url as urls

_LOGIN = re.compile(r"log-?in|sign-?in|oauth|sso|saml|cloudflareaccess", re.IGNORECASE)


def document_of(plan: Plan, exchanges: Iterable[Exchange]) -> Document | None:
    """What those exchanges of purpose ``page`` say about the plan's page; None where the plan has none."""
    if plan.page is None:
        return None
    hops = [exchange for exchange in exchanges if exchange.purpose == "page"]
    last = hops[-1] if hops else None
    answer = last.answer if last is not None else NoResponse(kind="not-asked", message="It was not asked.")
    url = last.request.url if last is not None else plan.page
    status = answer.status if isinstance(answer, Response) else None
    if reason := _unread(plan.page, url, answer):
        # The same host by https, say, is where it is; where a login or a parking page is, it is not.
        place = url if urls.parse(url).host == urls.parse(plan.page).host else plan.page
        return Document(url=place, origin=urls.origin_of(place), status=status, reason=reason)
    assert isinstance(answer, Response)
    # Here and not above: without a page nobody pays for Python's parser of HTML.
    from sio_doctor.browser.markup import Head

    head = Head().read(answer.text)
    policies = (
        *(ContentPolicy(source="header", text=text) for text in answer.get_all("content-security-policy")),
        *(
            ContentPolicy(source="header", text=text, enforced=False)
            for text in answer.get_all("content-security-policy-report-only")
        ),
        *(ContentPolicy(source="meta", text=text) for text in head.policies),
    )
    document = Document(url=url, origin=urls.origin_of(url), status=status, csp=policies, client=head.client)
    if csp.makes_origin_opaque(csp.enforced(document)):
        return Document(url=url, origin="null", status=status, csp=policies, client=head.client)
    return document


def _unread(given: str, url: str, answer: Response | NoResponse) -> str | None:
    """Why that answer is not the page; None where it is."""
    if isinstance(answer, NoResponse):
        return answer.message
    if answer.status >= 400:
        return f"It was answered with status {answer.status}."
    if 300 <= answer.status < 400:
        return f"It is redirected to {answer.get('location') or 'nowhere'}, and no further."
    if url != given and _LOGIN.search(_place(url)) and not _LOGIN.search(_place(given)):
        return f"It is redirected to a login, {url.partition('?')[0]}."
    return None


def _place(url: str) -> str:
    parsed = urls.parse(url)
    return parsed.host + parsed.path
