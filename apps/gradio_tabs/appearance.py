"""Theme, CSS and head elements of the page, as arguments for `gradio.mount_gradio_app`.

The page loads nothing from other servers, and nothing moves when a result arrives.
"""

from pathlib import Path
from typing import Any

from gradio.themes import Default

from gradio_tabs.inputs.examples import example_styles

_STYLES = """
/* Without a width the page would be as wide as its contents, such as a long name. On a wider page
   the controls would be far from the result. */
.gradio-container { width: 100%; max-width: 1240px !important; margin: 0 auto !important; }
.headline h1 { margin: 0; font-size: 1.5rem; }
.quiet, .quiet p { color: var(--body-text-color-subdued); font-size: var(--text-sm); }
/* The status keeps the height of two lines, on narrow screens of three, so that a line that appears
   or disappears moves nothing. */
.status { min-height: 3.6em; }
/* Gradio's styles remove the colours of the browser's bar: it would look full at zero. */
.status progress { appearance: none; width: 100%; height: 0.75em; border: none;
  border-radius: 0.375em; overflow: hidden; background: var(--border-color-primary); }
.status progress::-webkit-progress-bar { background: transparent; }
.status progress::-webkit-progress-value { background: var(--color-accent); }
.status progress::-moz-progress-bar { background: var(--color-accent); }
.status progress:indeterminate::-moz-progress-bar { background: transparent; }
.status .error-message { border-left: 4px solid var(--error-border-color); padding-left: 0.75em; }
.status, .status * { overflow-wrap: anywhere; }
/* As many columns as fit, up to the requested number n; Gradio would widen the page. A column is
   wider than 1 / (n + 1) of the grid, so that n + 1 columns never fit. */
.grid-container { grid-template-columns:
  repeat(auto-fill, minmax(max(100px, 100% / (var(--grid-cols) + 1) + 1px), 1fr)) !important; }
.status progress:indeterminate { background: linear-gradient(90deg, transparent 0 30%,
  var(--color-accent) 50%, transparent 70% 100%) 0 0 / 200% 100% var(--border-color-primary);
  animation: moving 1.6s linear infinite; }
@keyframes moving { from { background-position: 200% 0; } to { background-position: 0 0; } }
/* A single image would be as wide as the gallery and cropped at the bottom. */
.gallery-item:only-child .thumbnail-lg { height: 340px; aspect-ratio: auto; }
/* Gradio removes the view box of an SVG, so its units are pixels. */
.curve { width: 300px; height: 100px; }
.curve polyline { fill: none; stroke: var(--color-accent); stroke-width: 2; }
:focus-visible { outline: 2px solid var(--color-accent) !important; outline-offset: 2px; }
@media (max-width: 640px) {
  .gradio-container { padding: 0.5rem !important; }
  .status { min-height: 5.4em; }
}
@media (prefers-reduced-motion: reduce) {
  * { animation: none !important; transition: none !important; }
}
"""


_FAVICON_PATH = Path(__file__).parents[1] / "static" / "favicon.svg"
_HEAD = """<link rel="icon" type="image/svg+xml" href="/page/favicon.svg">
<link rel="stylesheet" href="/page/app.css">
<script type="module" src="/page/app.js"></script>"""


def appearance() -> dict[str, Any]:
    """Return keyword arguments of `gradio.mount_gradio_app`.

    Returns:
        `theme`, `css` and `head` (HTML of the icon, style sheet and script), `favicon_path`, and
        `footer_links` and `run_history`, which switch off parts of Gradio's own page.
    """
    # System fonts: those of Gradio's other themes come from a font server.
    theme = Default(
        primary_hue="indigo",
        secondary_hue="indigo",
        neutral_hue="slate",
        font=("system-ui", "sans-serif"),
        font_mono=("ui-monospace", "monospace"),
    ).set(
        # The contrast of Gradio's greys for small text is too low.
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_300",
        # The same holds for white text on its buttons, and for its links in dark mode.
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover_dark="*primary_700",
        button_cancel_background_fill="#b91c1c",
        button_cancel_background_fill_hover="#991b1b",
        button_cancel_background_fill_dark="#b91c1c",
        button_cancel_background_fill_hover_dark="#991b1b",
        # Buttons of a group that are not selected would be hard to see on dark.
        checkbox_border_color_dark="*neutral_400",
        checkbox_background_color_dark="*neutral_800",
        link_text_color_dark="*secondary_300",
        link_text_color_active_dark="*secondary_300",
        link_text_color_visited_dark="*secondary_300",
        link_text_color_hover_dark="*secondary_200",
    )
    return {
        "theme": theme,
        "css": _STYLES + example_styles(),
        "head": _HEAD,
        "favicon_path": str(_FAVICON_PATH),
        "footer_links": [],
        "run_history": False,
    }
