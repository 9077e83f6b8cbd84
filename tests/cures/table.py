"""The table of ``make cures``: cause by stack, what was proven."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tests.cures.pairs import Pair


def table(
    proven: Mapping[tuple[str, str], bool],
    pairs: Sequence[Pair],
    stacks: Mapping[str, str],
    not_proven: Mapping[str, str],
) -> Iterator[str]:
    """The lines. A column is a folder, whose number stands above it; ``·`` is no pair."""
    folders = [folder for folder in stacks if any(pair.folder == folder for pair in pairs)]
    causes = sorted({pair.cause for pair in pairs})
    width = max(map(len, causes))
    for number, folder in enumerate(folders, 1):
        yield f"{number:>2}  {folder} ({stacks[folder]})"
    yield ""
    yield " " * width + "".join(f"{number:>3}" for number in range(1, len(folders) + 1))
    for cause in causes:
        cells = [_cell(proven.get((cause, folder))) for folder in folders]
        yield f"{cause:<{width}}" + "".join(f"  {cell}" for cell in cells)
    yield ""
    good = [pair for pair in pairs if proven[pair.key]]
    yield (
        f"{len(good)} of {len(pairs)} pairs proven: {len({pair.cause for pair in good})} causes,"
        f" {len({pair.folder for pair in good})} stacks ({len({stacks[pair.folder] for pair in good})} by the cure's own"
        f" word), {len({(pair.cause, stacks[pair.folder]) for pair in good})} different cures."
    )
    yield "Not proven, since it cannot run here:"
    for what, why in not_proven.items():
        yield f"  {what}: {why}"


def _cell(proven: bool | None) -> str:
    return "·" if proven is None else "✓" if proven else "✗"
