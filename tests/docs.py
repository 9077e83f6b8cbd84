"""Makes the generated documents: ``python -m tests.docs`` writes them, with ``--check`` says which are not fresh.

docs/rules.md and the pages of docs/rules from the rules (``rule_pages``), docs/report.schema.json from the types,
docs/diagnosis.svg from recorded evidence (tests/evidence/README.md says of what), and the help text in the README from
the command itself.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import msgspec

from sio_doctor import report_on
from sio_doctor.model import Evidence, Report
from sio_doctor.render.svg import svg
from tests import rule_pages

ROOT = Path(__file__).parent.parent
EVIDENCE = ROOT / "tests" / "evidence" / "no-cors.json"


def schema() -> str:
    """docs/report.schema.json: the JSON Schema of the report."""
    return json.dumps({"$schema": SCHEMA, "title": "sio-doctor report", **msgspec.json.schema(Report)}, indent=2) + "\n"


SCHEMA = "https://json-schema.org/draft/2020-12/schema"


def picture() -> str:
    """docs/diagnosis.svg: a real diagnosis as the terminal shows it."""
    evidence = msgspec.json.decode(EVIDENCE.read_bytes(), type=Evidence)
    return svg(report_on(evidence), width=100, title="sio-doctor check")


def readme() -> str:
    """README.md with the present help text of ``check`` between its marks."""
    environment = {**os.environ, "COLUMNS": "100", "TERMINAL_WIDTH": "100", "NO_COLOR": "1", "TERM": "dumb"}
    command = [sys.executable, "-m", "sio_doctor", "check", "--help"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    shown = "\n".join(line.rstrip() for line in done.stdout.strip("\n").splitlines())
    text = (ROOT / "README.md").read_text()
    return re.sub(r"(?s)(<!-- help -->\n```\n).*?(\n```\n)", lambda match: match[1] + shown + match[2], text)


DOCUMENTS = {
    "docs/rules.md": rule_pages.index,
    "docs/report.schema.json": schema,
    "docs/diagnosis.svg": picture,
    "README.md": readme,
}


def documents() -> dict[str, str]:
    """The text of every document that is generated, by its path."""
    return {name: make() for name, make in DOCUMENTS.items()} | rule_pages.pages()


def left_over() -> list[str]:
    """Pages of causes that are no more."""
    names = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs" / "rules").glob("*")}
    return sorted(names - rule_pages.pages().keys())


def main() -> int:
    """Writes every document; with ``--check`` writes none, and returns 1 where one is not fresh."""
    stale = {name: text for name, text in documents().items() if not fresh(name, text)}
    unwanted = left_over()
    if "--check" in sys.argv:
        print("\n".join(f"{name} is not fresh: run make docs" for name in [*stale, *unwanted]))
        return 1 if stale or unwanted else 0
    for name, text in stale.items():
        (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / name).write_text(text)
        print(f"wrote {name}")
    for name in unwanted:
        (ROOT / name).unlink()
        print(f"removed {name}")
    return 0


def fresh(name: str, text: str) -> bool:
    """Whether that document is what it would be if it were made now."""
    path = ROOT / name
    return path.exists() and path.read_text() == text


if __name__ == "__main__":
    sys.exit(main())
