"""From evidence to causes: one module for each family, one decorated function for each rule.

A new rule goes into the module of its family, and nowhere else. A new family is one module and one word below.
"""

from sio_doctor.rules import (  # noqa: F401  importing a family registers its rules
    answer,
    connect,
    credentials,
    elsewhere,
    layers,
    local_network,
    origin,
    page,
    policy,
    preflight,
    protocol,
    reach,
    redirect,
    refused,
    session,
    tls,
    unknown,
    upgrade,
)
from sio_doctor.rules.base import RULES, Case, Hit, Rule, Rung

__all__ = ["RULES", "Case", "Hit", "Rule", "Rung"]
