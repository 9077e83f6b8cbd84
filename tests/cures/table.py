"""The table of ``make cures``: cause by stack, what was proven."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap

from sio_doctor.stacks import SLUGS
from tests.cures.pairs import PAIRS, Pair


def table(
    proven: Mapping[tuple[str, str], bool],
    pairs: Sequence[Pair],
    stacks: Mapping[str, str],
    not_proven: Mapping[str, str],
) -> Iterator[str]:
    """The lines. A column is a folder, whose number stands above it; ``·`` is no pair."""
    folders = [folder for folder in stacks if any(pair.folder == folder for pair in pairs)]
    rows = sorted({pair.cause for pair in pairs})
    width = max(map(len, rows))
    for number, folder in enumerate(folders, 1):
        yield f"{number:>2}  {folder} ({stacks[folder]})"
    yield ""
    yield " " * width + "".join(f"{number:>3}" for number in range(1, len(folders) + 1))
    for cause in rows:
        cells = [_cell(proven.get((cause, folder))) for folder in folders]
        yield f"{cause:<{width}}" + "".join(f"  {cell}" for cell in cells)
    yield ""
    good = [pair for pair in pairs if proven[pair.key]]
    causes, cures = {pair.cause for pair in good}, {(pair.cause, stacks[pair.folder]) for pair in good}
    named, proving = {stacks[pair.folder] for pair in good}, {pair.folder for pair in good}
    yield f"{len(good)} of {len(pairs)} pairs proven: {len(causes)} causes, {len(proving)} stacks"
    yield f"(of some the cures are the same: {len(cures)} by the {len(named)} names that a cure's stack has)."
    yield "Not proven, since it cannot run here:"
    for what, why in not_proven.items():
        yield f"  {what}: {why}"
    rest = ", ".join(sorted(SLUGS - {pair.cause for pair in PAIRS}))
    yield from wrap(f"Causes with a cure and no pair: {rest}", 118, subsequent_indent="  ", break_on_hyphens=False)


def _cell(proven: bool | None) -> str:
    return "·" if proven is None else "✓" if proven else "✗"
