"""What Apache needs to be loaded for the cures: the modules that their ``where`` names, and those of Debian's own."""

from __future__ import annotations

from pathlib import Path

MODULES = (
    "mpm_event", "authn_core", "authn_file", "authz_core", "authz_user", "auth_basic", "headers", "setenvif", "rewrite",
    "ssl", "slotmem_shm", "proxy", "proxy_http", "proxy_wstunnel", "proxy_balancer", "lbmethod_byrequests", "alias",
    "dir", "cache", "cache_disk",
)  # fmt: skip


def modules() -> Path:
    """The folder of Apache's modules."""
    folders = (Path("/usr/lib/apache2/modules"), Path("/usr/lib64/httpd/modules"))
    return next(folder for folder in folders if folder.is_dir())
