"""A WebSocket under way, driven step by step."""

from __future__ import annotations

import msgspec

from sio_doctor.browser.session import Heard, Receive, Send
from sio_doctor.model import Exchange, NoResponse
from sio_doctor.probe.websocket import Conversation

#: Seconds that a WebSocket's open packet may take.
OPEN_PACKET = 3.0


class Talk:
    """A WebSocket under way: its conversation, and why the last wait for a message ended."""

    def __init__(self, conversation: Conversation) -> None:
        self.conversation = conversation
        self.ended: NoResponse | None = None

    @property
    def exchange(self) -> Exchange:
        """The exchange with all frames so far."""
        exchange = self.conversation.exchange
        if exchange.response is None or self.ended is None:
            return exchange
        response = msgspec.structs.replace(exchange.response, ended=self.ended)
        return msgspec.structs.replace(exchange, response=response)

    async def step(self, step: Send | Receive) -> Heard:
        """Sends, or waits for the next message."""
        if isinstance(step, Send):
            return await self.conversation.send(step.text)
        heard = await self.conversation.receive(OPEN_PACKET if step.at_once else None)
        if isinstance(heard, NoResponse):
            self.ended = heard
        return heard
