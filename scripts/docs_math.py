"""Hook of MkDocs: formulas in LaTeX become MathML, which browsers draw without scripts or fonts.

A formula is written as GitHub draws it too: a fenced block named `math`, or $`...`$ within a line.
"""

import re

from latex2mathml.converter import convert

_FENCE = re.compile(r"^```math\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"\$`([^`]+)`\$")


def on_page_markdown(markdown: str, **_: object) -> str:
    """Replace the formulas of a page before its Markdown is read."""
    markdown = _FENCE.sub(lambda found: _block(found[1]), markdown)
    # Markdown takes <math> at the start of a line for a block; a span keeps it in its paragraph.
    return _INLINE.sub(lambda found: f"<span>{convert(found[1])}</span>", markdown)


def _block(formula: str) -> str:
    mathml = convert(formula.strip(), display="block")
    return f'<div class="formula">{mathml}</div>'
