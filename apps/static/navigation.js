// Navigation: the tab in the address of the page, and the choice between light and dark.

import { create } from "./jobs.js";

function tabButtons() {
  return [...document.querySelectorAll("button[role=tab]")];
}

function nameOf(button) {
  return button.textContent.trim().toLowerCase().replace(/[^a-z]/g, "");
}

export function openTab(name) {
  tabButtons().find((button) => nameOf(button) === name.replace(/[^a-z]/g, ""))?.click();
}

// The tab is in the address; a click before the page is complete counts too.
export function followTabs() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button[role=tab]");
    if (button && location.hash.slice(1) !== nameOf(button)) {
      history.replaceState(null, "", `#${nameOf(button)}`);
    }
  });
  addEventListener("hashchange", () => openTab(location.hash.slice(1)));
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
