"""Certificates for servers on loopback, made by the openssl command when they are needed."""

from __future__ import annotations

import atexit
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.servers import need


class Certificate(NamedTuple):
    """PEM files: the certificate chain and its private key. A self-signed one is its own root."""

    chain: Path
    key: Path


@cache
def self_signed(*names: str, days: int = 30) -> Certificate:
    """A self-signed certificate for the host names (without any: ``localhost``) and for 127.0.0.1 and ::1.

    Made once for each set of names; the files go when the run ends.
    """
    folder = tempfile.TemporaryDirectory(prefix="sio-doctor-tls-")
    atexit.register(folder.cleanup)
    certificate = Certificate(Path(folder.name) / "chain.pem", Path(folder.name) / "key.pem")
    hosts = names or ("localhost",)
    alternatives = ",".join([*(f"DNS:{name}" for name in hosts), "IP:127.0.0.1", "IP:::1"])
    command = [need("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", str(certificate.key), "-out", str(certificate.chain), "-days", str(days)]
    command += ["-subj", f"/CN={hosts[0]}", "-addext", f"subjectAltName={alternatives}"]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    return certificate
