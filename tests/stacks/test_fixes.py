"""The cures: there is one for each cause and server, it is the person's own, and it parses."""

from __future__ import annotations

import ast
import itertools
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sio_doctor.model import Fix, Plan, Server
from sio_doctor.stacks import SLUGS, STACKS, fixes
from sio_doctor.stacks.base import PLACEHOLDER, SERVED
from tests.rules.build import PAGE, SERVER, make_plan
from tests.servers import need, needs_node

SERVERS = {
    "unknown": Server(),
    "socket.io 4": Server(stack="socket.io", version="4.8.4"),
    "socket.io 3": Server(stack="socket.io", version="3.1.2"),
    "socket.io, no version": Server(stack="socket.io"),
    "socket.io 2": Server(stack="socket.io", version="2.3–2.5"),
    "socket.io 1": Server(stack="socket.io", version="1.7.4"),
    "engine.io": Server(stack="engine.io"),
    "python, ASGI": Server(stack="python-socketio", version="5.12+", layers=("uvicorn",)),
    "python, WSGI": Server(stack="python-socketio", version="5.12+", layers=("Werkzeug 3.1.9",)),
    "python": Server(stack="python-socketio", version="5.0–5.11"),
    "FastAPI": Server(stack="python-socketio", layers=("FastAPI", "Starlette CORSMiddleware", "uvicorn")),
    "Django": Server(stack="python-socketio", layers=("Django", "uvicorn")),
    "Django, WSGI": Server(stack="python-socketio", layers=("Django", "gunicorn")),
    "aiohttp": Server(stack="python-socketio", layers=("aiohttp 3.14.5",)),
    "Tornado": Server(stack="python-socketio", layers=("Tornado 6.6.1",)),
    "NestJS": Server(stack="unknown", layers=("NestJS", "Express")),
    "NestJS, socket.io 4": Server(stack="socket.io", version="4.8.4", layers=("NestJS", "Express")),
    "NestJS, socket.io 2": Server(stack="socket.io", version="2.x", layers=("NestJS", "Express")),
    "nginx": Server(stack="socket.io", version="4.7+", layers=("nginx 1.22.1",)),
    "haproxy": Server(stack="socket.io", version="4.5+", layers=("haproxy",)),
    "apache": Server(stack="python-socketio", layers=("Apache 2.4.71",)),
    "an old apache": Server(stack="socket.io", layers=("Apache 2.4.41",)),
    "caddy": Server(layers=("Caddy",)),
    "somebody": Server(layers=("Cloudflare",)),
    "traefik": Server(stack="python-socketio", layers=("Traefik",)),
    "heroku": Server(stack="python-socketio", layers=("Heroku", "gunicorn")),
    "vercel": Server(layers=("Vercel",)),
    "amazon": Server(stack="socket.io", layers=("AWS ALB",)),
}
DETAILS = {
    "allow-origin": PAGE + "/",
    "accepted": PAGE + "/",
    "path": "/ws/socket.io/",
    "location": "https://www.api.example.com/socket.io/?EIO=4",
}
#: Causes whose cure lists the page.
LISTING = (
    "cors-not-configured", "origin-not-in-list", "static-origin-mismatch", "origin-trailing-slash", "origin-comma-list",
    "origin-no-scheme", "python-origin-not-accepted", "origin-callback-error", "acac-missing",
)  # fmt: skip
#: Causes that an https server cannot have.
HTTP_ALONE = ("mixed-content", "redirect-http-to-https", "hsts-upgrade")
HOSTILE = (
    'https://a"];process.exit(1);//',
    "https://a'];import os;#",
    "https://a\\",
    "https://a\n};evil\n",
    "https://a\u2028evil()//",
    "https://a</script><script>alert(1)</script>",
    "https://${evil}.example",
    "https://a; evil on;",
    "https://a} evil {",
    "https://\x00\x7f\x85é",
    "https://a`evil`$(evil)",
)


def every(plan: Plan, details: dict[str, str] | None = None) -> Iterator[tuple[str, str, Fix]]:
    """Each cure there is for that plan, with its slug and the name of the server."""
    for slug, (name, server) in itertools.product(sorted(SLUGS), SERVERS.items()):
        for fix in fixes(slug, plan, server, origins=plan.origins, details=details):
            yield slug, name, fix


