"""Every cure of a proxy is one paste in one place, and the proxy itself takes it there."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import structs

from sio_doctor.model import Fix, Plan, Target
from sio_doctor.stacks import apache, caddy, haproxy, nginx
from sio_doctor.stacks.base import Ask, Stack
from tests.rules.build import PAGE, make_plan
from tests.servers import need, needs_apache, needs_caddy, needs_haproxy, needs_nginx, needs_openssl
from tests.servers.certificates import self_signed
from tests.stacks.apache_modules import MODULES, modules
from tests.stacks.test_fixes import DETAILS, HOSTILE, PLANS, SERVERS

PROXIES: tuple[Stack, ...] = (nginx, haproxy, apache, caddy)

LAYERED = {
    **DETAILS, "layer-origin": PAGE, "layer-preflight": "204", "layer-post": "413", "layer-request": PAGE,
    "preflight": "405",
}  # fmt: skip
#: Servers behind that are named: by https, by IPv6, at the last port.
DIRECT = ("http://127.0.0.1:8000", "https://127.0.0.1:3443", "http://[::1]:3000", "http://127.0.0.1:65535")


def plans() -> Iterator[Plan]:
    yield from [*PLANS.values(), make_plan(url="http://127.0.0.1:8080"), make_plan(url="https://[::1]:8443")]
    for text in HOSTILE:
        yield make_plan(url="http://localhost:8080", origins=(text,), path=f"/{text}/")
    for url in DIRECT:
        yield make_plan(url="http://localhost:8080", direct=Target(url=url))


def cures(stack: Stack) -> list[Fix]:
    """The distinct ones, however the person asks and whatever was seen."""
    servers = [server for server in SERVERS.values() if stack.fits(server)]
    servers += [structs.replace(server, layers=(*server.layers, "Cloudflare")) for server in servers]
    asks = [
        Ask(slug, plan, server, plan.origins, details=details)
        for plan in plans()
        for details in ({}, DETAILS, LAYERED, {"allow-origin": HOSTILE[0], "layer-request": HOSTILE[3]})
        for server in servers
        for slug in stack.FIXES
    ]
    found = {fix.after: fix for ask in asks if (fix := stack.FIXES[ask.slug](ask))}
    return [found[after] for after in sorted(found)]


def run(command: list[str | Path], code: str) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\n{code}"


def with_certificate(code: str) -> str:
    """What certbot would have put there is the tests' own."""
    certificate = self_signed()
    code = re.sub(r"/etc/letsencrypt/live/[^/\s]+/fullchain\.pem", str(certificate.chain), code)
    return re.sub(r"/etc/letsencrypt/live/[^/\s]+/privkey\.pem", str(certificate.key), code)


@pytest.mark.parametrize("stack", PROXIES, ids=lambda stack: stack.__name__.rpartition(".")[2])
def test_a_cure_is_one_paste_in_one_place(stack: Stack) -> None:
    for fix in cures(stack):
        assert "in http { }" not in fix.after, fix
        assert "in server { }" not in fix.after, fix
        assert " and in " not in fix.where, fix
        assert fix.before not in ("", fix.after), fix
        assert not set(fix.after) & set("\x00\x7f\u2028`"), fix
        assert "evil" not in fix.after + (fix.before or "")


def numbered(text: str, number: int, *names: str) -> str:
    """Those names made different from the same names of the other cures in the file."""
    for name in names:
        text = text.replace(name, f"{name}{number}")
    return text


