"""What the person asked, made exact. Pure: whatever is wrong with it is one sentence, a ``PlanError``.

People paste what they have at hand: a bare host, a WebSocket URL, the polling URL out of a console, the address of the
page. All of it is taken, and what was cut, completed or assumed is said in the plan's notes.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Sequence
from math import inf
from typing import Literal, NamedTuple, TypeVar, get_args
from urllib.parse import parse_qsl

import msgspec

from sio_doctor.model import Browser, Client, ClientVersion, HeaderList, Plan, Target, Transport
from sio_doctor.network import cookies as read_cookies
from sio_doctor.network import network_options, notes_on
from sio_doctor.standards import url as urls

VERSIONS: tuple[ClientVersion, ...] = get_args(ClientVersion)
BROWSERS: tuple[Browser, ...] = get_args(Browser)
TRANSPORTS: tuple[Transport, ...] = get_args(Transport)

#: Seconds: no timeout of a proxy that matters is longer than an hour.
LONGEST_HOLD = 3600

#: What engine.io-client puts into the query itself; the rest of a pasted query is the application's.
_PROTOCOL_KEYS = frozenset({"EIO", "transport", "t", "sid", "b64", "j"})
_HANDSHAKE_PATH = re.compile(r"/(socket\.io|engine\.io)/?$")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://")


class PlanError(ValueError):
    """What the person asked cannot be asked; the message is one sentence for them."""


def make_plan(
    url: str,
    *,
    origins: Sequence[str] = (),
    page: str | None = None,
    version: int | None = None,
    transports: Sequence[str] = (),
    try_all_transports: bool = False,
    with_credentials: bool | None = None,
    headers: Sequence[str] = (),
    path: str | None = None,
    namespace: str | None = None,
    auth: str | None = None,
    query: Sequence[str] = (),
    browsers: Sequence[str] = (),
    timeout: float = 10.0,
    deadline: float = 30.0,
    hold: float = 0.0,
    direct: str | None = None,
    cookies: Sequence[str] = (),
    resolve: Sequence[str] = (),
    ca_file: str | None = None,
    insecure: bool = False,
    proxy: str | None = None,
    no_proxy: str | None = None,
    family: int | None = None,
    max_requests: int | None = None,
    stacks: Sequence[str] = (),
) -> Plan:
    """The plan of one check. ``timeout``, ``deadline`` and ``hold`` in seconds, ``query`` as ``name=value``,
    ``headers`` as ``name: value``, ``auth`` as JSON text, ``cookies`` as ``name=value; name=value``. ``resolve``
    (``host:port:address``), ``ca_file``, ``insecure``, ``proxy`` (empty: none), ``no_proxy`` and ``family`` (4 or 6)
    are as curl's options. ``page`` is the URL of a page to be read, whose origin is asked about first. ``stacks`` are
    names of those that the cures are for (``nestjs``, ``nginx``). Raises PlanError with one sentence.
    """
    if not (0 < timeout < inf and 0 < deadline < inf):
        raise PlanError("--timeout and --deadline take a number of seconds above 0.")
    if not 0 <= hold <= LONGEST_HOLD:
        raise PlanError(f"--hold takes a number of seconds up to {LONGEST_HOLD}.")
    notes: list[str] = []
    page = None if page is None else _page(page, notes)
    own = [urls.origin_of(page)] if page is not None else []
    pages = tuple(dict.fromkeys([*own, *(_origin(text, notes) for text in origins)]))
    pasted = _paste(url, pages, notes)
    client_version = _version(version, pasted.protocol, notes)
    if try_all_transports and client_version != 4:
        raise PlanError(f"--try-all-transports is an option of socket.io-client 4.8, not of version {client_version}.")
    extra = tuple(_header(text) for text in headers)
    try:
        network = network_options(
            resolve=resolve,
            ca_file=ca_file,
            insecure=insecure,
            proxy=proxy,
            no_proxy=no_proxy,
            family=family,
            max_requests=max_requests,
        )
        jar = read_cookies(cookies)
    except ValueError as error:
        raise PlanError(str(error)) from None
    notes += notes_on(network, pasted.url)
    # socket.io-client 2 sends credentials unless told not to.
    credentials = client_version == 2 if with_credentials is None else with_credentials
    if jar:
        notes.append(_on_cookies(pasted.url, pages, credentials))
    if client_version == 2 and extra:
        notes.append(
            "socket.io-client 2 in a page ignores extraHeaders at the top level; the headers are taken as "
            "transportOptions.polling.extraHeaders."
        )
    target = Target(
        url=pasted.url,
        path=_path(path) if path is not None else pasted.path,
        namespace=_namespace(namespace) if namespace is not None else pasted.namespace,
        query=(*pasted.query, *(_pair(text) for text in query)),
    )
    return Plan(
        target=target,
        origins=pages,
        page=page,
        client=Client(
            version=client_version,
            transports=_transports(transports) or pasted.transports or TRANSPORTS,
            try_all_transports=try_all_transports,
            with_credentials=credentials,
            extra_headers=extra,
            auth=_auth(auth),
            cookies=jar,
        ),
        network=network,
        browsers=tuple(_one_of(name, BROWSERS, "--browser") for name in dict.fromkeys(browsers)) or BROWSERS,
        timeout=timeout,
        deadline=deadline,
        hold=hold,
        direct=_direct(direct, pages, target) if direct is not None else None,
        nonce=secrets.token_hex(3),
        namespace_from_path=namespace is None and pasted.namespace != "/",
        notes=tuple(notes),
        stacks=_stacks(stacks),
    )


def _direct(text: str, origins: Sequence[str], target: Target) -> Target:
    """The server behind the proxy: what its URL does not say is as in front of it."""
    given = _paste(text, origins, [])
    if given.url == target.url:
        raise PlanError("--direct takes the URL of the server behind the proxy, and this is the proxy's own.")
    pasted = _HANDSHAKE_PATH.search(urls.parse(text).path) if "://" in text else None
    return msgspec.structs.replace(target, url=given.url, path=given.path if pasted else target.path)


class _Pasted(NamedTuple):
    """What a pasted URL says."""

    url: str
    path: str = "/socket.io/"
    namespace: str = "/"
    query: tuple[tuple[str, str], ...] = ()
    protocol: int | None = None
    transports: tuple[Transport, ...] = ()


def _paste(text: str, origins: Sequence[str], notes: list[str]) -> _Pasted:
    text = text.strip()
    if not text:
        raise PlanError("The URL is empty; give the server's, like https://api.example.com.")
    scheme = _SCHEME.match(text)
    if scheme is None:
        if re.match(r"[A-Za-z][A-Za-z0-9+.\-]*:(?!\d)", text):
            raise PlanError(f"{text!r} has a scheme that is none of http, https, ws and wss.")
        text = text.removeprefix("//")
        guessed = _guess_scheme(text, origins)
        notes.append(f"The URL has no scheme; {guessed} was taken.")
        text = f"{guessed}://{text}"
    elif scheme[1].lower() not in ("http", "https", "ws", "wss"):
        raise PlanError(
            f"{text!r} has the scheme {scheme[1]!r}; a Socket.IO server is reached by http, https, ws or wss."
        )
    try:
        url = urls.parse(text)
    except ValueError as error:
        raise PlanError(f"{text!r} is no URL: {_why(error)}") from None
    if not url.host:
        raise PlanError(f"{text!r} has no host.")
    if url.username or url.password:
        notes.append("The user name and password in the URL were left out: socket.io-client does not send them.")
    server = "http" + urls.origin_of(url).removeprefix("http").removeprefix("ws")
    pairs = parse_qsl(url.query or "", keep_blank_values=True)
    own = dict(pair for pair in pairs if pair[0] in _PROTOCOL_KEYS)
    rest = tuple(pair for pair in pairs if pair[0] not in _PROTOCOL_KEYS)
    if "EIO" in own or "transport" in own:
        pasted = _Pasted(server, url.path, query=rest, protocol=_protocol(own.get("EIO")))
        if own.get("transport") == "websocket" and "sid" not in own:
            notes.append("The URL is a WebSocket's without a session, so the client is taken to use WebSocket alone.")
            pasted = pasted._replace(transports=("websocket",))
        if "sid" in own:
            notes.append("The session id in the URL was left out: a session of our own is opened.")
        return pasted
    if url.path in ("", "/"):
        return _Pasted(server, query=rest)
    if _HANDSHAKE_PATH.search(url.path):
        return _Pasted(server, url.path.rstrip("/") + "/", query=rest)
    notes.append(
        f"{url.path} was taken for the namespace, as socket.io-client takes the path of its URL; "
        f"if it is the handshake path, say --path {url.path.rstrip('/')}/."
    )
    return _Pasted(server, namespace=url.path, query=rest)


def _guess_scheme(text: str, origins: Sequence[str]) -> Literal["http", "https"]:
    """The page's scheme, as socket.io-client does; else what is likelier for such a host."""
    for origin in origins:
        if origin.startswith("https://"):
            return "https"
        if origin.startswith("http://"):
            return "http"
    authority = re.split(r"[/?#]", text)[0]
    host, _, port = authority.rpartition(":") if re.search(r":\d+$", authority) else (authority, "", "")
    local = host == "localhost" or host.endswith(".localhost") or re.fullmatch(r"[\d.]+|\[.*\]", host)
    return "http" if local or port not in ("", "443", "8443") else "https"


