"""Evidence in a file: written so that it can be passed on, and read again, from whoever sent it."""

from __future__ import annotations

import msgspec

from sio_doctor.model import Evidence
from sio_doctor.redact import redact_evidence
from sio_doctor.render.json import written

#: Bytes of a file that is read: a run keeps far less.
LARGEST = 64 * 1024 * 1024


class SavedError(ValueError):
    """What was given is no saved evidence; the message is a sentence for the person."""


def saved(evidence: Evidence) -> bytes:
    """The evidence as JSON, its secrets struck out: the report on it is the same."""
    return written(redact_evidence(evidence)).encode() + b"\n"


def loaded(data: bytes) -> Evidence:
    """What ``saved`` wrote. Raises ``SavedError``, in one sentence, where it is not that."""
    if len(data) > LARGEST:
        raise SavedError(f"it is larger than {LARGEST // 1024 // 1024} MiB, and no saved evidence is")
    try:
        return msgspec.json.decode(data, type=Evidence)
    except msgspec.ValidationError as error:
        raise SavedError(f"it is JSON, but no saved evidence ({error}); --save-evidence writes it") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SavedError(f"it is no JSON ({error})") from None
