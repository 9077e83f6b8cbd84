"""The text report as a picture: one SVG file that loads nothing from anywhere."""

from __future__ import annotations

import io

from sio_doctor.model import Report
from sio_doctor.render.layout import console
from sio_doctor.render.text import print_report

#: Rich's own template loads a font from elsewhere. This one takes what the reader's machine has.
TEMPLATE = """\
<svg class="report" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{
  font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px;
  line-height: {line_height}px;
  font-variant-ligatures: none;
}}
.{unique_id}-title {{
  font-family: system-ui, "Helvetica Neue", Arial, sans-serif;
  font-size: 18px;
  font-weight: bold;
}}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def svg(report: Report, *, width: int = 100, title: str = "sio-doctor") -> str:
    """The text report, ``width`` cells wide, in a terminal window with that title. The same report gives the same."""
    recorder = console(io.StringIO(), width=width, color=True, record=True)
    print_report(report, recorder, fold=True)
    return recorder.export_svg(title=title, code_format=TEMPLATE)