def _protocol(value: str | None) -> int | None:
    return int(value) if value in ("3", "4") else None


def _version(asked: int | None, protocol: int | None, notes: list[str]) -> ClientVersion:
    if asked is not None:
        for version in VERSIONS:
            if version == asked:
                return version
        raise PlanError(f"--client takes 2, 3 or 4, the version of socket.io-client in the page, not {asked}.")
    if protocol == 3:
        notes.append("EIO=3 in the URL: the page's client was taken for socket.io-client 2.")
        return 2
    return 4


def _origin(text: str, notes: list[str]) -> str:
    """The origin as browsers serialise it. https://html.spec.whatwg.org/#ascii-serialisation-of-an-origin"""
    given = text.strip()
    if given == "null":
        return "null"
    if given == "*":
        raise PlanError("'*' is no origin; leave --origin out to ask whom the server lets in.")
    scheme = _SCHEME.match(given)
    if scheme is None and not re.match(r"(file|data|about|blob):", given):
        bare = given.removeprefix("//")
        likely = f"{_guess_scheme(bare, ())}://{bare}" if bare and "://" not in bare else "https://app.example.com"
        raise PlanError(f"{given!r} is no origin: it has no scheme; did you mean {likely}?")
    if scheme is not None and scheme[1].lower() in ("ws", "wss"):
        likely = "http" + given[2:]
        raise PlanError(f"{given!r} is no page's origin: pages are not served by {scheme[1]}; did you mean {likely}?")
    try:
        url = urls.parse(given)
        origin = urls.origin_of(url)
    except ValueError as error:
        raise PlanError(f"{given!r} is no origin: {_why(error)}") from None
    if origin == "null":
        notes.append(f"A page at {given} has an opaque origin: browsers send Origin: null.")
        return "null"
    if not url.host:
        raise PlanError(f"{given!r} is no origin: it has no host; did you mean {scheme[0] if scheme else ''}localhost?")
    if origin != given:
        notes.append(f"{given} was cut to its origin, {origin}, as a browser sends it.")
    return origin


