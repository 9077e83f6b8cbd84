"""The cures of proxies, applied: a real proxy runs with a mistake, and then with the report's cure in its place."""

from __future__ import annotations

import base64
import os
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sio_doctor.model import Fix, Report
from sio_doctor.stacks.proxied import netloc
from tests.causes import COOKIES, HEADER, PAGE, SOCKET, assert_healthy, check
from tests.servers import need, needs_apache, needs_caddy, needs_haproxy, needs_nginx, needs_node, shared
from tests.servers.node import node
from tests.servers.process import process
from tests.servers.python import python_server
from tests.stacks.apache_modules import MODULES, modules

#: Many servers are started: `make cures` runs it.
pytestmark = pytest.mark.cures

ONE_PAGE = f"{{cors: {{origin: ['{PAGE}'], credentials: true}}}}"

Configuration = Callable[[Path, int, str], str]


def nginx_in_server(folder: Path, port: int, part: str) -> str:
    return nginx_in_http(folder, port, f"server {{ listen {port}; server_name 127.0.0.1;\n{part}\n}}")


def nginx_in_http(folder: Path, port: int, part: str) -> str:
    paths = "\n".join(
        f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    head = f"daemon off;\nworker_processes 1;\npid {folder}/pid;\nerror_log stderr warn;\nevents {{ }}"
    return f"{head}\nhttp {{\naccess_log off;\n{paths}\n{part}\n}}\n"


TIMES = "timeout connect 2s\ntimeout client 30s\ntimeout server 30s"
USERS = "userlist users\n  user somebody insecure-password secret\n"


def haproxy(folder: Path, port: int, part: str) -> str:
    return f"defaults\nmode http\n{TIMES}\n{USERS}{part}\n"


def haproxy_rule(folder: Path, port: int, part: str) -> str:
    """A rule in the frontend of a file that is otherwise well."""
    upstream, _, rule = part.partition("\n")
    passed = f"default_backend back\nbackend back\nserver s1 {upstream}"
    return haproxy(folder, port, f"frontend www\nbind 127.0.0.1:{port}\n{rule}\n{passed}")


def apache(folder: Path, port: int, part: str) -> str:
    loaded = "\n".join(f"LoadModule {name}_module {modules()}/mod_{name}.so" for name in MODULES)
    user = "User www-data\nGroup www-data" if os.geteuid() == 0 else ""
    head = (
        f"ServerRoot {folder}\nPidFile {folder}/pid\nMutex pthread\nErrorLog /dev/stderr\nServerName localhost\n{user}"
    )
    (folder / "passwords").write_text("somebody:{SHA}" + base64.b64encode(b"x" * 20).decode() + "\n")
    (folder / "index.html").write_text("<!doctype html><title>My App</title>")
    folder.chmod(0o755)
    host = f"DocumentRoot {folder}\n<Directory {folder}>\nRequire all granted\n</Directory>\n"
    part = part.replace("FOLDER", str(folder))
    return f"{head}\nListen 127.0.0.1:{port}\n{loaded}\n<VirtualHost *:{port}>\n{host}{part}\n</VirtualHost>\n"


def caddy(folder: Path, port: int, part: str) -> str:
    return f"{{\n\tadmin off\n\tauto_https off\n\tstorage file_system {folder}\n}}\n{part}\n"


COMMANDS: dict[str, Callable[[Path], list[str | Path]]] = {
    "nginx": lambda file: [need("nginx"), "-p", file.parent, "-e", "stderr", "-c", file],
    "haproxy": lambda file: [need("haproxy"), "-db", "-f", file],
    "apache": lambda file: [need("apache"), "-D", "FOREGROUND", "-f", file],
    "caddy": lambda file: [need("caddy"), "run", "--adapter", "caddyfile", "--config", file],
}


def free_port() -> int:
    """Free now: the proxies bind every address, so it cannot be held for them."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def proxy(kind: str, configuration: Configuration, port: int, part: str) -> Iterator[str]:
    """Run that proxy on a file with ``part`` in it; yields its base URL."""
    with tempfile.TemporaryDirectory(prefix="sio-doctor-cure-") as folder:
        file = Path(folder) / "proxy.conf"
        file.write_text(configuration(Path(folder), port, part))
        with process(COMMANDS[kind](file)) as running:
            running.wait_for_accept(port)
            yield f"http://127.0.0.1:{port}"


class Mistake(NamedTuple):
    """What is wrong in one place of a file, and the cause that it is; UPSTREAM and PORT stand for the real ones."""

    kind: str
    configuration: Configuration
    wrong: str
    slug: str
    client: Mapping[str, Any] = {}
    kept: str = ""
    """What stands in front of the place in both files."""
    upstream: Callable[[], str] = lambda: shared(node, "4.8", ONE_PAGE)


def passed(more: str = "", upgrade: bool = True) -> str:
    lines = 'proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";'
    return f"location /socket.io/ {{ proxy_pass UPSTREAM; proxy_set_header Host $http_host; {lines * upgrade} {more} }}"


FRONTEND = "frontend www\nbind :PORT\n{rules}\ndefault_backend back\nbackend back\n{back}\nserver s1 NETLOC"
LOCATION = '<Location "/socket.io/">\nProxyPass UPSTREAM/socket.io/ upgrade=websocket\n{more}\n</Location>'
SITE = "http://127.0.0.1:PORT {{\n{lines}\n}}"
BASIC = "AuthType Basic\nAuthName x\nAuthUserFile FOLDER/passwords\nRequire valid-user"

MISTAKES = {
    # nginx
    "nginx: no upgrade": Mistake("nginx", nginx_in_server, passed(upgrade=False), "ws-proxy-no-upgrade", SOCKET),
    "nginx: doubled": Mistake(
        "nginx", nginx_in_server, passed("add_header Access-Control-Allow-Origin *;"), "duplicate-acao-proxy"
    ),
    "nginx: doubled, further out": Mistake(
        "nginx", nginx_in_server, passed(), "duplicate-acao-proxy", COOKIES,
        kept="add_header Access-Control-Allow-Origin * always;",
    ),
    "nginx: hidden": Mistake(
        "nginx", nginx_in_server, passed("proxy_hide_header Access-Control-Allow-Origin;"), "proxy-strips-acao",
        upstream=lambda: shared(node, "4.8", "{cors: {origin: '*'}}"),
    ),
    "nginx: empty preflight": Mistake(
        "nginx", nginx_in_server, passed("if ($request_method = OPTIONS) { return 204; }"), "preflight-empty-2xx",
        HEADER,
    ),
    "nginx: methods": Mistake(
        "nginx", nginx_in_server, passed("limit_except GET POST { deny all; }"), "preflight-blocked-upstream", HEADER
    ),
    "nginx: the page": Mistake(
        "nginx", nginx_in_server, "location /other/ { return 404; }", "html-instead-of-handshake",
        kept="location / { default_type text/html; return 200 '<title>My App</title>'; }",
    ),
    "nginx: down": Mistake("nginx", nginx_in_server, passed().replace("UPSTREAM", "http://127.0.0.1:1"),
                           "gateway-5xx-no-cors"),
    "nginx: a password": Mistake(
        "nginx", nginx_in_server, passed(), "basic-auth-or-401", kept="auth_basic x; auth_basic_user_file /dev/null;"
    ),
    "nginx: stripped": Mistake(
        "nginx", nginx_in_server, passed().replace("UPSTREAM", "UPSTREAM/"), "proxy-strips-path",
        upstream=lambda: shared(node, "4.8", ONE_PAGE, mode="express"),
    ),
    "nginx: no query": Mistake(
        "nginx", nginx_in_server, passed().replace("UPSTREAM", "UPSTREAM/socket.io/?"), "transport-unknown"
    ),
    "nginx: the host without its port": Mistake(
        "nginx", nginx_in_server, passed("").replace("$http_host", "elsewhere.example"), "python-behind-tls-proxy",
        {"page": "OWN"}, upstream=lambda: shared(python_server, "uvicorn"),
    ),
    "nginx: a limit": Mistake(
        "nginx", nginx_in_http,
        "limit_req_zone $binary_remote_addr zone=z:1m rate=1r/m;\nserver { listen PORT; limit_req zone=z; "
        "limit_req_status 429; "
        + passed() + " }",
        "rate-limit",
    ),
    # HAProxy
    "haproxy: no upgrade": Mistake(
        "haproxy", haproxy, FRONTEND.format(rules="http-request del-header Upgrade", back=""), "ws-proxy-no-upgrade",
        SOCKET,
    ),
    "haproxy: doubled": Mistake(
        "haproxy", haproxy_rule, "http-response add-header Access-Control-Allow-Origin *", "duplicate-acao-proxy"
    ),
    "haproxy: taken away": Mistake(
        "haproxy", haproxy_rule, "http-response del-header Access-Control-Allow-Origin", "proxy-strips-acao",
        upstream=lambda: shared(node, "4.8", "{cors: {origin: '*'}}"),
    ),
    "haproxy: empty preflight": Mistake(
        "haproxy", haproxy_rule, "http-request return status 204 if METH_OPTIONS", "preflight-empty-2xx", HEADER
    ),
    "haproxy: methods": Mistake(
        "haproxy", haproxy_rule, "http-request deny if METH_OPTIONS", "preflight-blocked-upstream", HEADER
    ),
    "haproxy: no POST": Mistake(
        "haproxy", haproxy_rule, "http-request deny if METH_POST", "error-response-without-cors"
    ),
    "haproxy: down": Mistake(
        "haproxy", haproxy, FRONTEND.format(rules="", back="retries 0").replace("NETLOC", "127.0.0.1:1"),
        "gateway-5xx-no-cors",
    ),
    "haproxy: a password": Mistake(
        "haproxy", haproxy_rule, "http-request auth unless { http_auth(users) }", "basic-auth-or-401"
    ),
    "haproxy: stripped": Mistake(
        "haproxy", haproxy_rule, "http-request replace-path /socket.io/(.*) /\\1", "proxy-strips-path"
    ),
    "haproxy: no query": Mistake("haproxy", haproxy_rule, "http-request set-query x=1", "transport-unknown"),
    "haproxy: a limit": Mistake(
        "haproxy", haproxy, FRONTEND.format(
            rules="stick-table type ip size 1k expire 30s store http_req_rate(10s)\nhttp-request track-sc0 src\n"
            "http-request deny deny_status 429 if { sc_http_req_rate(0) gt 1 }", back=""), "rate-limit",
    ),
    # Apache
    "apache: no upgrade": Mistake(
        "apache", apache, LOCATION.format(more="").replace(" upgrade=websocket", ""), "ws-proxy-no-upgrade", SOCKET
    ),
    "apache: doubled": Mistake(
        "apache", apache, 'Header always set Access-Control-Allow-Origin "*"', "duplicate-acao-proxy",
        kept=LOCATION.format(more=""),
    ),
    "apache: taken away": Mistake(
        "apache", apache, "Header unset Access-Control-Allow-Origin", "proxy-strips-acao",
        kept=LOCATION.format(more=""), upstream=lambda: shared(node, "4.8", "{cors: {origin: '*'}}"),
    ),
    "apache: empty preflight": Mistake(
        "apache", apache, "RewriteCond %{REQUEST_METHOD} =OPTIONS\nRewriteRule ^ - [R=204,L]", "preflight-empty-2xx",
        HEADER, kept="RewriteEngine On\n" + LOCATION.format(more=""),
    ),
    "apache: methods": Mistake(
        "apache", apache, "<LimitExcept GET POST>\nRequire all denied\n</LimitExcept>\n</Location>",
        "preflight-blocked-upstream", HEADER, kept=LOCATION.format(more="").removesuffix("</Location>"),
    ),
    "apache: the page": Mistake(
        "apache", apache, "RewriteEngine On\nRewriteRule ^ /index.html", "html-instead-of-handshake"
    ),
    "apache: down": Mistake(
        "apache", apache, LOCATION.format(more="").replace("UPSTREAM", "http://127.0.0.1:1"), "gateway-5xx-no-cors"
    ),
    "apache: a password": Mistake(
        "apache", apache, LOCATION.format(more=""), "basic-auth-or-401",
        kept=f'<Location "/">\n{BASIC}\n</Location>',
    ),
    "apache: stripped": Mistake(
        "apache", apache, LOCATION.format(more="").replace("UPSTREAM/socket.io/", "UPSTREAM/"), "proxy-strips-path"
    ),
    "apache: no query": Mistake(
        "apache", apache, "RewriteEngine On\nRewriteRule ^/socket\\.io/ UPSTREAM/socket.io/? [P]", "transport-unknown"
    ),
    "apache: the scheme": Mistake(
        "apache", apache,
        LOCATION.format(more="RequestHeader set X-Forwarded-Proto https"), "python-behind-tls-proxy",
        {"page": "OWN"}, upstream=lambda: shared(python_server, "uvicorn"),
    ),
    # Caddy
    "caddy: no upgrade": Mistake(
        "caddy", caddy, SITE.format(lines="reverse_proxy NETLOC {\nheader_up -Upgrade\n}"), "ws-proxy-no-upgrade",
        SOCKET,
    ),
    "caddy: doubled": Mistake(
        "caddy", caddy, SITE.format(lines="header Access-Control-Allow-Origin *\nreverse_proxy NETLOC"),
        "duplicate-acao-proxy",
    ),
    "caddy: taken away": Mistake(
        "caddy", caddy,
        SITE.format(lines="reverse_proxy NETLOC {\nheader_down -Access-Control-Allow-Origin\n}"), "proxy-strips-acao",
        upstream=lambda: shared(node, "4.8", "{cors: {origin: '*'}}"),
    ),
    "caddy: empty preflight": Mistake(
        "caddy", caddy, SITE.format(lines="@p method OPTIONS\nrespond @p 204\nreverse_proxy NETLOC"),
        "preflight-empty-2xx", HEADER,
    ),
    "caddy: methods": Mistake(
        "caddy", caddy, SITE.format(lines="@p not method GET POST\nrespond @p 405\nreverse_proxy NETLOC"),
        "preflight-blocked-upstream", HEADER,
    ),
    "caddy: the page": Mistake(
        "caddy", caddy, SITE.format(lines="header Content-Type text/html\nrespond \"<title>My App</title>\""),
        "html-instead-of-handshake",
    ),
    "caddy: down": Mistake("caddy", caddy, SITE.format(lines="reverse_proxy 127.0.0.1:1"), "gateway-5xx-no-cors"),
    "caddy: a password": Mistake(
        "caddy", caddy,
        SITE.format(lines="basicauth {\nx $2a$14$Zkx19XLiW6VYouLHR5NmfOFU0z2GTNmpkT/5qqR7hx4IjWJPDhjvG\n}\n"
                          "reverse_proxy NETLOC"), "basic-auth-or-401",
    ),
    "caddy: stripped": Mistake(
        "caddy", caddy, SITE.format(lines="handle_path /socket.io/* {\nreverse_proxy NETLOC\n}"), "proxy-strips-path"
    ),
    "caddy: no query": Mistake(
        "caddy", caddy, SITE.format(lines="rewrite * {path}?\nreverse_proxy NETLOC"), "transport-unknown"
    ),
    "caddy: the host": Mistake(
        "caddy", caddy,
        SITE.format(lines="reverse_proxy NETLOC {\nheader_up Host {upstream_hostport}\nheader_up -X-Forwarded-Host\n}"),
        "python-origin-not-accepted", {"page": "OWN"}, upstream=lambda: shared(python_server, "uvicorn"),
    ),
}  # fmt: skip
NEEDS = {"nginx": needs_nginx, "haproxy": needs_haproxy, "apache": needs_apache, "caddy": needs_caddy}


def cure(report: Report, slug: str, kind: str) -> Fix:
    """The cure of that proxy for that cause, which has to be the headline."""
    assert [finding.slug for finding in report.findings][:1] == [slug]
    return next(fix for fix in report.findings[0].fixes if fix.stack.lower() == kind)


@needs_node
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=NEEDS[mistake.kind]) for name, mistake in MISTAKES.items()]
)  # fmt: skip
def test_the_cure_ends_the_cause(name: str) -> None:
    mistake = MISTAKES[name]
    upstream, port = mistake.upstream(), free_port()
    url = f"http://127.0.0.1:{port}"

    def part(text: str) -> str:
        """As it stands in the file; a rule of HAProxy's is told its server too."""
        rule = f"{netloc(upstream)}\n" if mistake.configuration is haproxy_rule else ""
        whole = f"{rule}{mistake.kept}\n{text}" if mistake.kept else f"{rule}{text}"
        whole += "\n</Location>" if mistake.kept and mistake.kept.count("<Location") > whole.count("</Location") else ""
        return whole.replace("UPSTREAM", upstream).replace("NETLOC", netloc(upstream)).replace("PORT", str(port))

    client = {**mistake.client, "page": url} if mistake.client.get("page") == "OWN" else mistake.client
    with proxy(mistake.kind, mistake.configuration, port, part(mistake.wrong)):
        broken = check(url, **client, direct=upstream)
    fix = cure(broken, mistake.slug, mistake.kind)
    with proxy(mistake.kind, mistake.configuration, port, part(fix.after)):
        assert_healthy(check(url, **client))
        # The upgrade goes through also where the page begins by WebSocket.
        assert_healthy(check(url, **{**client, **SOCKET, "headers": []}))


STICKY = {
    "nginx": (nginx_in_http, "upstream s { server ONE; server TWO; }\nserver { listen PORT; "
              + passed().replace("UPSTREAM", "http://s") + " }"),
    "haproxy": (haproxy, "frontend www\nbind :PORT\ndefault_backend back\nbackend back\nbalance roundrobin\n"
                "server s1 ONE\nserver s2 TWO"),
    "apache": (apache, "<Proxy balancer://s>\nBalancerMember http://ONE upgrade=websocket\n"
               "BalancerMember http://TWO upgrade=websocket\n</Proxy>\nProxyPass /socket.io/ balancer://s/socket.io/"),
    "caddy": (caddy, SITE.format(lines="reverse_proxy ONE TWO {\nlb_policy round_robin\n}")),
}  # fmt: skip


#: A page of another site without cookies, one of another host that sends them, and one of the server's own origin.
PAGES: dict[str, dict[str, Any]] = {"no cookies": {}, "cookies": COOKIES, "its own": {"page": "OWN"}}


@needs_node
@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("kind", [pytest.param(kind, marks=NEEDS[kind]) for kind in STICKY])
def test_each_client_stays_on_one_process(kind: str, page: str) -> None:
    configuration, wrong = STICKY[kind]
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    client = {"page": url} if page == "its own" else PAGES[page]
    with ExitStack() as stack:
        one, two = (stack.enter_context(node("4.8", ONE_PAGE)) for _ in range(2))
        names = {"ONE": netloc(one), "TWO": netloc(two), "PORT": str(port)}
        for name, value in names.items():
            wrong = wrong.replace(name, value)
        with proxy(kind, configuration, port, wrong):
            fix = cure(check(url, **client, direct=one), "no-sticky-sessions", kind)
        # The cure names the next port for the second process, which here has another.
        following = f"127.0.0.1:{int(netloc(one).rpartition(':')[2]) + 1}"
        assert following in fix.after
        with proxy(kind, configuration, port, fix.after.replace(following, netloc(two))):
            assert_healthy(check(url, **client))
