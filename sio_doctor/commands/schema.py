"""``sio-doctor schema``: the JSON Schema of the report, for programs that read it."""

from __future__ import annotations


def schema() -> None:
    """Prints the JSON Schema (2020-12) of what --json writes."""
    import json

    import msgspec

    from sio_doctor.model import Report

    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "sio-doctor report"}
    print(json.dumps({**head, **msgspec.json.schema(Report)}, indent=2))