def _page(text: str, notes: list[str]) -> str:
    """The URL of the page, without fragment, user and password. Its origin is all that the rest needs to know of it."""
    given = text.strip()
    scheme = _SCHEME.match(given)
    if scheme is None:
        likely = f"{_guess_scheme(given, ())}://{given}" if given else "https://app.example.com"
        raise PlanError(f"--page takes the URL of the page, and {given!r} has no scheme; did you mean {likely}?")
    if scheme[1].lower() not in ("http", "https", "file"):
        raise PlanError(f"--page takes an http, https or file URL, and {given!r} is none.")
    try:
        url = urls.parse(given)
    except ValueError as error:
        raise PlanError(f"{given!r} is no page: {_why(error)}") from None
    if url.scheme == "file" and (url.host not in ("", "localhost") or url.path in ("", "/")):
        raise PlanError(f"{given!r} is no file of this machine; it looks like file:///home/me/index.html.")
    if url.has_credentials:
        notes.append("The user name and password in the page's URL were left out.")
    return urls.serialize(url, credentials=False, fragment=False)


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    value = value.strip(" \t")
    if not colon or not _TOKEN.fullmatch(name.strip()):
        raise PlanError(f"{text!r} is no header; write it as 'name: value'.")
    if any(char in value for char in "\r\n\0") or any(ord(char) > 0xFF for char in value):
        raise PlanError(f"The value of the header {name.strip()!r} has characters that no header can carry.")
    return name.strip(), value


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not name or not sign:
        raise PlanError(f"{text!r} is no query parameter; write it as name=value.")
    if name in _PROTOCOL_KEYS:
        raise PlanError(f"{name} is engine.io-client's own query parameter; --client and --transports choose it.")
    return _text(name), _text(value)


