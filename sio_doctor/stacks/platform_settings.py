"""What to set on each platform, for which causes. ``<PATH>``, ``<HOST>`` and ``<PAGE>`` are the person's own.

With each platform stands where its documentation says so.
"""

from __future__ import annotations

from typing import NamedTuple


class Setting(NamedTuple):
    """One cure in words."""

    platform: str
    slugs: tuple[str, ...]
    title: str
    where: str
    text: str


_SECOND_LAYER = (
    "duplicate-acao-proxy", "wildcard-with-credentials", "any-origin-with-credentials", "null-origin-allowed",
    "acah-star-limits",
)  # fmt: skip
_CACHED = ("acao-cached-for-other-origin", "vary-origin-missing")
_NO_UPGRADE = ("ws-proxy-no-upgrade", "ws-platform-off", "ws-refused")
_STICKY = ("no-sticky-sessions", "preflight-not-sticky")
_NO_PROCESS = ("serverless-host", "ws-platform-off", "no-sticky-sessions")
_ELSEWHERE = (
    "Run the Socket.IO server where a process goes on running: a virtual machine, a container host, Render, Railway, "
    'Fly.io, ECS. The page stays here and asks it by its own address, io("https://socket.<HOST>"); its cors option '
    "lists <PAGE>."
)

SETTINGS = (
    # https://developers.cloudflare.com/network/websockets/, /cache/how-to/cache-rules/, /ssl/origin-configuration/
    Setting(
        "Cloudflare", _NO_UPGRADE, "Switch WebSockets on", "the zone's dashboard, Network",
        "WebSockets: On.",
    ),
    Setting(
        "Cloudflare", _CACHED, "Keep Socket.IO out of Cloudflare's cache", "the zone's dashboard, Caching, Cache Rules",
        "If URI Path starts with <PATH>, then Cache eligibility: Bypass cache. It stands below the rules that cache "
        "more: the last rule that matches wins.",
    ),
    Setting(
        "Cloudflare", _SECOND_LAYER, "If Cloudflare sets CORS headers, leave Socket.IO out of that: it sends its own",
        "the zone's dashboard, Rules, Transform Rules, Modify Response Header",
        "In the rule that sets Access-Control-Allow-Origin, add the condition: not starts_with(http.request.uri.path, "
        '"<PATH>"). A Worker or a Snippet that sets it returns before that for this path.',
    ),
    Setting(
        "Cloudflare", ("proxy-strips-acao",), "Let Socket.IO's CORS headers through",
        "the zone's dashboard, Rules, Transform Rules, Modify Response Header",
        "In the rule that removes Access-Control-Allow-Origin, add the condition: not "
        'starts_with(http.request.uri.path, "<PATH>").',
    ),
    Setting(
        "Cloudflare", ("waf-or-challenge",), "Make an exception for Socket.IO: a page's script solves no challenge",
        "the zone's dashboard, Security, WAF, Custom rules",
        "If URI Path starts with <PATH>, then Skip: all remaining custom rules, managed rules and Super Bot Fight "
        "Mode. Bot Fight Mode (of the free plan) knows no exceptions: under Security, Bots it can only be off.",
    ),
    Setting(
        "Cloudflare", ("rate-limit",), "Leave Socket.IO out of the limit: polling asks often",
        "the zone's dashboard, Security, WAF, Rate limiting rules",
        'In the rule that blocks, add the condition: not starts_with(http.request.uri.path, "<PATH>"), and give this '
        "path a rule with a higher limit.",
    ),
    Setting(
        "Cloudflare", ("redirect-loop",), "Ask the server by https, so that it has nothing to redirect",
        "the zone's dashboard, SSL/TLS, Overview",
        "Full (strict), with a certificate on the server (Cloudflare's own Origin CA will do). Flexible asks it by "
        "http, which it redirects to https, for ever.",
    ),
    Setting(
        "Cloudflare", ("tls-cdn-origin",), "Give the server behind a certificate that Cloudflare takes, on a port that "
        "it passes on", "the zone's dashboard, SSL/TLS, Origin Server",
        "Create a certificate for <HOST>, put it into the server, and keep SSL/TLS at Full (strict). For 521: let "
        "Cloudflare's addresses through the server's firewall. By https it passes on ports 443, 2053, 2083, 2087, 2096 "
        "and 8443.",
    ),
    Setting(
        "Cloudflare", ("redirect-to-login", "preflight-blocked-upstream"),
        "Let Socket.IO past Cloudflare Access, and check the client's token in a middleware",
        "Zero Trust, Access, Applications",
        "Add an application for <HOST><PATH> with a policy whose action is Bypass. Or, where the login stays: in the "
        "application's CORS settings, bypass OPTIONS requests to the origin, and let the page send its credentials.",
    ),
    Setting(
        "Cloudflare", _STICKY, "If Cloudflare's load balancer shares the requests out, keep each client where it is",
        "the zone's dashboard, Traffic, Load Balancing, the load balancer",
        "Session Affinity: By Cloudflare cookie and Client IP fallback. The page sends the cookie with "
        "withCredentials: true.",
    ),
    Setting(
        "Cloudflare", ("ws-idle-timeout",), "Let something come more often than every 100 seconds",
        "in the options of the Socket.IO server",
        "Cloudflare ends what is quiet for 100 seconds: keep pingInterval at its default, 25 seconds.",
    ),
    Setting(
        "Cloudflare", ("serverless-host",), "Run the Socket.IO server on another host", "where it is deployed",
        _ELSEWHERE,
    ),
    # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/: managed policies, WebSockets
    Setting(
        "CloudFront",
        (
            *_CACHED, *_NO_UPGRADE, *_STICKY, "sticky-cookie-not-sent", "proxy-strips-acao", "transport-unknown",
            "method-or-size-filter", "error-response-without-cors", "preflight-blocked-upstream",
            "preflight-empty-2xx", "preflight-header-not-allowed", "cors-on-handshake-only", "basic-auth-or-401",
        ),
        "Pass everything of Socket.IO on, and keep none of it", "the distribution, Behaviors, Create behavior",
        "Path pattern <PATH>*, above the default. Allowed HTTP methods: GET, HEAD, OPTIONS, PUT, POST, PATCH, DELETE. "
        "Cache policy: CachingDisabled. Origin request policy: AllViewer, which passes on the query, the cookies, "
        "Origin and what WebSockets need (AllViewerExceptHostHeader where the origin's certificate is for another "
        "name). Viewer protocol policy: HTTPS only.",
    ),
    Setting(
        "CloudFront", _SECOND_LAYER, "Let Socket.IO alone send CORS headers", "the distribution, Behaviors",
        "In the behavior of <PATH>*, Response headers policy: none, or one without CORS.",
    ),
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/: sticky sessions, attributes
    Setting(
        "AWS load balancer", (*_STICKY, "sticky-cookie-not-sent"), "Keep each client on one target",
        "EC2, Target Groups, the group, Attributes; the page",
        "Stickiness: on, load balancer generated cookie. The page gives withCredentials: true to io(…); between two "
        "sites only the cookie AWSALBCORS goes back, which takes an https listener. Without cookies: one target, or "
        "a page that asks by WebSocket alone.",
    ),
    Setting(
        "AWS load balancer", ("ws-idle-timeout",), "Let the load balancer wait longer than Socket.IO is quiet",
        "EC2, Load Balancers, the load balancer, Attributes",
        "Connection idle timeout: 120 seconds (60 unless told), more than pingInterval and pingTimeout together.",
    ),
    Setting(
        "AWS load balancer", ("gateway-5xx-no-cors",), "Have a healthy target in the group",
        "EC2, Target Groups, the group, Health checks",
        "Path <PATH>?EIO=4&transport=polling, which a Socket.IO server answers with 200; the port is the one where it "
        "listens, and the target's security group lets the load balancer in. 502 is a target that closed, 503 a group "
        "without targets, 504 one that did not answer.",
    ),
    Setting(
        "AWS load balancer", _NO_UPGRADE, "Use a load balancer that passes WebSockets on", "EC2, Load Balancers",
        "An Application Load Balancer does without a setting. A Classic one does not by HTTP listeners: replace it.",
    ),
    Setting(
        "AWS load balancer", ("redirect-to-login",), "Let Socket.IO through without the login",
        "EC2, Load Balancers, the listener, Rules",
        "Above the rule that authenticates: if path is <PATH>*, then forward to the target group. Check the client's "
        "token in a middleware.",
    ),
    Setting(
        "AWS load balancer", ("waf-or-challenge",), "Make an exception for Socket.IO in AWS WAF",
        "WAF, Web ACLs, Rules",
        "A rule with the lowest priority number: if URI path starts with <PATH>, then Allow.",
    ),
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
    Setting(
        "API Gateway", (*_NO_PROCESS, "gateway-5xx-no-cors", "ws-proxy-no-upgrade", "ws-idle-timeout"),
        "Put an Application Load Balancer in the place of API Gateway", "where the server is deployed",
        "HTTP and REST APIs pass on no WebSockets, and WebSocket APIs have a protocol of their own. Run the Socket.IO "
        "server on ECS or EC2 behind an Application Load Balancer, with stickiness on.",
    ),
    # https://vercel.com/docs/, https://docs.netlify.com/, https://docs.github.com/pages
    *(
        Setting(platform, (*_NO_PROCESS, "html-instead-of-handshake"), "Run the Socket.IO server on another host",
                "where it is deployed", _ELSEWHERE)
        for platform in ("Vercel", "Netlify", "GitHub Pages")
    ),
    Setting(
        "Vercel", ("tunnel-or-preview-auth", "redirect-to-login"), "Let pages of other origins into the preview",
        "the project, Settings, Deployment Protection",
        "Vercel Authentication: off for previews. The OPTIONS Allowlist alone lets preflights through, and no "
        "handshake.",
    ),
    # https://devcenter.heroku.com/articles/session-affinity, /http-routing, /python-concurrency
    Setting(
        "Heroku", (*_STICKY, "sticky-cookie-not-sent"), "Keep each client on one dyno, or run one", "in a terminal",
        "heroku features:enable http-session-affinity, which goes by a cookie: the page gives withCredentials: true to "
        "io(…). Where that cookie does not come back: heroku ps:scale web=1. One dyno runs one Python process with "
        "heroku config:set WEB_CONCURRENCY=1.",
    ),
    Setting(
        "Heroku", ("gunicorn-workers",), "Run one worker in each dyno", "in a terminal",
        "heroku config:set WEB_CONCURRENCY=1. Unless told, Heroku sets it by the dyno's memory, and gunicorn starts as "
        "many workers.",
    ),
    Setting(
        "Heroku", ("ws-idle-timeout",), "Let something come more often than every 55 seconds",
        "in the options of the Socket.IO server",
        "Heroku's router ends what is quiet for 55 seconds, and a poll without an answer after 30: keep pingInterval "
        "at its default, 25 seconds.",
    ),
    Setting(
        "Heroku", ("gateway-5xx-no-cors",), "Listen on the port that Heroku gives", "the server's code; heroku logs",
        "The server listens on the PORT of its environment, on all addresses. heroku logs --tail says why it does not "
        "answer (H10: it crashed, H14: no dyno, H20: it did not start in time).",
    ),
    # https://render.com/docs/web-services, /scaling, /free
    Setting(
        "Render", _STICKY, "Run one instance", "the service, Scaling",
        "Instances: 1, and no autoscaling. One instance serves thousands of connections; several need a page that asks "
        'by WebSocket alone, and an adapter.',
    ),
    Setting(
        "Render", ("gateway-5xx-no-cors",), "Listen on the port that Render gives", "the server's code",
        "The server listens on the PORT of its environment, at 0.0.0.0.",
    ),
    Setting(
        "Render", ("restart-or-sleep",), "Keep the instance awake", "the service, Settings",
        "A free instance sleeps after 15 minutes without a request: choose a paid type.",
    ),
    # https://docs.railway.com/reference/scaling, /guides/public-networking
    Setting(
        "Railway", _STICKY, "Run one replica", "the service, Settings, Scale",
        'Replicas: 1. Several need a page that asks by WebSocket alone, and an adapter.',
    ),
    Setting(
        "Railway", ("gateway-5xx-no-cors",), "Listen on the port that Railway passes to", "the service, Networking",
        "The server listens on the PORT of its environment, at 0.0.0.0, and the domain's target port is the same.",
    ),
    # https://fly.io/docs/launch/autostop-autostart/, /networking/dynamic-request-routing/
    Setting(
        "Fly.io", _STICKY, "Run one machine", "in a terminal",
        "fly scale count 1. Several need a page that asks by WebSocket alone, or a server that sends "
        "a request of another machine's session there by the header fly-replay.",
    ),
    Setting(
        "Fly.io", ("gateway-5xx-no-cors",), "Listen where Fly.io passes to", "fly.toml, [http_service]",
        "internal_port is the port where the server listens, at 0.0.0.0.",
    ),
    Setting(
        "Fly.io", ("restart-or-sleep",), "Keep the machine running", "fly.toml, [http_service]",
        'auto_stop_machines = "off" and min_machines_running = 1.',
    ),
    # https://learn.microsoft.com/azure/app-service/configure-common, /app-service-web-tutorial-rest-api
    Setting(
        "Azure App Service", _NO_UPGRADE, "Switch WebSockets on", "in a terminal, or the portal: Configuration",
        "az webapp config set --name NAME --resource-group GROUP --web-sockets-enabled true (General settings, Web "
        "sockets: On).",
    ),
    Setting(
        "Azure App Service", (*_STICKY, "sticky-cookie-not-sent"), "Keep each client on one instance",
        "in a terminal, or the portal: Configuration",
        "az webapp update --name NAME --resource-group GROUP --client-affinity-enabled true (General settings, Session "
        "affinity: On). It goes by a cookie: the page gives withCredentials: true to io(…).",
    ),
    Setting(
        "Azure App Service", (*_SECOND_LAYER, "preflight-empty-2xx"), "Let Socket.IO alone send CORS headers",
        "the portal: the app, API, CORS",
        "Take every allowed origin away, * too: while one is there, App Service answers instead of the application.",
    ),
    Setting(
        "Azure App Service", ("redirect-to-login", "basic-auth-or-401", "preflight-blocked-upstream"),
        "Let Socket.IO through without the login, and check the client's token in a middleware",
        "the portal: the app, Authentication",
        "Restrict access: Allow unauthenticated access. Or exclude <PATH> by excludedPaths of globalValidation in the "
        "file-based configuration.",
    ),
    # https://learn.microsoft.com/iis/get-started/whats-new-in-iis-8/iis-80-websocket-protocol-support
    Setting(
        "IIS", _NO_UPGRADE, "Install WebSockets in IIS", "in an administrator's PowerShell; web.config",
        "Install-WindowsFeature Web-WebSockets. For iisnode, which does it itself, the other way: <webSocket "
        'enabled="false" /> in <system.webServer> of web.config.',
    ),
    Setting(
        "IIS", ("preflight-blocked-upstream", "preflight-empty-2xx"), "Let preflights through to the application",
        "web.config, <system.webServer>, <handlers>",
        '<remove name="OPTIONSVerbHandler" />',
    ),
    Setting(
        "IIS", _SECOND_LAYER, "Let Socket.IO alone send CORS headers", "web.config, <system.webServer>",
        "Take Access-Control-Allow-Origin out of <httpProtocol><customHeaders>.",
    ),
    Setting(
        "IIS", _STICKY, "Keep each client on one server", "IIS Manager, Server Farms, the farm, Server Affinity",
        "Client affinity: on (Application Request Routing). It goes by a cookie: the page gives withCredentials: true "
        "to io(…).",
    ),
    # https://cloud.google.com/load-balancing/docs/backend-service, https://cloud.google.com/run/docs
    Setting(
        "Google Cloud", _STICKY, "Keep each client on one backend, or run one", "in a terminal",
        "A load balancer: gcloud compute backend-services update NAME --global --session-affinity=CLIENT_IP. Cloud "
        "Run: gcloud run services update NAME --max-instances=1, or --session-affinity, which goes by a cookie (the "
        "page gives withCredentials: true to io(…)) and does its best alone.",
    ),
    Setting(
        "Google Cloud", ("ws-idle-timeout",), "Let it keep a WebSocket open for long", "in a terminal",
        "A load balancer ends a WebSocket after the timeout of its backend service, 30 seconds unless told: gcloud "
        "compute backend-services update NAME --global --timeout=86400. Cloud Run ends it after its request timeout: "
        "gcloud run services update NAME --timeout=3600, its most.",
    ),
    Setting(
        "Google Cloud", _CACHED, "Keep Socket.IO out of Cloud CDN", "in a terminal",
        "gcloud compute backend-services update NAME --global --no-enable-cdn, for the backend service of <PATH>.",
    ),
    # https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/http/upgrades, /faq/configuration/timeouts
    Setting(
        "envoy", _NO_UPGRADE, "Let upgrades through", "the HttpConnectionManager, or the route of <PATH>",
        "upgrade_configs: [{upgrade_type: websocket}]",
    ),
    Setting(
        "envoy", ("ws-idle-timeout", "gateway-5xx-no-cors"), "Let envoy wait for as long as Socket.IO is quiet",
        "the route of <PATH>",
        "timeout: 0s (15 s unless told, which ends a long poll) and idle_timeout: 3600s.",
    ),
    Setting(
        "envoy", _STICKY, "Keep each client on one host", "the cluster, and the route of <PATH>",
        "In the cluster lb_policy: RING_HASH, in the route hash_policy: [{connection_properties: {source_ip: true}}]. "
        "Istio: consistentHash: {useSourceIp: true} in the DestinationRule.",
    ),
    Setting(
        "envoy", _SECOND_LAYER, "Let Socket.IO alone send CORS headers", "the route of <PATH>",
        "Take its cors policy away (corsPolicy in Istio's VirtualService): Socket.IO answers preflights itself.",
    ),
    # https://varnish-cache.org/docs/trunk/users-guide/vcl-example-websockets.html
    Setting(
        "Varnish", (*_CACHED, *_NO_UPGRADE), "Pass Socket.IO through, uncached, WebSockets too", "the VCL",
        'sub vcl_recv { if (req.url ~ "^<PATH>") { return (pipe); } }\n'
        "sub vcl_pipe { if (req.http.upgrade) { set bereq.http.upgrade = req.http.upgrade; set bereq.http.connection = "
        "req.http.connection; } }",
    ),
    # https://ngrok.com/docs/
    Setting(
        "ngrok", ("html-instead-of-handshake", "tunnel-or-preview-auth"), "Tell ngrok to leave its notice out",
        "where the page calls io(...), and in the cors option of the server",
        'extraHeaders: {"ngrok-skip-browser-warning": "1"} in the page; it makes a preflight, so allowedHeaders of the '
        "server's cors option has to list that header, where it lists any. A paid account shows no notice.",
    ),
    Setting(
        "ngrok", ("gateway-5xx-no-cors",), "Start the server, and pass to the port where it listens", "in a terminal",
        "ngrok http 3000, with the port of the Socket.IO server. ERR_NGROK_3200: the tunnel is not running; "
        "ERR_NGROK_8012: nothing listens on that port.",
    ),
)  # fmt: skip
