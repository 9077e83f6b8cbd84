"""Who answers, held against recordings of servers that are known: ``python -m tests.identify [--atlas FILE]``.

Each configuration of the atlas is played as the evidence of a check (``tests.atlas``). The table says for each family
how many could be told, were told rightly, were not known or wrong; whether the stated releases hold the true one, and
are as few as the ladders allow (``tests.ladders``); and how the layers were told.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import NamedTuple

from sio_doctor.model import Server
from sio_doctor.stacks import identify
from tests import ladders
from tests.atlas import FILE, Configuration, Record, configurations, cut

#: The least that is right, of what can be told; and wrong is none.
FAMILIES, VERSIONS = 0.97, 0.95
PROXIES = {"nginx": "nginx", "haproxy": "haproxy", "apache": "Apache", "caddy": "Caddy"}
#: What the servers of the atlas run in, by the beginning of their name.
HOSTS = {
    "py-asgi-uvicorn": "uvicorn", "py-uvicorn": "uvicorn", "py-fastapi": "uvicorn", "py-hypercorn": "hypercorn",
    "py-daphne": "Daphne", "py-aiohttp": "aiohttp", "py-tornado": "Tornado", "py-sanic": "Sanic",
    "py-flask": "Werkzeug", "py-wsgi-werkzeug": "Werkzeug", "py-gunicorn-geventws": "WSGI", "py-gunicorn": "gunicorn",
}  # fmt: skip
#: The words of Engine.IO servers, by whose words they are.
WORDS = re.compile(
    r'^(?:\{"code":(?:\d|null)(?:,"message":"[^"]*")?\}'
    r'|"?(?:\S* is not an accepted origin\.|Not an accepted origin\.|Invalid (?:transport|session|websocket)[^"]*'
    r"|The client is using an unsupported version[^\"]*)\"?)$"
)
TEXTS = ("Transport unknown", "Session ID unknown", "Bad handshake method", "Unsupported protocol version")


class Truth(NamedTuple):
    """What a configuration really was."""

    family: str | None
    """``socket.io``, ``python-socketio`` or ``engine.io``; None: none of them, or not said."""
    version: str | None
    expected: frozenset[str]
    """Layers of which a mark is in what a check sees."""
    possible: frozenset[str]
    """Layers that are there, seen or not."""
    sure: bool = True
    """False: the recording does not say what served it."""


class Told(NamedTuple):
    """What was said of one configuration, and what it was."""

    configuration: Configuration
    truth: Truth
    tellable: bool
    server: Server

    @property
    def wrong_family(self) -> bool:
        """Another family is claimed than it was."""
        return self.truth.sure and self.server.stack not in ("unknown", self.truth.family)

    @property
    def right_family(self) -> bool:
        """It could be told, and was."""
        return self.tellable and self.server.stack == self.truth.family

    @property
    def stated(self) -> tuple[str, ...]:
        """The measured releases within the stated range; empty where none is stated."""
        if self.server.version is None or self.truth.family is None:
            return ()
        measured = ladders.PYTHON if self.truth.family == "python-socketio" else ladders.NODE
        low, high = self.server.since, self.server.until
        return tuple(
            release
            for release in measured
            if (low is None or _key(low) <= _key(release)) and (high is None or _key(release) <= _key(high))
        )

    @property
    def inside(self) -> bool:
        """The true version is within what is stated."""
        return self.truth.version in self.stated

    @property
    def allowed(self) -> tuple[str, ...]:
        """What the ladders allow for what was seen; a client file that was read leaves one."""
        seen = self.configuration.seen()
        if any(purpose == "client-file" and is_client_file(record) for purpose, record in seen):
            return (self.truth.version or "",)
        return ladders.allowed(self.truth.family or "", seen, self.configuration.server in PROXIES)

    @property
    def wider(self) -> bool:
        """More is stated than the ladders allow."""
        return len(self.stated) > len(self.allowed)

    @property
    def wrong_layers(self) -> list[str]:
        """Layers that are claimed and are not there."""
        if not self.truth.sure:
            return []
        return [layer for layer in self.server.layers if not self._is_there(layer)]

    @property
    def missed_layers(self) -> list[str]:
        """Layers that left a mark and are not claimed."""
        claimed = {name for layer in self.server.layers for name in (layer, layer.rpartition(" ")[0])}
        return sorted(self.truth.expected - claimed)

    def _is_there(self, layer: str) -> bool:
        if layer in self.truth.possible:
            return True
        name, _, version = layer.rpartition(" ")
        shown = [record.header("server") or "" for record in self.configuration.records]
        return name in self.truth.possible and (
            version in self.configuration.version or any(version in value for value in shown)
        )


def _key(release: str) -> tuple[int, ...]:
    return tuple(map(int, release.split(".")))


def tell(configuration: Configuration) -> Told:
    """What is said of it, and what it was."""
    seen = [record for _, record in configuration.seen()]
    tellable = any(is_engines(record) for record in seen)
    return Told(configuration, truth_of(configuration, seen), tellable, identify(configuration.evidence()))


def is_engines(record: Record) -> bool:
    """An Engine.IO server's own answer: an open packet, or a refusal in its words."""
    said = WORDS.match(record.body.strip()) if record.status >= 400 else None
    return ladders.opened(record) is not None or said is not None or record.body in TEXTS or is_client_file(record)


