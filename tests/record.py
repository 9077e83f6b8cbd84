"""Records the evidence that documents and tests replay: ``python -m tests.record``. See tests/evidence/README.md."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from sio_doctor import gather, make_plan
from tests.servers.node import node

FOLDER = Path(__file__).parent / "evidence"


def main() -> None:
    """Runs each server, asks it, and writes what was seen."""
    with node("4.8") as url:
        evidence = asyncio.run(gather(make_plan(url, origins=["http://localhost:8080"])))
    (FOLDER / "no-cors.json").write_bytes(msgspec.json.format(msgspec.json.encode(evidence)) + b"\n")


if __name__ == "__main__":
    main()
