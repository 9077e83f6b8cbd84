"""sio-doctor plays the browser against a Socket.IO server and names the one cause why a page cannot connect.

    from sio_doctor import examine_sync, make_plan

    report = examine_sync(make_plan("https://api.example.com", origins=["https://app.example.com"]))
    print(report.ok, [finding.slug for finding in report.findings])

Names are resolved when they are used, so importing the package costs nothing.
"""

from __future__ import annotations

import sys
from types import ModuleType

# typing and importlib would be most of what --version costs; type checkers know this name without the import.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from sio_doctor.examine import examine, examine_sync, gather, report_on
    from sio_doctor.model import Evidence, Plan, Report
    from sio_doctor.plan import PlanError, make_plan

__version__ = "0.1.0"

_HOMES = {
    "examine": "examine",
    "examine_sync": "examine",
    "gather": "examine",
    "report_on": "examine",
    "make_plan": "plan",
    "PlanError": "plan",
    "Evidence": "model",
    "Plan": "model",
    "Report": "model",
}

__all__ = [
    "Evidence",
    "Plan",
    "PlanError",
    "Report",
    "__version__",
    "examine",
    "examine_sync",
    "gather",
    "make_plan",
    "report_on",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)


class _Package(ModuleType):
    """Keeps ``sio_doctor.examine`` the function, where importing the module of that name would put the module."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
