"""netty-socketio, in Java: its open packet is Node's, so it is taken for nobody's here, and its cure is for a hint."""

from __future__ import annotations

from sio_doctor.model import Fix, Server
from sio_doctor.stacks.base import Ask, Cure, Side, js, nothing

SIDE: Side = "server"
recognise = nothing


def fits(server: Server) -> bool:
    """Whoever the server was taken for: the one cause that has this cure is not said of others."""
    return True


def _configuration(ask: Ask) -> Fix:
    headers = ", ".join(ask.headers) or "authorization"
    return Fix(
        stack="netty-socketio",
        side="server",
        title="Leave setOrigin out, which lets every page in, or name one; name the headers, and the path",
        where="where the Configuration is made",
        language="java",
        before='config.setOrigin("*");',
        after=f"config.setAllowHeaders({js(headers)});\nconfig.setContext({js(ask.plan.target.path.rstrip('/'))});",
    )


FIXES: dict[str, Cure] = {"netty-specifics": _configuration}
