// The notice at the bottom of the page; a screen reader announces its changes.

let element = null;
let timer = null;

export function show(text) {
  if (!element) {
    element = document.createElement("p");
    element.id = "notice";
    element.setAttribute("role", "status");
    document.body.append(element);
  }
  if (element.textContent !== text) element.textContent = text;
  clearTimeout(timer);
  if (text) timer = setTimeout(() => show(""), 12000);
}
