// The notice at the bottom of the page; a screen reader announces its changes.

const SHOWN_MS = 12000;
const texts = { stays: "", passes: "" };
let element = null;
let timer = null;

// Show a text. One that stays is shown until the next one that does, or until it is clicked; other
// texts, such as the percentage of an upload, are shown after it.
export function show(text, { stays = false } = {}) {
  if (!element) {
    element = document.createElement("p");
    element.id = "notice";
    element.setAttribute("role", "status");
    element.addEventListener("click", () => {
      texts.stays = "";
      show("");
    });
    document.body.append(element);
  }
  texts[stays ? "stays" : "passes"] = text;
  const shown = [texts.stays, texts.passes].filter(Boolean).join(" ");
  if (element.textContent !== shown) element.textContent = shown;
  if (stays) return;
  clearTimeout(timer);
  if (text) timer = setTimeout(() => show(""), SHOWN_MS);
}
