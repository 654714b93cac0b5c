// The notice at the bottom of the page; a screen reader announces its changes.

const SHOWN_MS = 12000;
let element = null;
let timer = null;

// Show a text; one that stays is shown until the next one, or until it is clicked.
export function show(text, { stays = false } = {}) {
  if (!element) {
    element = document.createElement("p");
    element.id = "notice";
    element.setAttribute("role", "status");
    element.addEventListener("click", () => show(""));
    document.body.append(element);
  }
  if (element.textContent !== text) element.textContent = text;
  clearTimeout(timer);
  if (text && !stays) timer = setTimeout(() => show(""), SHOWN_MS);
}
