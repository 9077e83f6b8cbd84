"""nginx, HAProxy, Apache and Caddy in front of other servers, each in a temporary folder, on a free port."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.servers import need
from tests.servers.certificates import self_signed
from tests.servers.process import process, reserved_port

WEBSOCKET_HEADERS = """
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;"""


@contextmanager
def nginx(
    upstreams: Sequence[str],
    location: str = "",
    *,
    path: str = "/",
    websocket: bool = True,
    proxy_pass: str = "http://upstream",
    balance: str = "",
    server: str = "",
    http: str = "",
    tls: bool = False,
) -> Iterator[str]:
    """Run nginx before the base URLs ``upstreams`` (taken in turn); yields its base URL.

    ``location PATH`` passes to them, with the usual WebSocket lines (HTTP/1.1, Upgrade, Connection) unless
    ``websocket`` is False. ``location``, ``server`` and ``http`` are more lines for those blocks, ``balance`` for the
    one of the upstreams; without upstreams there is no such location, and ``server`` has them all. With ``tls``, https
    with a self-signed certificate.
    """
    program = need("nginx")
    certificate = self_signed() if tls else None

    def configuration(folder: Path, port: int) -> str:
        members = "\n".join(f"    server {urlsplit(url).netloc};" for url in upstreams)
        upstream = f"upstream upstream {{\n  {balance}\n{members}\n  }}" if upstreams else ""
        passing = f"""location {path} {{
      proxy_pass {proxy_pass};
      proxy_set_header Host $http_host;{WEBSOCKET_HEADERS if websocket else ""}
      {location}
    }}"""
        keys = (
            f"ssl_certificate {certificate.chain};\n    ssl_certificate_key {certificate.key};" if certificate else ""
        )
        return f"""
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr warn;
{"user root;" if os.geteuid() == 0 else ""}
events {{ worker_connections 128; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  map $http_upgrade $connection_upgrade {{ default upgrade; "" close; }}
  {upstream}
  {http}
  server {{
    listen 127.0.0.1:{port} reuseport{" ssl" if tls else ""};
    {keys}
    {server}
    {passing if upstreams else ""}
  }}
}}
"""

    def command(file: Path) -> list[str | Path]:
        return [program, "-p", file.parent, "-e", "stderr", "-c", file]

    with _proxy(configuration, command) as port:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{port}"


@contextmanager
def haproxy(
    upstreams: Sequence[str], *, frontend: str = "", backend: str = "", defaults: str = "", tls: bool = False
) -> Iterator[str]:
    """Run HAProxy before the base URLs ``upstreams`` (taken in turn); yields its base URL.

    ``frontend``, ``backend`` and ``defaults`` are more lines for those sections; of a setting that is given twice
    (``timeout``) HAProxy takes the last. With ``tls``, https with a self-signed certificate.
    """
    program = need("haproxy")
    certificate = self_signed() if tls else None

    def configuration(folder: Path, port: int) -> str:
        crypto = ""
        if certificate is not None:
            joined = folder / "both.pem"
            joined.write_text(certificate.chain.read_text() + certificate.key.read_text())
            crypto = f" ssl crt {joined}"
        members = "\n".join(f"  server s{n} {urlsplit(url).netloc} cookie s{n}" for n, url in enumerate(upstreams))
        return f"""
global
  maxconn 256
defaults
  mode http
  timeout connect 2s
  timeout client 30s
  timeout server 30s
  timeout tunnel 30s
  {defaults}
frontend front
  bind 127.0.0.1:{port}{crypto}
  {frontend}
  default_backend back
backend back
  balance roundrobin
  {backend}
{members}
"""

    with _proxy(configuration, lambda file: [program, "-db", "-f", file]) as port:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{port}"


#: Those of the modules of Debian's apache2 that the configurations here need.
APACHE_MODULES = (
    "mpm_event",
    "authz_core",
    "headers",
    "rewrite",
    "proxy",
    "proxy_http",
    "proxy_wstunnel",
    "alias",
    "dir",
)


@contextmanager
def apache(upstream: str, host: str = "", *, websocket: bool = True, path: str = "/", files: str = "") -> Iterator[str]:
    """Run Apache before the base URL ``upstream``; yields its base URL.

    ``ProxyPass PATH``, with ``upgrade=websocket`` unless ``websocket`` is False. ``host`` are more lines, before it.
    With ``files``, the text of an index.html, nothing is passed on: that page answers whatever is asked for.
    """
    program = need("apache")
    modules = next(
        path for path in (Path("/usr/lib/apache2/modules"), Path("/usr/lib64/httpd/modules")) if path.is_dir()
    )

    def configuration(folder: Path, port: int) -> str:
        loaded = "\n".join(f"LoadModule {name}_module {modules}/mod_{name}.so" for name in APACHE_MODULES)
        passed = f"ProxyPass {path} {upstream}{path}{' upgrade=websocket' if websocket else ''}"
        if files:
            (folder / "index.html").write_text(files)
            folder.chmod(0o755)
            rules = "Require all granted\nFallbackResource /index.html\nForceType text/html"
            passed = f"DocumentRoot {folder}\n<Directory {folder}>\n{rules}\n</Directory>"
        return f"""
ServerRoot {folder}
ServerName localhost
PidFile {folder}/apache.pid
Mutex file:{folder}
ErrorLog /dev/stderr
ListenCoresBucketsRatio 1
Listen 127.0.0.1:{port}
{loaded}
{host}
{passed}
"""

    with _proxy(configuration, lambda file: [program, "-D", "FOREGROUND", "-f", file]) as port:
        yield f"http://127.0.0.1:{port}"


@contextmanager
def caddy(upstream: str, site: str = "", *, routed: bool = True) -> Iterator[str]:
    """Run Caddy before the base URL ``upstream``; yields its base URL. ``site`` are more lines of the site's block.

    With ``routed`` False nothing is passed on but by ``site``.
    """
    program = need("caddy")

    def configuration(folder: Path, port: int) -> str:
        passed = f"reverse_proxy {urlsplit(upstream).netloc}" if routed else ""
        return f"""
{{
  admin off
  auto_https off
  storage file_system {folder}
}}
http://127.0.0.1:{port} {{
  bind 127.0.0.1
  {site}
  {passed}
}}
"""

    with _proxy(configuration, lambda file: [program, "run", "--adapter", "caddyfile", "--config", file]) as port:
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _proxy(configuration: Callable[[Path, int], str], command: Callable[[Path], Sequence[str | Path]]) -> Iterator[int]:
    """Run ``command`` on a file with ``configuration(folder, port)``; yields the port when it listens there."""
    with tempfile.TemporaryDirectory(prefix="sio-doctor-proxy-") as folder, reserved_port() as port:
        file = Path(folder) / "proxy.conf"
        file.write_text(configuration(Path(folder), port))
        with process(command(file)) as server:
            server.wait_for_accept(port)
            yield port
