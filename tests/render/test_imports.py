"""What each format costs at start-up: the text format alone loads rich, and only what it needs of it."""

from __future__ import annotations

import subprocess
import sys


def loaded(code: str) -> set[str]:
    """The modules that are there after running ``code`` in a fresh interpreter."""
    ran = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return set(ran.stdout.splitlines()[-1].split())


def test_json_and_curl_load_no_rich() -> None:
    code = "import sio_doctor.render.json, sio_doctor.render.curl, sio_doctor.render.terminal"
    assert not [name for name in loaded(code) if name.partition(".")[0] in ("rich", "httpx", "asyncio")]


def test_text_loads_neither_highlighter_nor_markdown() -> None:
    names = loaded("import sio_doctor.render.text")
    assert "rich.console" in names
    assert not [name for name in names if name.partition(".")[0] in ("pygments", "markdown_it", "httpx", "difflib")]
    assert not names & {"rich.syntax", "rich.markdown", "rich.progress", "rich.traceback", "rich.live", "asyncio"}