USUAL = make_plan()
RICH = make_plan(
    with_credentials=True,
    extra_headers=(("my-custom-header", "secret"), ("Authorization", "secret")),
    path="/my/io/",
    namespace="/chat",
    version=2,
)
PLANS = {
    "usual": USUAL,
    "rich": RICH,
    "no origin": make_plan(origins=()),
    "file": make_plan(origins=("null",)),
    "http": make_plan(url="http://127.0.0.1:3000", origins=("http://localhost:5173", "null")),
    "websocket": make_plan(transports=("websocket",), namespace="/ws", namespace_from_path=True),
}


@pytest.mark.parametrize("name", SERVERS)
def test_each_cause_has_a_cure_for_each_server(name: str) -> None:
    for slug in SLUGS:
        for plan in [PLANS["http"]] if slug in HTTP_ALONE else PLANS.values():
            cures = fixes(slug, plan, SERVERS[name], origins=plan.origins)
            assert cures, slug
            assert len(set(cures)) == len(cures), slug
            for fix in cures:
                assert re.fullmatch(r"[A-Z].*[^.\s]", fix.title), fix
                assert re.fullmatch(r"\S.*\S", fix.where), fix
                assert fix.after.strip() == fix.after != fix.before, fix


def test_a_cause_without_a_cure_gets_none() -> None:
    assert fixes("no-such-cause", USUAL, Server(), origins=()) == ()


@pytest.mark.parametrize("details", [{}, DETAILS], ids=["nothing observed", "observed"])
@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_no_template_is_left_open(plan: Plan, details: dict[str, str]) -> None:
    for slug, name, fix in every(plan, details):
        text = f"{fix.title} {fix.where} {fix.after}"
        text = text.replace("AuthType None", "")
        text = re.sub(r'(SameSite|SESSION_COOKIE_SAMESITE)(=|": |=")"?None', "", text)  # there it is a value
        assert not re.search(r"(?<![$%])\{\w+\}|\{\{|%s|TODO|XXX|None", text), (slug, name, text)
        assert (PLACEHOLDER in fix.after) <= (PLACEHOLDER in fix.title)


@pytest.mark.parametrize("slug", LISTING)
def test_the_first_cure_lists_the_page(slug: str) -> None:
    for server in SERVERS.values():
        assert PAGE in fixes(slug, USUAL, server, origins=USUAL.origins)[0].after, server


def test_all_pages_that_it_concerns_are_listed_and_no_others() -> None:
    plan = make_plan(origins=("https://one.example", "https://two.example", "https://fine.example"))
    concerned = plan.origins[:2]
    first = fixes("cors-not-configured", plan, SERVERS["socket.io 4"], origins=concerned)[0]
    assert 'origin: ["https://one.example", "https://two.example"]' in first.after
    assert "fine" not in first.after


def test_without_an_origin_the_title_says_what_to_replace() -> None:
    first = fixes("cors-not-configured", PLANS["no origin"], Server(), origins=())[0]
    assert f'["{PLACEHOLDER}"]' in first.after
    assert f"replace {PLACEHOLDER}" in first.title


def test_null_is_never_listed() -> None:
    """Any sandboxed page has it; the page has to be served instead."""
    plan = PLANS["file"]
    for _, _, fix in every(plan):
        assert '"null"' not in fix.after
    served, listed, *_ = fixes("cors-not-configured", plan, SERVERS["socket.io 4"], origins=("null",))
    assert (served.side, served.language) == ("page", "sh")
    assert SERVED in served.after
    assert f'origin: ["{SERVED}"]' in listed.after


def test_headers_and_credentials_are_there_only_where_the_client_sends_them() -> None:
    usual, rich = (
        fixes("cors-not-configured", plan, SERVERS["socket.io 4"], origins=plan.origins)[0].after
        for plan in (USUAL, RICH)
    )
    assert "allowedHeaders" not in usual
    assert "credentials" not in usual
    assert 'allowedHeaders: ["my-custom-header", "Authorization"]' in rich
    assert "credentials: true" in rich


def test_values_of_headers_are_never_shown() -> None:
    for _, _, fix in every(RICH):
        assert "secret" not in f"{fix.title}{fix.after}{fix.before}"


def test_the_path_and_the_namespace_are_the_persons_own() -> None:
    page = fixes("connect-middleware-error", RICH, SERVERS["socket.io 4"], origins=RICH.origins)[0]
    assert f'io("{SERVER}/chat"' in page.after
    assert 'path: "/my/io/"' in page.after
    proxy = fixes("ws-proxy-no-upgrade", RICH, SERVERS["nginx"], origins=RICH.origins)[0]
    assert "location /my/io/ {" in proxy.after


