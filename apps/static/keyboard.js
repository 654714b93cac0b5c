// Keyboard of the page: groups of radio buttons, the focus, and second clicks on a button.

const RUN_BUTTONS = "button[id$=-start], button[id$=-stop], #faces-enlarge";
const STOP_DELAY_MS = 700; // the focus moves to Stop: a second Enter must not stop the run

// Give the radio buttons of a field one name: then the browser moves among them by arrow keys, and
// the group is one stop of the Tab key. Gradio names each of them differently.
export function groupRadios() {
  for (const field of document.querySelectorAll("fieldset")) {
    const radios = field.querySelectorAll("input[type=radio]");
    if (!radios.length) continue;
    const name = field.dataset.group || radios[0].name;
    field.dataset.group = name;
    for (const radio of radios) if (radio.name !== name) radio.name = name;
  }
}

function isUsable(element) {
  return element.isConnected && !element.disabled && element.offsetParent !== null;
}

// Return where the focus goes from a button that was disabled or hidden; null: nowhere yet.
function successor(button) {
  const [, tab, kind] = button.id.match(/^(.+)-(start|stop)$/) || [];
  if (tab) return document.getElementById(`${tab}-${kind === "start" ? "stop" : "start"}`);
  if (!button.classList.contains("example")) return null;
  const panel = button.closest("[role=tabpanel]") || document;
  return panel.querySelector(".image-frame[tabindex]");
}

// Move the focus when its button is disabled, as Start is during a run, or hidden, as an example is
// once there is an image. The browser would move the focus to the body. If the button is usable again
// first, it gets the focus: Stop may never appear in a very short run.
function keepFocus() {
  let last = null;
  document.addEventListener("focusin", (event) => {
    last = event.target;
  });
  const move = () => {
    if (!last || document.activeElement !== document.body) return;
    const next = successor(last);
    const target = next && isUsable(last) ? last : next;
    if (target && isUsable(target)) target.focus({ preventScroll: true });
  };
  document.addEventListener("focusout", (event) => {
    if (isUsable(event.target)) last = null; // the visitor moved the focus
    else setTimeout(move);
  });
  new MutationObserver(move).observe(document.body, {
    attributes: true, attributeFilter: ["class", "disabled", "tabindex"], subtree: true,
  });
}

// A double click, or a key that is held, is one click.
function ignoreSecondClicks() {
  let started = 0;
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.(RUN_BUTTONS);
    if (!button) return;
    const isKey = event.detail === 0;
    const isStop = button.id.endsWith("-stop");
    if (event.detail > 1 || (isStop && isKey && Date.now() - started < STOP_DELAY_MS)) {
      event.preventDefault();
      event.stopImmediatePropagation();
    } else if (!isStop) {
      started = Date.now();
    }
  }, true);
  document.addEventListener("keydown", (event) => {
    if (event.repeat && event.target.closest?.(RUN_BUTTONS)) event.preventDefault();
  }, true);
}

export function startKeyboard() {
  groupRadios();
  keepFocus();
  ignoreSecondClicks();
}
