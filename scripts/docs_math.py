"""Hook of MkDocs: converts formulas in LaTeX to MathML, which browsers draw without scripts.

A formula is a fenced block named `math`, or $`...`$ within a line, as GitHub writes them.
`mkdocs.yml` names this file, and MkDocs calls `on_page_markdown` for each page.
"""

import re

from latex2mathml.converter import convert

_FENCE = re.compile(r"^```math\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"\$`([^`]+)`\$")


def on_page_markdown(markdown: str, **_: object) -> str:
    """Return the Markdown of a page with its formulas converted to HTML."""
    markdown = _FENCE.sub(lambda match: _block(match[1]), markdown)
    # Markdown takes <math> at the start of a line for a block; a span keeps it in its paragraph.
    return _INLINE.sub(lambda match: f"<span>{convert(match[1])}</span>", markdown)


def _block(formula: str) -> str:
    """Convert a formula that stands in a line of its own."""
    mathml = convert(formula.strip(), display="block")
    return f'<div class="formula">{mathml}</div>'
