"""``sio-doctor check``: one server, the chosen pages, one report."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from sio_doctor.commands import writing

if TYPE_CHECKING:
    from collections.abc import Callable

    from sio_doctor.examine import Confirm
    from sio_doctor.model import Evidence, Plan, Report

_WHAT, _CLIENT, _NETWORK, _OUTPUT = "What is asked", "The page's client", "The network, as curl has it", "The report"


def check(
    url: Annotated[str, typer.Argument(metavar="URL", help="The server, in any form: host, ws:// URL, polling URL.")],
    origin: Annotated[
        list[str] | None,
        typer.Option("--origin", "-o", metavar="PAGE", help="The page's origin, or its URL. Repeatable."),
    ] = None,
    page: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="The page itself: its origin and its Content-Security-Policy are read from there."
        ),
    ] = None,
    client: Annotated[
        int | None,
        typer.Option(metavar="2|3|4", help="Version of socket.io-client.", show_default="4", rich_help_panel=_CLIENT),
    ] = None,
    transports: Annotated[
        list[str] | None,
        typer.Option(metavar="LIST", help="polling,websocket in the client's order.", rich_help_panel=_CLIENT),
    ] = None,
    try_all_transports: Annotated[
        bool,
        typer.Option(
            "--try-all-transports", help="The client's tryAllTransports (4.8 or newer).", rich_help_panel=_CLIENT
        ),
    ] = False,
    with_credentials: Annotated[
        bool | None,
        typer.Option(
            "--with-credentials/--without-credentials",
            help="The client's withCredentials.",
            show_default="on for client 2, else off",
            rich_help_panel=_CLIENT,
        ),
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option(
            "--header", "-H", metavar="'NAME: VALUE'", help="One of the client's extraHeaders.", rich_help_panel=_CLIENT
        ),
    ] = None,
    path: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="The handshake path.", show_default="/socket.io/", rich_help_panel=_WHAT),
    ] = None,
    namespace: Annotated[
        str | None, typer.Option(metavar="NAME", help="The namespace.", show_default="/", rich_help_panel=_WHAT)
    ] = None,
    auth: Annotated[
        str | None, typer.Option(metavar="JSON", help="The client's auth payload.", rich_help_panel=_CLIENT)
    ] = None,
    query: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="One of the client's query parameters.", rich_help_panel=_CLIENT),
    ] = None,
    cookie: Annotated[
        list[str] | None,
        typer.Option(
            "--cookie",
            "-b",
            metavar="'NAME=VALUE; …'",
            help="Cookies that the browser has for the server.",
            rich_help_panel=_CLIENT,
        ),
    ] = None,
    resolve: Annotated[
        list[str] | None,
        typer.Option(metavar="HOST:PORT:ADDR", help="Where HOST (or *) is, instead of DNS.", rich_help_panel=_NETWORK),
    ] = None,
    ca_file: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Trust the authorities in this PEM file alone.", rich_help_panel=_NETWORK),
    ] = None,
    insecure: Annotated[
        bool,
        typer.Option(
            "--insecure", "-k", help="Go past a refused certificate, secrets included.", rich_help_panel=_NETWORK
        ),
    ] = False,
    proxy: Annotated[
        str | None,
        typer.Option(
            "--proxy",
            "-x",
            metavar="URL",
            help="An http:// proxy; '' for none.",
            show_default="the environment's",
            rich_help_panel=_NETWORK,
        ),
    ] = None,
    noproxy: Annotated[
        str | None,
        typer.Option(
            "--noproxy",
            metavar="LIST",
            help="Hosts that are asked directly; '*' for all.",
            show_default="the environment's",
            rich_help_panel=_NETWORK,
        ),
    ] = None,
    ipv4: Annotated[
        bool, typer.Option("--ipv4", "-4", help="Use IPv4 addresses alone.", rich_help_panel=_NETWORK)
    ] = False,
    ipv6: Annotated[
        bool, typer.Option("--ipv6", "-6", help="Use IPv6 addresses alone.", rich_help_panel=_NETWORK)
    ] = False,
    max_requests: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Ask no more than that.", show_default="40, 12 a further page", rich_help_panel=_WHAT
        ),
    ] = None,
    browser: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="chromium, firefox or webkit.", show_default="all three", rich_help_panel=_WHAT
        ),
    ] = None,
    format: Annotated[
        str, typer.Option("--format", "-f", metavar="NAME", help=writing.FORMAT_HELP, rich_help_panel=_OUTPUT)
    ] = "text",
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.", rich_help_panel=_OUTPUT)] = False,
    output: Annotated[
        str | None,
        typer.Option("--output", metavar="FILE", help="Write the report to FILE.", rich_help_panel=_OUTPUT),
    ] = None,
    report: Annotated[
        list[str] | None,
        typer.Option("--report", metavar="FORMAT=FILE", help=writing.REPORT_HELP, rich_help_panel=_OUTPUT),
    ] = None,
    save_evidence: Annotated[
        str | None,
        typer.Option(
            "--save-evidence",
            metavar="FILE",
            help="Keep what was seen, without secrets, for replay.",
            rich_help_panel=_OUTPUT,
        ),
    ] = None,
    fail_on: Annotated[
        str,
        typer.Option(metavar="LEVEL", help="Status 1 from error, warning or never.", rich_help_panel=_OUTPUT),
    ] = "error",
    stack: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Whom the cures are for: nestjs, flask-socketio, nginx, … Repeatable.",
            show_default="who was recognised",
            rich_help_panel=_OUTPUT,
        ),
    ] = None,
    confirm: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Ask a real browser too, chromium or firefox, if it is here.", rich_help_panel=_WHAT
        ),
    ] = None,
    timeout: Annotated[float, typer.Option(metavar="SECONDS", help="For each answer.", rich_help_panel=_WHAT)] = 10.0,
    deadline: Annotated[
        float, typer.Option(metavar="SECONDS", help="For the whole check; again for --confirm.", rich_help_panel=_WHAT)
    ] = 30.0,
    direct: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="The server behind the proxy: says what the proxy changes.", rich_help_panel=_WHAT
        ),
    ] = None,
    hold: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            help="Keep a WebSocket and a poll open, and say who cuts them.",
            show_default=False,
            rich_help_panel=_WHAT,
        ),
    ] = 0.0,
) -> None:
    """Checks one server: can a page of that origin connect, and if not, why?

    \b
    sio-doctor check https://api.example.com --origin https://app.example.com
    sio-doctor check localhost:3000 --origin http://localhost:5173 --with-credentials
    sio-doctor check https://api.example.com --page https://app.example.com/chat
    sio-doctor check 'https://api.example.com/socket.io/?EIO=4&transport=polling' --json

    Status: 0 all is well, 1 something was found, 2 the command is wrong, 3 a fault of sio-doctor, 130 interrupted.
    """
    from sio_doctor.plan import PlanError, make_plan

    wanted = writing.formats(format, json=json, output=output, reports=report or ())
    writing.level(fail_on)
    if ipv4 and ipv6:
        raise typer.TyperException("--ipv4 and --ipv6 exclude each other; leave both out to use both families.")
    try:
        plan = make_plan(
            url,
            origins=origin or (),
            page=page,
            version=client,
            transports=transports or (),
            try_all_transports=try_all_transports,
            with_credentials=with_credentials,
            headers=header or (),
            path=path,
            namespace=namespace,
            auth=auth,
            query=query or (),
            browsers=[*browser, confirm] if browser and confirm else browser or (),
            timeout=timeout,
            deadline=deadline,
            hold=hold,
            direct=direct,
            cookies=cookie or (),
            resolve=resolve or (),
            ca_file=ca_file,
            insecure=insecure,
            proxy=proxy,
            no_proxy=noproxy,
            family=4 if ipv4 else 6 if ipv6 else None,
            max_requests=max_requests,
            stacks=stack or (),
        )
    except PlanError as error:
        raise typer.TyperException(str(error)) from None
    readable(plan)
    kept: list[Evidence] = []
    told = examine(plan, confirm, kept.append if save_evidence else None)
    written = False
    try:
        written = writing.write_all(told, wanted)
    finally:  # also where the reader of the report has gone
        if save_evidence is not None:
            written = writing.save(kept[0], save_evidence) and written
    raise typer.Exit(writing.status(told, fail_on) if written else 2)


def readable(plan: Plan) -> None:
    """Raises ``typer.TyperException`` where the page is a file that cannot be read."""
    from sio_doctor.standards.url import file_path

    path = None if plan.page is None else file_path(plan.page)
    if path is not None:
        try:
            with open(path, "rb"):
                pass
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is no path"
            raise typer.TyperException(f"--page: {path!r} cannot be read ({reason}).") from None


def examine(plan: Plan, confirm: str | None = None, keep: Callable[[Evidence], None] | None = None) -> Report:
    """The examination, confirmed by a real browser where one is named, with a sign of life on standard error.

    ``keep`` is given the evidence.

    Raises ``typer.TyperException`` where that browser cannot be asked: it is not here, or there is no page.
    """
    from sio_doctor.commands.progress import Progress
    from sio_doctor.examine import examine_sync

    with Progress(sys.stderr) as progress:
        return examine_sync(plan, progress.show, _confirm(plan, confirm, progress.show) if confirm else None, keep)


def _confirm(plan: Plan, family: str, progress: Callable[[str], None]) -> Confirm:
    from sio_doctor.confirm.find import PRODUCTS, BrowserError, find
    from sio_doctor.model import NetworkOptions

    if family not in PRODUCTS:
        raise typer.TyperException(f"--confirm takes {' or '.join(PRODUCTS)}, not {family!r}.")
    if not plan.origins:
        raise typer.TyperException("--confirm needs --origin: a real page has one.")
    if plan.client.cookies or plan.network != NetworkOptions(max_requests=plan.network.max_requests):
        raise typer.TyperException(
            "--confirm asks a browser with an empty profile and the network as it is; leave out --cookie, --resolve, "
            "--ca-file, --insecure, --proxy, --noproxy, --ipv4 and --ipv6."
        )
    try:
        found = find(family)
    except BrowserError as error:
        raise typer.TyperException(str(error)) from None
    from sio_doctor.confirm.ask import confirm

    return lambda outcomes, document: confirm(plan, outcomes, family, found, progress, document)
