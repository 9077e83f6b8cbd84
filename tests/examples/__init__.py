"""An example of each cause: evidence of which the report's headline is that cause.

docs/rules shows what browsers print in it and how it is mended, and tests/test_docs.py holds that it is told so. A new
rule gets its example in the module of its family; a hint, which no answer of a server shows, needs none.
"""

from sio_doctor.model import Evidence
from tests.examples import application, handshake, origin, page, preflight, reach, session, websocket

#: Where the examples of a family are, by the first digit of its codes.
FAMILIES = {
    "0": "application",
    "1": "reach",
    "2": "handshake",
    "3": "origin",
    "4": "preflight",
    "5": "session",
    "6": "websocket",
    "7": "application",
    "8": "page",
}

EXAMPLES: dict[str, Evidence] = {
    slug: example
    for family in (reach, handshake, origin, preflight, session, websocket, application, page)
    for slug, example in family.EXAMPLES.items()
}
