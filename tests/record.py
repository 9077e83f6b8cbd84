"""Records the evidence that documents and tests replay: ``python -m tests.record [NAME]...``, or ``make record``."""

from __future__ import annotations

import asyncio
import sys

import msgspec

from sio_doctor import gather, make_plan
from tests.recordings import FOLDER, RECORDINGS, Recording

README = """# Recorded evidence

Each file is the `Evidence` of one run of sio-doctor, as `gather` returned it, unedited: it replays with no network.

| file | recorded from | on |
|---|---|---|
{rows}

Made again by `make record`, which installs what each server needs into `build/record`.
"""


def main(names: list[str]) -> None:
    """Runs each server, asks it, and writes what was seen; all of them where none is named."""
    rows = []
    for recording in RECORDINGS:
        if not names or recording.name in names:
            record(recording)
        started = msgspec.json.decode((FOLDER / f"{recording.name}.json").read_bytes())["started"]
        rows.append(f"| `{recording.name}.json` | {recording.server} | {started[:10]} |")
    (FOLDER / "README.md").write_text(README.format(rows="\n".join(rows)))


def record(recording: Recording) -> None:
    """Writes the evidence of one run."""
    with recording.start() as url:
        evidence = asyncio.run(gather(make_plan(url, **recording.asked)))
    (FOLDER / f"{recording.name}.json").write_bytes(msgspec.json.format(msgspec.json.encode(evidence)) + b"\n")
    print(f"{recording.name}: {len(evidence.exchanges)} exchanges with {recording.server}")


if __name__ == "__main__":
    main(sys.argv[1:])
