"""An example of each cause: evidence of which the report's headline is that cause.

docs/rules shows what browsers print in it and how it is mended, and tests/test_docs.py holds that it is told so. A new
rule gets its example in the module of its family, or in one of its own, which is found by itself; a hint, which no
answer of a server shows, needs none.
"""

from importlib import import_module
from pkgutil import iter_modules

from sio_doctor.model import Evidence

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

EXAMPLES: dict[str, Evidence] = {}
for _module in iter_modules(__path__):
    for _slug, _example in getattr(import_module(f"{__name__}.{_module.name}"), "EXAMPLES", {}).items():
        if _slug in EXAMPLES:
            raise ValueError(f"there are two examples of {_slug}")
        EXAMPLES[_slug] = _example
