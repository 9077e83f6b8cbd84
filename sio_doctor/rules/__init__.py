"""From evidence to causes: one module for each family, one decorated function for each rule.

A new rule goes into the module of its family, and nowhere else. A new family is one module and one word below.
"""

from sio_doctor.rules import (  # noqa: F401  importing a family registers its rules
    addresses,
    answer,
    authorisation,
    cache,
    connect,
    credentials,
    disconnected,
    elsewhere,
    entry,
    framework,
    hints,
    hold,
    layers,
    local_network,
    origin,
    page,
    path,
    platform,
    policy,
    preflight,
    protocol,
    reach,
    redirect,
    refused,
    response_header,
    session,
    stickiness,
    tls,
    transports,
    unknown,
    upgrade,
    websocket,
)
from sio_doctor.rules.base import ALIASES, RULES, Alias, Case, Hit, Rule, Rung, find

__all__ = ["ALIASES", "RULES", "Alias", "Case", "Hit", "Rule", "Rung", "find"]