def is_client_file(record: Record) -> bool:
    """The client bundle with its version."""
    tag = re.fullmatch(r'"\d+\.\d+\.\d+"', record.header("etag") or "")
    return record.status == 200 and record.path.endswith("/socket.io.js") and tag is not None


def truth_of(configuration: Configuration, seen: Iterable[Record]) -> Truth:
    """What the recorder says that it was."""
    server, version = configuration.server, configuration.version
    seen = list(seen)
    via = next((record.via for record in configuration.records if record.via), "")
    said = f"{server if server.startswith(('socket.io', 'nestjs')) else ''} {version} {via}"
    layers = set(_marks(seen))
    expected, possible = set(layers), set(layers)
    if server in PROXIES:
        expected |= {PROXIES[server]} if any(record.status >= 200 for record in seen) else set()
        possible |= {PROXIES[server]} | ({"Express"} if "express" in via else set())
        said = via
    if host := next((HOSTS[name] for name in HOSTS if server.startswith(name)), None):
        expected |= {host} if any(record.status for record in seen) else set()
        possible |= {host, *(("WSGI", "Flask") if host in ("Werkzeug", "gunicorn") else ())}
    if found := re.search(r"python-socketio(?:/(\S+))?", said):
        return Truth("python-socketio", found[1], frozenset(expected), frozenset(possible))
    if found := re.search(r"\bsocket\.io (\d\S*)", f"{said} " if server != "socket.io" else f"socket.io {version}"):
        return Truth("socket.io", found[1], frozenset(expected), frozenset(possible))
    if server.startswith("socket.io"):
        return Truth("socket.io", version, frozenset(expected), frozenset(possible))
    if "engine.io" in version:
        return Truth("engine.io", None, frozenset(expected), frozenset(possible))
    if server in PROXIES or any(is_engines(record) for record in seen):
        # What is behind is not said. Engine.IO's middlewares are socket.io's of 4.6 or newer.
        engine = "socket.io" if server.endswith("_engine") else None
        return Truth(engine, None, frozenset(expected), frozenset(possible), sure=engine is not None)
    return Truth(None, None, frozenset(expected), frozenset(possible))


def _marks(seen: list[Record]) -> Iterable[str]:
    """Frameworks that say what they are."""
    for record in seen:
        powered, methods = record.header("x-powered-by"), record.header("access-control-allow-methods") or ""
        if powered in ("Express", "Next.js"):
            yield powered
        if '"error":"Not Found","statusCode":404}' in record.body:
            yield "NestJS"
        if record.status == 404 and record.body == '{"detail":"Not Found"}':
            yield "FastAPI"
        if methods.startswith("DELETE, GET, HEAD, OPTIONS, PATCH") or record.body.startswith("Disallowed CORS"):
            yield "Starlette CORSMiddleware"
        if record.status == 404 and "The requested URL was not found on the server. If you entered" in record.body:
            yield "Flask"
        if found := re.search(r"(SimpleHTTP|websockets)/", record.header("server") or ""):
            yield found[1]


# --- the table -------------------------------------------------------------------------------------------------------


