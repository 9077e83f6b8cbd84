"""What the lines of socket.io-client and of servers mean."""

from __future__ import annotations

from sio_doctor.intake.wording import Code, Meaning

CLIENT: dict[Code, Meaning] = {
    "xhr-poll-error": Meaning(
        "the client could not poll",
        "A GET of socket.io-client failed or was answered with an error. It is all that the browser lets the page "
        "know; the console has another line with more. err.description has the status: 0 is an answer that was hidden, "
        "or none.",
        "Any cause in particular. It is not the name of one.",
    ),
    "xhr-post-error": Meaning(
        "the client could not send",
        "The session opened, and the POST that follows failed or was answered with an error.",
        "That the origin is refused altogether: the handshake before it was let through.",
    ),
    "websocket-error": Meaning(
        "the client could not open a WebSocket",
        "socket.io-client asked for a WebSocket first (transports: ['websocket']), and it did not open. Browsers never "
        "say why.",
        "That CORS is wrong: a WebSocket is not subject to it. But a server may refuse by the Origin, and some do.",
    ),
    "client-timeout": Meaning(
        "the client waited in vain",
        "Nothing answered within the client's timeout (20 seconds), or the transport opened and the answer to CONNECT "
        "never came.",
        "That CORS is wrong: that fails at once.",
    ),
    "parse-error": Meaning(
        "the client cannot read the answer",
        "The answer reached the page and is no Engine.IO packet: a web page, or a server of another version.",
        "That CORS is wrong: the page could read the answer.",
    ),
    "disconnected": Meaning(
        "the connection was there, and was lost",
        "transport close and transport error: somebody cut it, as proxies do with what is quiet for too long. ping "
        "timeout: no heartbeat came in time. io server disconnect: the server's application said so; io client "
        "disconnect and forced close: the page's own code did.",
        "That the page cannot connect: it was connected.",
    ),
    "server-too-old": Meaning(
        "the client is 3 or 4, and the server is 2",
        "Their protocols differ. The versions must fit: client 2 with server 2, client 3 or 4 with server 3 or 4.",
        "That CORS is wrong: they did speak with each other.",
    ),
    "client-too-old": Meaning(
        "the server does not take the client's version of the protocol",
        "An Engine.IO server answered, and it takes EIO=4 alone (or, an old Python one, EIO=3 alone). Look at what the "
        "page really loads: a script of a CDN, a cached bundle.",
        "That the server cannot be reached: this is its own answer. A URL that was opened by hand without EIO=4 gets "
        "it too.",
    ),
    "origin-not-accepted": Meaning(
        "python-socketio refuses the origin",
        "The Python server compares the Origin of every request with cors_allowed_origins, and answers 400 to one that "
        "is not there; by WebSocket too. The browser calls it CORS.",
        "That a CORS middleware of the application would help: this list is the server's own.",
    ),
    "session-unknown": Meaning(
        "the server does not know the session",
        "An Engine.IO server answered, and another process than this one opened the session; or it has been started "
        "again since.",
        "That the session timed out. Behind several processes without stickiness every other request ends so.",
    ),
    "transport-unknown": Meaning(
        "the server does not take that transport",
        "An Engine.IO server is there, and its transports option lacks the one that was asked for. A URL that was "
        "opened by hand without transport= gets it too: then it is good news.",
        "That the path is wrong: this is the right one.",
    ),
    "bad-handshake-method": Meaning(
        "a handshake came by another method than GET",
        "An Engine.IO server is there. Mostly it was OPTIONS: a preflight, which a server without CORS options, or "
        "version 2, takes for a handshake.",
        "That methods are to be allowed: it is CORS as a whole that is not set up.",
    ),
    "bad-request": Meaning(
        "the server takes the request for a bad one",
        "An Engine.IO server is there. On an upgrade its headers were lost on the way; on a handshake a function of "
        "the server's own (the origin function, a middleware) failed.",
        "That the client sends something wrong.",
    ),
    "forbidden": Meaning(
        "the server refuses the request",
        "An Engine.IO server is there, and its allowRequest function said no; in version 2 its origins option.",
        "That a proxy refuses: these are the server's own words.",
    ),
    "invalid-namespace": Meaning(
        "the namespace does not exist",
        "Transport and CORS are fine. The path of the URL that the client is given is its namespace, and the server "
        "has none of that name.",
        "That the handshake path is wrong: that is the path option.",
    ),
    "connection-rejected": Meaning(
        "the application refuses the connection",
        "Transport and CORS are fine. The server's connect handler said no: a token that is missing or wrong.",
        "That the connection failed: it was refused after it was there.",
    ),
    "python-no-websocket": Meaning(
        "the Python server cannot do WebSocket",
        "A library is missing where it runs: uvicorn[standard] brings one.",
        "That the proxy is wrong: the upgrade arrived.",
    ),
    "gateway": Meaning(
        "a proxy does not reach the server behind it",
        "The proxy (nginx, a development server) was asked, and what it passes requests on to does not answer: it is "
        "not running, crashed, or listens elsewhere. Node's localhost may be ::1 where the server has 127.0.0.1 alone.",
        "That CORS is wrong: the browser says so because the proxy's own error page has no CORS headers.",
    ),
    "two-servers": Meaning(
        "two WebSocket servers take the same upgrade",
        "Socket.IO was attached twice to one HTTP server, or another WebSocket server shares it.",
        "That the client asks twice.",
    ),
}
