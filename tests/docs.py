"""Makes the generated documents: ``python -m tests.docs`` writes them, with ``--check`` says which are not fresh.

docs/rules.md from the rules' docstrings, docs/report.schema.json from the types, docs/diagnosis.svg from recorded
evidence (tests/evidence/README.md says of what), and the help text in the README from the command itself.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from inspect import cleandoc
from pathlib import Path

import msgspec

from sio_doctor import report_on
from sio_doctor.model import Evidence
from sio_doctor.render.svg import svg
from sio_doctor.rules import ALIASES, RULES, Rule

ROOT = Path(__file__).parent.parent
EVIDENCE = ROOT / "tests" / "evidence" / "no-cors.json"

FAMILIES = {
    "0": "Not known",
    "1": "Reaching the server",
    "2": "The handshake",
    "3": "The origin",
    "4": "Credentials and preflight",
    "5": "The session",
    "6": "WebSocket",
    "7": "Namespace and authorisation",
    "8": "The page and the browser",
}


def rules() -> str:
    """docs/rules.md: a table of all causes, then a section for each."""
    ordered = sorted(RULES.values(), key=lambda rule: rule.code)
    lines = [
        "# What sio-doctor finds",
        "",
        "Generated from the rules themselves by `make docs`. A code and a slug never change their meaning.",
        "",
        "| code | slug | what it says |",
        "|---|---|---|",
        *(f"| {rule.code} | {linked(rule)} | {rule.title} |" for rule in ordered),
        "",
        "## Other names",
        "",
        "What people look for under another name, and is one of these causes. `sio-doctor explain NAME` knows them "
        "too.",
        "",
        "| name | is | because |",
        "|---|---|---|",
        *(f"| {name} | {linked(RULES[other.target])} | {other.reason} |" for name, other in sorted(ALIASES.items())),
    ]
    family = ""
    for rule in ordered:
        if rule.code[3] != family:
            family = rule.code[3]
            lines += ["", f"## {FAMILIES[family]}"]
        lines += ["", f"### {rule.code} {rule.slug}", "", f"**{rule.title}.**", "", cleandoc(rule.doc)]
        if rule.hint:
            lines += ["", HINT]
    return "\n".join(lines) + "\n"


#: Stands below what no answer of the server shows.
HINT = "No check from outside can see it: it is a hint, which changes neither the findings nor the exit status."


def linked(rule: Rule) -> str:
    """The rule's slug as a link to its section."""
    return f"[{rule.slug}](#{anchor(rule)})"


def anchor(rule: Rule) -> str:
    """The fragment that Markdown hosts give the rule's heading."""
    return f"{rule.code} {rule.slug}".lower().replace(" ", "-")


def schema() -> str:
    """docs/report.schema.json: what ``sio-doctor schema`` prints."""
    command = [sys.executable, "-m", "sio_doctor", "schema"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


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
    "docs/rules.md": rules,
    "docs/report.schema.json": schema,
    "docs/diagnosis.svg": picture,
    "README.md": readme,
}


def main() -> int:
    """Writes every document; with ``--check`` writes none, and returns 1 where one is not fresh."""
    stale = [name for name, make in DOCUMENTS.items() if not fresh(name, make())]
    if "--check" in sys.argv:
        print("\n".join(f"{name} is not fresh: run make docs" for name in stale))
        return 1 if stale else 0
    for name in stale:
        (ROOT / name).write_text(DOCUMENTS[name]())
        print(f"wrote {name}")
    return 0


def fresh(name: str, text: str) -> bool:
    """Whether that document is what it would be if it were made now."""
    path = ROOT / name
    return path.exists() and path.read_text() == text


if __name__ == "__main__":
    sys.exit(main())
