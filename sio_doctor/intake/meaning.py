"""What each line means, and what people take it to mean although it does not."""

from __future__ import annotations

from sio_doctor.intake.meaning_client import CLIENT
from sio_doctor.intake.wording import Code, Meaning

_BROWSERS: dict[Code, Meaning] = {
    "allow-origin-missing": Meaning(
        "the answer has no Access-Control-Allow-Origin header",
        "The server was reached and something answered, but no header of the answer lets pages of another origin read "
        "it, so the browser keeps it from the page.",
        "That CORS is what is wrong. A web page, the 502 of a proxy, a redirect and a refusal have no such header "
        "either, and all print this line. Nothing that the page sends can mend it: the header belongs to the answer.",
    ),
    "allow-origin-refused": Meaning(
        "no Access-Control-Allow-Origin header of the answer fits the page",
        "The server was reached and something answered, but its Access-Control-Allow-Origin is missing, or names "
        "another origin: Safari has one line for both.",
        "That there is a list which the origin is not on. An answer without any CORS header prints the same, "
        "whoever gave it.",
    ),
    "allow-origin-mismatch": Meaning(
        "Access-Control-Allow-Origin names another origin",
        "The answer lets pages of one origin read it, and byte for byte that is not this page's. A slash at the end, "
        "http for https, a port more or less: each makes it another one.",
        "That the origin is forbidden on purpose. Such a header mostly is a fixed value in a configuration.",
    ),
    "allow-origin-multiple": Meaning(
        "Access-Control-Allow-Origin has more than one value",
        "Browsers take one origin or *. Two layers that both add the header make two values, even of the same one; "
        "so does a list that is sent as it was configured.",
        "That the page's origin is missing in it: it may well be one of the values.",
    ),
    "allow-origin-invalid": Meaning(
        "Access-Control-Allow-Origin is no origin",
        "The header has a value that can be nobody's origin: an origin has a scheme, a host and perhaps a port, and "
        "patterns count for nothing.",
        "That the browser tried and failed to match a pattern. It compares, byte for byte.",
    ),
    "allow-origin-wildcard": Meaning(
        "* does not hold for a page that sends credentials",
        "The answer says Access-Control-Allow-Origin: *, which is for requests without cookies, and the client sends "
        "them: withCredentials: true, or socket.io-client 2, which does so unless told not to.",
        "That cookies are needed. Where they are not, the client without withCredentials may connect as it is.",
    ),
    "allow-credentials": Meaning(
        "the server does not allow credentials",
        "The answer lets the page's origin in, but has no Access-Control-Allow-Credentials: true (exactly so, in lower "
        "case), and the client sends cookies (withCredentials: true, or socket.io-client 2).",
        "That the origin is wrong: it has been compared already, and fits.",
    ),
    "preflight-status": Meaning(
        "the preflight was answered with an error",
        "Because the page adds a header of its own (extraHeaders), the browser asks by OPTIONS first, and takes only a "
        "status of 200 to 299 for yes.",
        "That the request itself would fail: it was never sent. Socket.IO without extraHeaders needs no preflight.",
    ),
    "preflight-redirect": Meaning(
        "the preflight was answered with a redirect",
        "Because the page adds a header of its own (extraHeaders), the browser asks by OPTIONS first, and follows no "
        "redirect there.",
        "That CORS headers are missing: none would help. The page's URL is not the one that the server goes by.",
    ),
    "allow-methods-invalid": Meaning(
        "Access-Control-Allow-Methods cannot be read",
        "The answer to the preflight has a list of methods with something in it that is no method, so all of it counts "
        "for nothing.",
        "That a method is missing in it. Commas go between methods, and nothing else.",
    ),
    "allow-headers-invalid": Meaning(
        "Access-Control-Allow-Headers cannot be read",
        "The answer to the preflight has a list of headers with something in it that is no header's name, so all of it "
        "counts for nothing.",
        "That a header is missing in it. Commas go between names, and nothing else.",
    ),
    "method-not-allowed": Meaning(
        "the method is not allowed",
        "The answer to a preflight does not list the method of the request.",
        "That Socket.IO lacks a method: it asks by GET and POST, which need no listing. The line is about another "
        "request of the page.",
    ),
    "header-not-allowed": Meaning(
        "a request header of the page is not allowed",
        "The page adds this header (extraHeaders), and the answer to the preflight does not list it in "
        "Access-Control-Allow-Headers.",
        "That the origin is refused: it has been let in. Nor that the header must stay: a token goes into the client's "
        "auth option, where it needs no preflight.",
    ),
    "redirect-userinfo": Meaning(
        "the redirect leads to a URL with a user and a password",
        "The answer is a redirect to a URL with user:password@ in it, which no browser follows across origins.",
        "That the password is wrong: it was not tried.",
    ),
    "redirect-scheme": Meaning(
        "the URL is none of http and https",
        "The request, or the redirect that answered it, goes to a URL that browsers ask for nothing: file:, or another "
        "scheme. A page that was opened as a file asks for file: URLs where its script names no server.",
        "That the server answered wrongly: where there was no redirect, it was not asked.",
    ),
    "redirect-limit": Meaning(
        "the redirects do not end",
        "Each answer was a redirect; browsers give up after twenty. A login that sends away who has no cookie does so, "
        "and http and https that each point to the other.",
        "That the server is down: it answered every time.",
    ),
    "cors": Meaning(
        "blocked by CORS; this part of the line does not say why",
        "The answer was kept from the page. The reason stands behind this part: paste the line whole.",
        "That the server's CORS options are wrong. An answer of somebody else in its place is kept from the page too.",
    ),
    "access-control-checks": Meaning(
        "the request failed; the reason is in another line",
        "Safari ends with this line whatever the reason was: CORS, mixed content, or no answer at all.",
        "That CORS is what is wrong. The line above it has the reason; where there is none, no answer came.",
    ),
    "mixed-content": Meaning(
        "a page over https may not ask a server over http",
        "The page was loaded over https, and the client's URL is http:// or ws://. The browser did not send anything.",
        "That the server refused: it never heard of this. No CORS header helps.",
    ),
    "bad-port": Meaning(
        "browsers never connect to this port",
        "The port is on a list of ports of other protocols that browsers keep away from. Nothing was sent.",
        "That nothing listens there: curl, which has no such list, may get an answer.",
    ),
    "local-network": Meaning(
        "the browser keeps public pages from local addresses",
        "The server's address is this machine's or the local network's and the page's is not. Such a page must be over "
        "https and its visitor must have allowed it (Chrome from 142 asks; before, it had other rules).",
        "That CORS is what is wrong: no header of the server changes it, nor does "
        "Access-Control-Allow-Private-Network any more.",
    ),
    "content-security-policy": Meaning(
        "the page's own Content-Security-Policy forbids it",
        "The page came with a policy whose connect-src does not list this server. For Socket.IO it lists both, "
        "https://host and wss://host. With --page and the page's URL the check reads the policy.",
        "That the server refused: it was not asked. The page's server, or its meta element, sets the policy.",
    ),
    "cors-disabled": Meaning(
        "CORS is switched off in this Firefox",
        "content.cors.disable in about:config is true: every request to another origin fails.",
        "Anything about the server.",
    ),
    "unsafe-header": Meaning(
        "a header that pages may not set was left out",
        "The client's extraHeaders have a name that belongs to the browser (Cookie, Origin, Host, …). It is left out, "
        "and the request goes on.",
        "That the connection failed because of it. Cookies go with withCredentials: true, not in extraHeaders.",
    ),
    "authorization-wildcard": Meaning(
        "Authorization is allowed by * alone",
        "A warning: Access-Control-Allow-Headers: * is not meant to cover Authorization. Browsers still let it pass.",
        "That the request failed because of it.",
    ),
    "network-error": Meaning(
        "no answer came",
        "Nothing listens, the name does not resolve, TLS failed, the port is blocked, an extension or a policy stepped "
        "in: Firefox calls all of it CORS when the request goes to another origin.",
        "That CORS headers are missing or wrong: there was no answer that could have had any. Right after another line "
        "about the same URL it says nothing new.",
    ),
    "dns": Meaning(
        "the server's name does not resolve",
        "No address is known for the host name: a typo, or a name that only containers know.",
        "That the server is down, or that CORS is wrong: nobody was asked.",
    ),
    "refused": Meaning(
        "nothing listens there",
        "The machine was reached and said that no program listens on that port: the server is not running, runs on "
        "another port, or listens on 127.0.0.1 alone.",
        "That a firewall is in the way, which mostly keeps silent, or that CORS is wrong: there was no answer.",
    ),
    "timeout": Meaning(
        "no answer in time",
        "Nothing came back: a firewall, a security group or an address that cannot be reached from there, or a program "
        "that takes the request and says nothing.",
        "That CORS is wrong: there was no answer.",
    ),
    "certificate-untrusted": Meaning(
        "the certificate is not trusted",
        "Nobody whom the browser trusts signed the server's certificate: it is self-signed, of a private authority, or "
        "sent without its intermediate.",
        "That CORS is wrong: nothing was asked. Having clicked a warning away for the page does not count for another "
        "host or port, and rejectUnauthorized: false does nothing in a browser.",
    ),
    "certificate-name-or-date": Meaning(
        "the certificate is for another name, or out of date",
        "The host in the URL is none of the certificate's names, or today is not within its dates.",
        "That CORS is wrong: nothing was asked.",
    ),
    "tls": Meaning(
        "TLS does not come about",
        "The address says https or wss, and what answers there does not speak TLS, or none that the browser takes.",
        "That the certificate is bad: it did not come to that.",
    ),
    "connection-lost": Meaning(
        "the connection ended without an answer",
        "Somebody accepted the connection and closed or reset it before an answer was whole: a program that crashed, "
        "plain http to a TLS port, a container that forwards to nothing.",
        "That CORS is wrong: there was no answer.",
    ),
    "not-http": Meaning(
        "what came back is no HTTP",
        "Something answers on that port, and it does not speak HTTP: another protocol, or TLS.",
        "That CORS is wrong: there was no answer that could have had headers.",
    ),
    "offline": Meaning(
        "the browser's own network went away",
        "The machine of the browser lost or changed its network while the request was under way.",
        "Anything about the server. The client tries again by itself.",
    ),
    "proxy": Meaning(
        "the browser's proxy refused",
        "The browser goes through a proxy (of the company, of the system), and that did not open the connection.",
        "Anything about the server: it was not reached.",
    ),
    "blocked-by-client": Meaning(
        "something in the browser blocked the request",
        "An extension (ad blockers above all) or a policy of the administrator stopped it before it was sent.",
        "Anything about the server: it was not asked.",
    ),
    "aborted": Meaning(
        "the request was given up by the page",
        "The page went away, was loaded again, or closed the connection while the request was under way.",
        "That something failed. A poll that waits is always under way.",
    ),
    "failed": Meaning(
        "the request failed; the reason is in another line",
        "Chromium ends with ERR_FAILED what it has explained in the line before, mostly CORS. A number behind it is "
        "the status of the answer that was kept from the page.",
        "That the network failed: that has names of its own, like ERR_CONNECTION_REFUSED.",
    ),
    "bad-status": Meaning(
        "the answer is an error",
        "The server, or something in front of it, answered with a status that is none of success.",
        "That CORS is what is wrong, unless another line about the same URL says so.",
    ),
    "websocket-handshake": Meaning(
        "the WebSocket did not open",
        "The server did not answer 101 Switching Protocols, or did not answer. Behind polling that works this is an "
        "upgrade that failed, and the client stays on polling.",
        "That CORS is wrong: a WebSocket is not subject to it. But a server may refuse by the Origin, and some do.",
    ),
    "websocket-unauthorized": Meaning(
        "the WebSocket was answered with 401",
        "Something in front of the server wants a password, which a WebSocket of a page cannot give.",
        "That the token of the application is wrong: that is answered in other words.",
    ),
    "websocket-answer": Meaning(
        "the answer to the WebSocket's handshake is not a good one",
        "Something answered 101 without the headers that go with it: a proxy that passes half of an upgrade on, or a "
        "program that is no WebSocket server.",
        "That CORS is wrong: a WebSocket is not subject to it.",
    ),
    "websocket-closed": Meaning(
        "the connection was closed before the WebSocket opened",
        "The server took the request and closed without an answer. A Node server does that, after a second, to an "
        "upgrade for a path that is none of its own.",
        "That CORS is wrong: a WebSocket is not subject to it.",
    ),
    "websocket-frame": Meaning(
        "what came through the WebSocket is no WebSocket",
        "The WebSocket opened, and then came bytes that are no frame: mostly a second HTTP answer, of another "
        "WebSocket server on the same port or of a server that does not take this client's version.",
        "That the network corrupts data.",
    ),
    "websocket-abandoned": Meaning(
        "the page closed the WebSocket itself, before it was open",
        "Its own code disconnected, or made a second client at once: React's StrictMode mounts twice in development, "
        "and an effect's clean-up closes the first. Or nobody answered: with connect_error: timeout, "
        "socket.io-client has given up after 20 s.",
        "That the server failed, unless it was silent that long; the connection that counts may come after it.",
    ),
    "websocket-interrupted": Meaning(
        "the page went away while its WebSocket was open",
        "Firefox writes this when a page is left or loaded again, and when an open WebSocket is cut.",
        "That the server refused: the connection was there.",
    ),
    "websocket-url": Meaning(
        "the URL of the WebSocket is none that browsers open",
        "It cannot be read, its scheme is none of ws, wss, http and https, or it has a fragment (#). socket.io-client "
        "makes no such URL of a sound address: it is the page's own WebSocket, or an address that is misspelt.",
        "That the server refused: it was not asked.",
    ),
}

MEANINGS = _BROWSERS | CLIENT
