"""A certificate authority for the tests, and server certificates good and bad, made by the openssl command."""

from __future__ import annotations

import atexit
import ssl
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from tests.servers import need

_CONFIGURATION = """
[ca]
default_ca = own
[own]
database = {folder}/index.txt
serial = {folder}/serial
new_certs_dir = {folder}
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
"""


@cache
def _folder() -> Path:
    folder = tempfile.TemporaryDirectory(prefix="sio-doctor-ca-")
    atexit.register(folder.cleanup)
    made = Path(folder.name)
    (made / "index.txt").touch()
    (made / "serial").write_text("01\n")
    (made / "ca.cnf").write_text(_CONFIGURATION.format(folder=made))
    _openssl("req", "-x509", *_new_key(made / "ca.key"), "-out", str(made / "ca.pem"), "-subj", "/CN=Own CA")
    return made


def authority() -> Path:
    """The authority's certificate, PEM."""
    return _folder() / "ca.pem"


@cache
def server_context(
    *, name: str = "DNS:localhost", common_name: str = "server", start: str = "", end: str = ""
) -> ssl.SSLContext:
    """A server's TLS with a certificate of the authority, for ``name`` (or none); dates as ``20200101000000Z``."""
    stem = _folder() / f"server-{name.replace(':', '-')}{common_name}{start}{end}"
    key, request, certificate = (Path(f"{stem}{suffix}") for suffix in (".key", ".csr", ".pem"))
    extension = ("-addext", f"subjectAltName={name}") if name else ()
    _openssl("req", *_new_key(key), "-out", str(request), "-subj", f"/CN={common_name}", *extension)
    dates = [*(("-startdate", start) if start else ()), *(("-enddate", end) if end else ("-days", "2"))]
    issuer = ["-cert", str(authority()), "-keyfile", str(_folder() / "ca.key")]
    _openssl("ca", "-batch", "-notext", *issuer, "-in", str(request), "-out", str(certificate), *dates)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


@cache
def behind_intermediate(*, send: str = "chain", names_issuer: bool = False) -> ssl.SSLContext:
    """A server's TLS for ``localhost`` with a certificate that an intermediate authority signed. ``send``: the
    ``chain``, the certificate ``alone``, or the chain and the ``root``; ``names_issuer``: it says where to find it.
    """
    folder = _folder()
    middle = _signed("middle", "Own Intermediate", "basicConstraints=critical,CA:TRUE", ("ca", authority()))
    extensions = "subjectAltName=DNS:localhost" + (
        "\nauthorityInfoAccess=caIssuers;URI:http://ca.invalid/middle.der" if names_issuer else ""
    )
    leaf = _signed(f"leaf-{names_issuer}", "server", extensions, ("middle", middle))
    sent = {"alone": [leaf], "chain": [leaf, middle], "root": [leaf, middle, authority()]}[send]
    bundle = folder / f"bundle-{send}-{names_issuer}.pem"
    bundle.write_text("".join(path.read_text() for path in sent))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(bundle, leaf.with_suffix(".key"))
    return context


@cache
def _signed(stem: str, common_name: str, extensions: str, by: tuple[str, Path]) -> Path:
    """A certificate with those extensions, one a line, signed by the authority of that stem and certificate."""
    folder = _folder()
    key, request, certificate, wanted = (folder / f"{stem}{suffix}" for suffix in (".key", ".csr", ".pem", ".ext"))
    wanted.write_text(extensions)
    _openssl("req", *_new_key(key), "-out", str(request), "-subj", f"/CN={common_name}")
    signer = ["-CA", str(by[1]), "-CAkey", str(folder / f"{by[0]}.key"), "-CAcreateserial", "-days", "2"]
    _openssl("x509", "-req", "-in", str(request), "-out", str(certificate), *signer, "-extfile", str(wanted))
    return certificate


def _new_key(path: Path) -> list[str]:
    config = ["-config", str(path.parent / "ca.cnf")]
    return [*config, "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(path)]


def _openssl(command: str, *arguments: str) -> None:
    config = ["-config", str(_folder() / "ca.cnf")] if command == "ca" else []
    subprocess.run([need("openssl"), command, *config, *arguments], check=True, capture_output=True, timeout=30)