def _on_cookies(server: str, pages: Sequence[str], credentials: bool) -> str:
    if credentials or (pages and all(page == server for page in pages)):
        return (
            "The cookies are sent as ones whose SameSite and Secure let them through, which a browser looks at first."
        )
    return (
        "The client has no withCredentials, so a browser sends the cookies with WebSockets and with requests to the "
        "page's own origin, and with no others."
    )


def _path(text: str) -> str:
    """The handshake path as engine.io-client writes it: one slash at the end."""
    if re.search(r"[?#\s]", text) or "://" in text or not text.strip("/"):
        raise PlanError(f"{text!r} is no handshake path; it looks like /socket.io/.")
    return "/" + _text(text).strip("/") + "/"


def _namespace(text: str) -> str:
    if "," in text or re.search(r"\s", text):
        raise PlanError(f"{text!r} is no namespace; it looks like /admin.")
    return _text(text) if text.startswith("/") else f"/{_text(text)}"


def _text(given: str) -> str:
    """``given``, which a shell may hand over in bytes that are no text: those arrive as lone surrogates."""
    try:
        given.encode()
    except UnicodeEncodeError:
        raise PlanError(f"{given!r} is no UTF-8, and that is all that a client can send.") from None
    return given


def _auth(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        # Not the text itself: it is a secret, and this goes into logs.
        raise PlanError(f"--auth takes a JSON object, and this is no JSON: {error}.") from None
    if not isinstance(value, dict):
        raise PlanError('--auth takes a JSON object like \'{"token": "…"}\', and this is JSON, but no object.')
    return msgspec.json.encode(value).decode()


def _transports(values: Sequence[str]) -> tuple[Transport, ...]:
    names = [name.strip() for value in values for name in value.split(",") if name.strip()]
    return tuple(_one_of(name, TRANSPORTS, "--transports") for name in dict.fromkeys(names))


def _stacks(values: Sequence[str]) -> tuple[str, ...]:
    """Repeated or in one list with commas, in any case."""
    wanted = [name.strip().lower() for value in values for name in value.split(",") if name.strip()]
    if not values:
        return ()
    from sio_doctor.stacks import NAMES  # it takes a while, and few name one
    from sio_doctor.stacks.named import unknown_name

    for name in wanted:
        if name not in NAMES:
            raise PlanError(unknown_name(name, NAMES))
    if not wanted:
        raise PlanError(f"--stack takes names: {', '.join(NAMES)}.")
    return tuple(dict.fromkeys(wanted))


Name = TypeVar("Name", bound=str)


def _one_of(name: str, known: Iterable[Name], option: str) -> Name:
    for candidate in known:
        if candidate == name:
            return candidate
    raise PlanError(f"{option} takes {' or '.join(known)}, not {name!r}.")


def _why(error: ValueError) -> str:
    """The half of the parser's sentence behind "… is no URL: "."""
    return str(error).rpartition(" is no URL: ")[2]


def header_names(headers: HeaderList) -> tuple[str, ...]:
    """The names alone: values may be secrets."""
    return tuple(name for name, _ in headers)
