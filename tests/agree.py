"""Holds the project against three real browsers: ``python -m tests.agree [--show N] [FILE.jsonl[.gz] ...]``.

For every case of the corpus and each engine: may the page read it (verdict), does the same reach the server (requests),
and does the console print the same lines (console)? Exit status 1 when verdicts or requests fall below 100 %, or
console lines below 99.5 %, in any engine.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.corpus import Case, play

TRUTH = Path(__file__).parent / "truth"
#: The least share of cases that must agree, in per cent.
FLOOR = {"verdict": 100.0, "requests": 100.0, "console": 99.5}
#: The request headers that were written down when the corpus was measured, and all that begin with x-.
WATCHED = {
    "origin",
    "access-control-request-method",
    "access-control-request-headers",
    "content-type",
    "authorization",
    "my-custom-header",
}
_NAMED = re.compile(r"(?<=Request header field )\S+(?= is not allowed by Access-Control-Allow-Headers)")


def cases(files: list[Path]) -> Iterator[Case]:
    """Every case of those files; of the whole corpus where none is named."""
    for path in files or sorted(TRUTH.glob("*.jsonl.gz")):
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for line in raw.decode().splitlines():
            yield json.loads(line)


def stalled(case: Case, browser: str) -> bool:
    """Nothing happened for four seconds though the server answered everything: the recording has no verdict."""
    faults = any("fault" in answer for answer in case["answers"].values())
    return bool(case["browsers"][browser].get("timeout")) and not faults and not case["request"].get("websocket")


def differences(case: Case, browser: str) -> Iterator[tuple[str, bool, Any, Any]]:
    """``(kind, agrees, measured, played)`` for each kind that was measured in that case."""
    truth, played = case["browsers"][browser], play(case, browser)
    yield "verdict", played["allowed"] is truth["allowed"], truth["allowed"], played["allowed"]
    if "requests" in truth:  # not where a fault was scripted: retries are the browser's own affair
        sent = [(one["method"], one["url"], watched(one["headers"])) for one in played["requests"]]
        measured = [(one["method"], one["url"], one["headers"]) for one in truth["requests"]]
        yield "requests", sent == measured, measured, sent
    lines, printed = truth["console"], played["console"]
    agrees = lines == printed or (browser == "chromium" and same_but_for_the_name(case, lines, printed))
    yield "console", agrees, lines, printed


def watched(headers: dict[str, str]) -> dict[str, str]:
    """Those of the headers that were written down, their names in lower case."""
    lower = {name.lower(): value for name, value in headers.items()}
    return {name: value for name, value in lower.items() if name in WATCHED or name.startswith("x-")}


def same_but_for_the_name(case: Case, measured: list[str], played: list[str]) -> bool:
    """Of several missing headers Chromium names one by the order of a hash table: any that is missing is right."""
    allowed = {
        name.strip().lower()
        for answer in case["answers"].values()
        for key, value in answer.get("headers", [])
        if key.lower() == "access-control-allow-headers"
        for name in value.split(",")
    }
    missing = {name.lower() for name in case["request"].get("headers", {})} - allowed
    named = [name for line in played for name in _NAMED.findall(line)]
    same = [_NAMED.sub("", line) for line in measured] == [_NAMED.sub("", line) for line in played]
    return same and all(name in missing for name in named)


def main(arguments: list[str] | None = None) -> int:
    """Counts, prints, and returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.agree", description="Holds the project against real browsers."
    )
    parser.add_argument("files", nargs="*", type=Path, help="JSON lines, gzipped or not; the project's corpus if none")
    parser.add_argument("--show", type=int, default=3, help="disagreements to print for each engine and kind")
    options = parser.parse_args(arguments)
    score: Counter[tuple[str, str, bool]] = Counter()
    for case in cases(options.files):
        for browser in case["browsers"]:
            if stalled(case, browser):
                print(f"{case['id']} {browser}: not counted, its recording stalled")
                continue
            for kind, agrees, measured, played in differences(case, browser):
                score[browser, kind, agrees] += 1
                if not agrees and score[browser, kind, False] <= options.show:
                    print(f"{case['id']} {browser} {kind}\n  measured {measured}\n  played   {played}")
    return _report(score)


def _report(score: Counter[tuple[str, str, bool]]) -> int:
    status = 0 if score else 1
    for browser, kind in sorted({(browser, kind) for browser, kind, _ in score}):
        agree, differ = score[browser, kind, True], score[browser, kind, False]
        share = 100 * agree / (agree + differ)
        print(f"{browser:9} {kind:9} {agree}/{agree + differ} = {share:.2f} % (at least {FLOOR[kind]:g} %)")
        if share < FLOOR[kind]:
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