def table(told: list[Told]) -> list[str]:
    """The lines that are printed."""
    lines = [f"{'':24}{'configurations':>15}{'tellable':>10}{'right':>8}{'not known':>11}{'wrong':>7}"]
    for family in ("socket.io", "python-socketio", "engine.io", None):
        of = [one for one in told if one.truth.family == family]
        known = [one for one in of if one.tellable]
        right, wrong = sum(one.right_family for one in of), sum(one.wrong_family for one in of)
        quiet = sum(one.tellable and one.server.stack == "unknown" for one in of)
        lines.append(f"{family or 'none, or not said':24}{len(of):>15}{len(known):>10}{right:>8}{quiet:>11}{wrong:>7}")
    versions = versioned(told)
    lines += ["", f"{'versions':24}{'tellable':>15}{'stated':>10}{'inside':>8}{'wider':>11}{'median':>9}{'ladder':>8}"]
    for family in ("socket.io", "python-socketio"):
        of = [one for one in versions if one.truth.family == family]
        stated = [one for one in of if one.stated]
        inside, wider = sum(one.inside for one in of), sum(one.wider for one in of)
        widths = median(len(one.stated) for one in stated) if stated else 0
        least = median(len(one.allowed) for one in stated) if stated else 0
        lines.append(f"{family:24}{len(of):>15}{len(stated):>10}{inside:>8}{wider:>11}{widths:>9g}{least:>8g}")
    lines += ["", f"{'layers':24}{'marked':>15}{'right':>10}{'missed':>8}{'wrong':>11}"]
    expected = Counter(layer for one in told for layer in one.truth.expected)
    missed = Counter(layer for one in told for layer in one.missed_layers)
    wrong_layers = Counter(layer for one in told for layer in one.wrong_layers)
    for layer in sorted({*expected, *wrong_layers}, key=str.lower):
        right = expected[layer] - missed[layer]
        lines.append(f"{layer:24}{expected[layer]:>15}{right:>10}{missed[layer]:>8}{wrong_layers[layer]:>11}")
    return lines


def versioned(told: list[Told]) -> list[Told]:
    """Those that can be told, and whose true version is known."""
    return [one for one in told if one.tellable and one.truth.version is not None]


def failures(told: list[Told]) -> list[str]:
    """What is below the figures, one sentence each."""
    found = [
        f"{one.configuration.name}: {one.server.stack} {one.server.version} {list(one.server.layers)} is claimed, "
        f"it was {one.truth.family} {one.truth.version} {sorted(one.truth.possible)}"
        for one in told
        if one.wrong_family or one.wrong_layers or (one.stated and one.truth.version and not one.inside)
    ]
    tellable = [one for one in told if one.tellable and one.truth.family]
    found += _below("families", sum(one.right_family for one in tellable), len(tellable), FAMILIES)
    versions = versioned(told)
    found += _below("versions", sum(one.inside for one in versions), len(versions), VERSIONS)
    found += [
        f"{one.configuration.name}: {one.server.version} is wider than {one.allowed[0]} to {one.allowed[-1]}"
        for one in versions
        if one.wider
    ]
    return found


def _below(what: str, right: int, of: int, least: float) -> list[str]:
    return [] if right >= least * of else [f"{what}: {right} of {of} are right, which is less than {least:.0%}"]


def main(arguments: list[str] | None = None) -> int:
    """Prints the table; 1 where something is below the figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.identify", description=__doc__)
    parser.add_argument("--atlas", type=Path, default=FILE, help="recordings, one a line, gzipped or not")
    parser.add_argument("--keep", type=Path, help="write here what a check sees of them, bodies cut, and stop")
    parser.add_argument("--all", action="store_true", help="print what is said of each configuration")
    asked = parser.parse_args(arguments)
    if asked.keep:
        print(f"{cut(asked.atlas, asked.keep)} records")
        return 0
    told = [tell(configuration) for configuration in configurations(asked.atlas)]
    if asked.all:
        for one in told:
            print(f"{one.configuration.name}: {one.server.stack} {one.server.version} {list(one.server.layers)}")
    print("\n".join(table(told)))
    wrong = failures(told)
    print("\n".join(["", *wrong]) if wrong else "\nNothing is wrong, and nothing below the figures.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
