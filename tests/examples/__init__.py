"""An example of each cause: evidence of which the report's headline is that cause.

docs/rules shows what browsers print in it and how it is mended, and tests/test_docs.py holds that it is told so. A new
rule gets its example in the module of its family; a hint, which no answer of a server shows, needs none.
"""

from sio_doctor.model import Evidence
from tests.examples import application, handshake, origin, page, preflight, reach, session, websocket

EXAMPLES: dict[str, Evidence] = {
    slug: example
    for family in (reach, handshake, origin, preflight, session, websocket, application, page)
    for slug, example in family.EXAMPLES.items()
}
