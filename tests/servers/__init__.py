"""Real servers on loopback: what the tests ask. Each is a context manager that yields its base URL.

    with node("4.8", "{cors: {origin: 'http://localhost:3000'}}") as url:
        ...

    @needs_node
    def test_something() -> None:
        url = shared(node, "4.8")

What this machine lacks skips the test, and the last line of the run counts it; with ``CI=true`` it fails the test, but
for what is ``OPTIONAL``.
"""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import subprocess
from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import ParamSpec

import pytest

from sio_doctor.confirm.find import PRODUCTS, BrowserError, find

P = ParamSpec("P")

#: What each server needs on the machine, for the person who wants to install it.
NEEDS = {
    "node": "Node.js, and `npm ci` in tests/servers/node",
    "nginx": "nginx",
    "haproxy": "haproxy",
    "apache": "Apache (apache2-bin)",
    "caddy": "Caddy",
    "openssl": "the openssl command",
    "curl": "the curl command",
    "ipv6": "an IPv6 loopback, ::1",
    "chromium": "Chromium, Chrome or Edge",
    "firefox": "Firefox",
    "webkit": "WebKitGTK's MiniBrowser (Debian: webkit2gtk-driver), Xvfb, and Linux namespaces",
}

#: What is skipped under CI too: a container may give no namespaces.
OPTIONAL = frozenset({"webkit"})

needs_node = pytest.mark.needs_node
needs_nginx = pytest.mark.needs_nginx
needs_haproxy = pytest.mark.needs_haproxy
needs_apache = pytest.mark.needs_apache
needs_caddy = pytest.mark.needs_caddy
needs_openssl = pytest.mark.needs_openssl
needs_curl = pytest.mark.needs_curl
needs_ipv6 = pytest.mark.needs_ipv6
needs_chromium = pytest.mark.needs_chromium
needs_firefox = pytest.mark.needs_firefox
needs_webkit = pytest.mark.needs_webkit

#: Runs a program in namespaces of its own: users (so that root is not needed), mounts, network.
APART = ("unshare", "--map-root-user", "--mount", "--net")

NODE_MODULES = Path(__file__).parent / "node" / "node_modules"

#: How many shared servers stay alive in one process: a Node server is 45 MB.
SHARED_AT_MOST = 12


def executable(name: str) -> str | None:
    """The path of a program; None where it is missing. Debian keeps servers in /usr/sbin, off people's PATH.

    ``ipv6`` is no program, but this machine's address ``::1``.
    """
    if name == "ipv6":
        return _loopback_6()
    if name in PRODUCTS:
        try:
            return find(name).path
        except BrowserError:
            return None
    name = {"apache": "apache2"}.get(name, name)
    if name == "webkit":
        return _minibrowser()
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


@cache
def _loopback_6() -> str | None:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return None
    return "::1"


@cache
def _minibrowser() -> str | None:
    """Debian keeps it beside the library. None, too, where it cannot have a display and a network of its own."""
    if shutil.which("Xvfb") is None or shutil.which("unshare") is None:
        return None
    if subprocess.run([*APART, "true"], capture_output=True).returncode:
        return None
    return next((str(path) for path in Path("/usr/lib").glob("*/webkit2gtk-4.*/MiniBrowser")), None)


def need(name: str) -> str:
    """The path of a program that the test needs. Missing: the test is skipped, and counted; under CI it fails."""
    path = executable(name)
    if path is not None and (name != "node" or NODE_MODULES.is_dir()):
        return path
    if os.environ.get("CI") == "true" and name not in OPTIONAL:
        pytest.fail(f"missing on this machine: {NEEDS[name]}", pytrace=False)
    pytest.skip(f"needs {name}")


_running: OrderedDict[object, tuple[AbstractContextManager[str], str]] = OrderedDict()


def shared(server: Callable[P, AbstractContextManager[str]], /, *args: P.args, **kwargs: P.kwargs) -> str:
    """The base URL of ``server(*args, **kwargs)``, started once for all tests that ask for the same.

    It lives until the run ends, or until it is the one that was asked for longest ago of more than ``SHARED_AT_MOST``.
    Sessions that other tests left behind are still in it.
    """
    key = (server, repr(args), repr(sorted(kwargs.items())))
    if key not in _running:
        if len(_running) >= SHARED_AT_MOST:
            _, (oldest, _) = _running.popitem(last=False)
            oldest.__exit__(None, None, None)
        manager = server(*args, **kwargs)
        _running[key] = manager, manager.__enter__()
    _running.move_to_end(key)
    return _running[key][1]


@atexit.register
def stop_shared() -> None:
    """End every shared server."""
    while _running:
        _, (manager, _) = _running.popitem()
        manager.__exit__(None, None, None)