@needs_nginx
@needs_openssl
def test_nginx_takes_every_cure_for_it(tmp_path: Path) -> None:
    paths = "\n".join(
        f"{name}_temp_path {tmp_path}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    codes = [with_certificate(fix.after) for fix in cures(nginx)]
    assert len(codes) > 100
    file, parts = tmp_path / "nginx.conf", []
    for number, code in enumerate(codes):
        # Listening needs no right that a test may lack.
        code = re.sub(r"listen (443|80)\b", "listen 8443", code)
        code = numbered(code, number, "zone=socketio", "$missing_origin", "$missing_credentials", "$page_origin")
        code = numbered(code, number, "upstream socketio", "://socketio")
        whole = re.search(r"^server \{", code, re.MULTILINE)
        parts.append(code if whole else f"server {{ listen 8080;\n{code}\n}}")
    inner = "\n".join(parts)
    http = "server_names_hash_bucket_size 256;\nvariables_hash_max_size 8192;\naccess_log off;"
    file.write_text(f"pid {tmp_path}/pid;\nevents {{ }}\nhttp {{\n{http}\n{paths}\n{inner}\n}}\n")
    run([need("nginx"), "-t", "-e", "stderr", "-c", file], inner)


@needs_haproxy
@needs_openssl
def test_haproxy_takes_every_cure_for_it(tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    both.write_text(self_signed().chain.read_text() + self_signed().key.read_text())
    defaults = "defaults\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n"
    defaults += "userlist users\n  user a insecure-password b\n"
    codes = [re.sub(r"/etc/haproxy/certs/\S+\.pem", str(both), fix.after) for fix in cures(haproxy)]
    assert len(codes) > 100
    file = tmp_path / "haproxy.cfg"
    settings, parts = [code for code in codes if code.startswith("tune.")], []
    for number, code in enumerate(codes):
        if code.startswith("frontend"):
            code = numbered(code, number, "frontend www", "backend socketio", "use_backend socketio")
            parts.append(code.replace(f"use_backend socketio{number}{number}", f"use_backend socketio{number}"))
        elif code not in settings:
            bind = "" if "bind " in code else "bind 127.0.0.1:8080"
            parts.append(f"frontend www{number}\nmode http\n{bind}\n{code}")
    inner = "\n".join(parts)
    file.write_text("global\n" + "\n".join(settings) + f"\n{defaults}{inner}\n")
    run([need("haproxy"), "-c", "-f", file], inner)


@needs_apache
@needs_openssl
def test_apache_takes_every_cure_for_it(tmp_path: Path) -> None:
    loaded = "\n".join(f"LoadModule {name}_module {modules()}/mod_{name}.so" for name in MODULES)
    head = f"ServerRoot {tmp_path}\nServerName localhost\nErrorLog /dev/stderr\nMutex pthread\nListen 127.0.0.1:8080"
    codes = [with_certificate(fix.after) for fix in cures(apache)]
    assert len(codes) > 100
    file, parts = tmp_path / "apache.conf", []
    for number, code in enumerate(codes):
        code = numbered(code, number, "balancer://socketio", "balancer://websockets")
        code = f'<Location "/">\n{code}\n</Location>' if code.startswith("<LimitExcept") else code
        parts.append(code if "<VirtualHost" in code else f"<VirtualHost *:8080>\n{code}\n</VirtualHost>")
    inner = "\n".join(parts)
    file.write_text(f"{head}\n{loaded}\n{inner}\n")
    run([need("apache"), "-t", "-f", file], inner)


@needs_caddy
def test_caddy_takes_every_cure_for_it(tmp_path: Path) -> None:
    codes = [fix.after for fix in cures(caddy)]
    assert len(codes) > 50
    addresses = list(dict.fromkeys(code.partition(" {\n")[0] for code in codes))
    sites = [f"{address} {{\n}}" for address in addresses]
    # Two blocks cannot have one address.
    sites += [f"http://h{number}.example {{\n{code.partition(chr(10))[2]}" for number, code in enumerate(codes)]
    file, inner = tmp_path / "Caddyfile", "\n".join(sites)
    file.write_text(f"{{\n\tstorage file_system {tmp_path}\n}}\n{inner}\n")
    run([need("caddy"), "adapt", "--validate", "--adapter", "caddyfile", "--config", file], inner)
