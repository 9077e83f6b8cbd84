"""How the file of a pair is run: by its ending, and for ``.conf`` by the folder that it is in."""

from __future__ import annotations

import os
import random
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.servers import NODE_MODULES, need
from tests.servers.certificates import self_signed
from tests.servers.process import process
from tests.servers.proxies import APACHE_MODULES

RUN_JS = Path(__file__).with_name("run.js")

#: Below those that the system gives to connections, so that nobody else has one by chance between two starts.
_PORTS = range(20000, 32000)


def free_ports(count: int) -> tuple[int, ...]:
    """Ports of loopback where nothing listens, one behind the other: a mended file starts where it was before."""
    while True:
        first = random.choice(_PORTS)
        ports = tuple(range(first, first + count))
        if all(map(_is_free, ports)):
            return ports


def _is_free(port: int) -> bool:
    with suppress(OSError), socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        return True
    return False


@contextmanager
def running(text: str, name: str, port: int, *, socket_io: str = "socket.io-4") -> Iterator[None]:
    """Runs ``text`` as the file ``name`` (``nginx/proxy-strips-path.conf``) until the block is left. It listens on
    ``port`` of 127.0.0.1 when the block is entered.

    ``socket_io`` is the package that a file on Node finds under that name.
    """
    with tempfile.TemporaryDirectory(prefix="sio-doctor-cure-") as temporary:
        folder = Path(temporary)
        file = folder / Path(name).name
        file.write_text(text)
        kind = Path(name).parts[0] if file.suffix == ".conf" else file.suffix
        command = _COMMANDS[kind](folder, file, port, socket_io)
        environment = {
            "PORT": str(port),
            "PYTHONWARNINGS": "ignore",
            "HOME": temporary,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        with process(command, cwd=folder, env=environment) as server:
            server.wait_for_accept(port)
            yield
        if file.suffix == ".sh":
            # The shell is gone at once; the workers that it started take their time, and the port.
            with suppress(ProcessLookupError):
                os.killpg(server.popen.pid, signal.SIGKILL)
            _wait_until_free(port)


def _wait_until_free(port: int) -> None:
    until = time.monotonic() + 10.0
    while not _is_free(port) and time.monotonic() < until:
        time.sleep(0.05)


def _node(folder: Path, file: Path, port: int, socket_io: str) -> list[str | Path]:
    return [need("node"), RUN_JS, file, socket_io, NODE_MODULES]


def _python(folder: Path, file: Path, port: int, socket_io: str) -> list[str | Path]:
    return [sys.executable, file]


def _shell(folder: Path, file: Path, port: int, socket_io: str) -> list[str | Path]:
    return ["bash", file]


def _haproxy(folder: Path, file: Path, port: int, socket_io: str) -> list[str | Path]:
    certificate = self_signed()
    (folder / "both.pem").write_text(certificate.chain.read_text() + certificate.key.read_text())
    return [need("haproxy"), "-db", "-f", file]


def _caddy(folder: Path, file: Path, port: int, socket_io: str) -> list[str | Path]:
    (folder / "index.html").write_text(_INDEX)
    return [need("caddy"), "run", "--adapter", "caddyfile", "--config", file]


def _nginx(folder: Path, file: Path, port: int, socket_io: str) -> list[str | Path]:
    """The file is what stands in sites-enabled/; around it is what Debian's nginx.conf says."""
    main = folder / "nginx.conf.main"
    main.write_text(f"""
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr warn;
{"user root;" if os.geteuid() == 0 else ""}
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  include {file};
}}
""")
    (folder / "index.html").write_text(_INDEX)
    return [need("nginx"), "-p", folder, "-e", "stderr", "-c", main]


def _apache(folder: Path, file: Path, port: int, socket_io: str) -> list[str | Path]:
    """The file is what stands in sites-enabled/; around it is what Debian's apache2.conf says."""
    places = (Path("/usr/lib/apache2/modules"), Path("/usr/lib64/httpd/modules"))
    modules = next(path for path in places if path.is_dir())
    wanted = (*APACHE_MODULES, *_MORE_APACHE_MODULES)
    loaded = "\n".join(f"LoadModule {name}_module {modules}/mod_{name}.so" for name in wanted)
    main = folder / "apache2.conf.main"
    main.write_text(f"""
ServerRoot {folder}
ServerName localhost
PidFile {folder}/apache.pid
Mutex file:{folder}
ErrorLog /dev/stderr
Listen 127.0.0.1:{port}
{loaded}
Include {file}
""")
    folder.chmod(0o755)
    (folder / "index.html").write_text(_INDEX)
    (folder / ".htpasswd").write_text("ann:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n")
    return [need("apache"), "-D", "FOREGROUND", "-f", main]


_INDEX = "<!doctype html><title>App</title>"
_MORE_APACHE_MODULES = (
    "authn_core",
    "authn_file",
    "auth_basic",
    "authz_user",
    "authz_host",
    "env",
    "setenvif",
    "proxy_balancer",
    "lbmethod_byrequests",
    "slotmem_shm",
)

_COMMANDS: dict[str, Callable[[Path, Path, int, str], Sequence[str | Path]]] = {
    ".js": _node,
    ".ts": _node,
    ".py": _python,
    ".sh": _shell,
    ".cfg": _haproxy,
    ".Caddyfile": _caddy,
    "nginx": _nginx,
    "apache": _apache,
}