def test_the_faulty_line_is_shown_where_it_is_known() -> None:
    server, origins = SERVERS["socket.io 4"], USUAL.origins
    known = fixes("origin-trailing-slash", USUAL, server, origins=origins, details={"allow-origin": PAGE + "/"})[0]
    assert known.before == f'origin: "{PAGE}/"'
    assert f'origin: ["{PAGE}"]' in known.after
    listed = fixes("origin-trailing-slash", USUAL, server, origins=origins, details={"accepted": PAGE + "/"})[0]
    assert listed.before == f'origin: ["{PAGE}/"]'
    assert fixes("origin-trailing-slash", USUAL, server, origins=origins)[0].before is None


def test_what_a_string_with_commas_listed_stays_listed() -> None:
    details = {"allow-origin": f"https://other.example,{PAGE}"}
    fix = fixes("origin-comma-list", USUAL, SERVERS["socket.io 4"], origins=USUAL.origins, details=details)[0]
    assert f'origin: ["https://other.example", "{PAGE}"]' in fix.after


def test_a_header_that_fits_another_chosen_page_is_not_called_faulty() -> None:
    plan = make_plan(origins=("https://one.example", "https://two.example"))
    details = {"allow-origin": "https://one.example"}
    fix = fixes("origin-not-in-list", plan, SERVERS["socket.io 4"], origins=("https://two.example",), details=details)[
        0
    ]
    assert fix.before is None


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_no_cure_is_worse_than_the_disease(plan: Plan) -> None:
    for slug, name, fix in every(plan, DETAILS):
        node = re.sub(r"\s", "", fix.after) if fix.language in ("js", "ts") and fix.side == "server" else ""
        assert 'origin:"*"' not in node, (slug, name)
        assert "origin:true" not in node, (slug, name)
        assert "'*'" not in fix.after, (slug, name)
        assert "$http_origin always" not in fix.after, (slug, name)
        assert "rejectUnauthorized" not in fix.after
        if 'transports: ["websocket"]' in fix.after:
            assert slug == "transport-disabled"
        if "cors_allowed_origins=[]" in fix.after:
            assert "WebSockets of any page are then let in" in fix.title


# --- who comes first -------------------------------------------------------------------------------------------------


def stacks(slug: str, server: Server, plan: Plan = USUAL) -> list[str]:
    return [fix.stack for fix in fixes(slug, plan, server, origins=plan.origins)]


def test_an_unknown_server_gets_the_two_commonest() -> None:
    assert stacks("cors-not-configured", Server()) == ["socket.io 4", "python-socketio"]


@pytest.mark.parametrize(
    ("name", "stack"),
    [
        ("socket.io 4", "socket.io 4"),
        ("socket.io 3", "socket.io 3"),
        ("python, ASGI", "python-socketio"),
        ("python, WSGI", "Flask-SocketIO"),
        ("NestJS", "NestJS"),
    ],
)
def test_a_known_server_gets_its_own(name: str, stack: str) -> None:
    assert stacks("cors-not-configured", SERVERS[name])[0] == stack


def test_version_2_gets_its_own_options() -> None:
    fix = fixes("v2-origins-needs-port", USUAL, SERVERS["socket.io 2"], origins=USUAL.origins)[0]
    assert f'origins: ["{PAGE}:443"]' in fix.after
    one = fixes("v2-origins-needs-port", USUAL, SERVERS["socket.io 1"], origins=USUAL.origins)[0]
    assert f'origins: "{PAGE}:443"' in one.after


def test_a_python_host_without_socketio_at_that_path_gets_python() -> None:
    assert "python-socketio" in stacks("path-mismatch", Server(layers=("FastAPI", "uvicorn")))
    assert "socket.io 4" not in stacks("path-mismatch", Server(layers=("FastAPI", "uvicorn")))


@pytest.mark.parametrize(
    ("name", "stack"), [("nginx", "nginx"), ("haproxy", "HAProxy"), ("apache", "Apache"), ("caddy", "Caddy")]
)
@pytest.mark.parametrize(
    "slug",
    [
        "duplicate-acao-proxy", "ws-proxy-no-upgrade", "no-sticky-sessions", "gateway-5xx-no-cors",
        "preflight-blocked-upstream", "html-instead-of-handshake",
    ],
)  # fmt: skip
def test_a_known_proxys_directive_comes_first(slug: str, name: str, stack: str) -> None:
    assert stacks(slug, SERVERS[name])[0] == stack


