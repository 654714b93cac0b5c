// Navigation: the tab in the address of the page, and the choice between light and dark.

import { create } from "./jobs.js";

function tabButtons() {
  return [...document.querySelectorAll("button[role=tab]")];
}

function nameOf(button) {
  return button.textContent.trim().toLowerCase().replace(/[^a-z]/g, "");
}

let isRestoring = false; // the address names the tab already

export function openTab(name) {
  tabButtons().find((button) => nameOf(button) === name.replace(/[^a-z]/g, ""))?.click();
}

// Put the open tab into the address, as a new step of the history of the browser.
function remember(name) {
  if (location.hash.slice(1) === name || isRestoring) return;
  history.pushState(null, "", `#${name}`);
}

function restoreTab() {
  const [first] = tabButtons();
  isRestoring = true;
  openTab(location.hash.slice(1) || (first ? nameOf(first) : ""));
  isRestoring = false;
}

// Put the tab of each click into the address, also of a click before the page is complete.
export function followTabs() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button[role=tab]");
    if (button) remember(nameOf(button));
  });
  addEventListener("popstate", restoreTab);
  addEventListener("hashchange", restoreTab);
}

// Call `onChange` when another tab opens, by a click on the tab or on a button such as "Send to
// Upscale". The tabs must exist.
export function watchTabs(onChange) {
  const opened = () => tabButtons().find((button) => button.getAttribute("aria-selected") === "true");
  let last = opened();
  const list = last?.closest("[role=tablist]");
  if (!list) return;
  new MutationObserver(() => {
    const now = opened();
    if (!now || now === last) return;
    last = now;
    if (location.hash || now !== tabButtons()[0]) remember(nameOf(now));
    onChange();
  }).observe(list, {
    attributes: true, attributeFilter: ["aria-selected"], subtree: true,
  });
}

// Gradio follows the class `dark` of the body; the choice is kept in this browser.
export function followScheme() {
  const apply = (isDark) => document.body.classList.toggle("dark", isDark);
  const system = matchMedia("(prefers-color-scheme: dark)");
  const stored = localStorage.getItem("scheme");
  if (stored) apply(stored === "dark");
  const button = create("button", {
    type: "button", id: "scheme", "aria-label": "Switch between light and dark",
    title: "Light or dark", onclick: () => {
      const isDark = !document.body.classList.contains("dark");
      apply(isDark);
      localStorage.setItem("scheme", isDark ? "dark" : "light");
    },
  }, "◐");
  system.addEventListener("change", () => {
    if (!localStorage.getItem("scheme")) apply(system.matches);
  });
  document.getElementById("headline")?.append(button);
}