def test_nginx_is_guessed_and_said_to_be_a_guess() -> None:
    guess = fixes("ws-proxy-no-upgrade", USUAL, SERVERS["socket.io 4"], origins=USUAL.origins)[0]
    assert guess.stack == "nginx"
    assert guess.title.startswith("If nginx is in front, the commonest proxy: ")
    known = fixes("ws-proxy-no-upgrade", USUAL, SERVERS["nginx"], origins=USUAL.origins)[0]
    assert not known.title.startswith("If")
    assert "nginx" not in stacks("ws-proxy-no-upgrade", SERVERS["haproxy"])


def test_a_known_server_comes_before_a_guessed_proxy() -> None:
    assert stacks("no-sticky-sessions", SERVERS["python, WSGI"]) == ["Flask-SocketIO", "nginx"]


def test_a_refused_page_of_the_servers_own_origin_is_the_proxys_fault() -> None:
    own = make_plan(origins=(SERVER,))
    assert "nginx" in stacks("python-origin-not-accepted", SERVERS["python"], own)
    assert "nginx" not in stacks("python-origin-not-accepted", SERVERS["python"])


# --- what is written parses ------------------------------------------------------------------------------------------


def hostile_plans() -> Iterator[Plan]:
    for text in HOSTILE:
        yield make_plan(
            origins=(text,),
            path=f"/{text}/",
            namespace=f"/{text}",
            extra_headers=((text, "x"),),
            with_credentials=True,
        )


def hostile_fixes() -> Iterator[Fix]:
    for plan in hostile_plans():
        text = plan.origins[0]
        details = {"allow-origin": text, "accepted": text, "path": text, "location": text}
        for _, _, fix in every(plan, details):
            yield fix


def test_every_python_cure_compiles() -> None:
    cures = [fix for plan in PLANS.values() for _, _, fix in every(plan, DETAILS)] + list(hostile_fixes())
    for fix in {fix for fix in cures if fix.language == "python"}:
        compile(fix.after, fix.title, "exec")


def test_no_value_breaks_out_of_a_python_string() -> None:
    """With the strings taken out, what is left is the same whatever the values are."""

    def skeleton(code: str) -> str:
        tree = ast.parse(code)
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                node.value = ""
        return ast.dump(tree)

    def skeletons(plan: Plan) -> set[str]:
        return {skeleton(fix.after) for _, _, fix in every(plan) if fix.language == "python"}

    harmless = skeletons(make_plan(path="/x/", namespace="/x", extra_headers=(("x", "x"),), with_credentials=True))
    for plan in hostile_plans():
        assert skeletons(plan) == harmless


def test_every_shell_cure_keeps_values_in_one_word() -> None:
    for fix in hostile_fixes():
        if fix.language == "sh":
            for text in HOSTILE:
                rest = fix.after.replace(shlex.quote(f"http://127.0.0.1:3000/{text}/?EIO=4&transport=polling"), "")
                rest = rest.replace(shlex.quote(f"http://127.0.0.1:443/{text}/?EIO=4&transport=polling"), "")
                assert text not in rest


@pytest.mark.parametrize("language", ["nginx", "haproxy", "apache", "caddyfile"])
def test_no_hostile_value_reaches_a_proxys_configuration(language: str) -> None:
    seen = {fix.after for fix in hostile_fixes() if fix.language == language}
    assert seen
    for text in seen:
        assert "evil" not in text
        assert "process.exit" not in text
        assert "script" not in text.replace("certbot", "")


@needs_node
def test_every_javascript_cure_parses(tmp_path: Path) -> None:
    cures = [fix for plan in PLANS.values() for _, _, fix in every(plan, DETAILS)] + list(hostile_fixes())
    codes = sorted({fix.after for fix in cures if fix.language == "js"})
    assert len(codes) > 100
    file = tmp_path / "all.js"
    # A function's body is parsed and not run.
    file.write_text("\n".join(f"async () => {{\n{code}\n}};" for code in codes))
    run = subprocess.run([need("node"), "--check", str(file)], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr


def test_no_value_breaks_out_of_a_javascript_string() -> None:
    """With the strings taken out, what is left is the same whatever the values are."""

    def skeletons(plan: Plan) -> set[str]:
        codes = {fix.after for _, _, fix in every(plan) if fix.language in ("js", "ts")}
        return {re.sub(r'"(\\[ -~]|[ !#-\[\]-~])*"', '""', code) for code in codes}

    harmless = skeletons(make_plan(path="/x/", namespace="/x", extra_headers=(("x", "x"),), with_credentials=True))
    for plan in hostile_plans():
        assert skeletons(plan) == harmless


def test_a_stack_names_each_cause_once() -> None:
    """A slug that is misspelt in one module is one that no other knows."""
    for stack in STACKS:
        assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", slug) for slug in stack.FIXES)
