// Connects the page to the server's jobs: viewers and history.
//
// Gradio's page has an element `TAB-shown` with links to the jobs whose results the tab shows.

import { Viewer } from "./viewer.js";
import { announceStatus, repairMarkup } from "./access.js";
import { followEstimates } from "./estimates.js";
import { limits } from "./files.js";
import { startInput } from "./input.js";
import { groupRadios, startKeyboard } from "./keyboard.js";
import { close as closeNotice, show as announce } from "./notice.js";
import { container, drawBatch, drawHistory } from "./history.js";
import { ask, create, downloadLink, isRunning, modelLabel, optionsText } from "./jobs.js";
import { followScheme, followTabs, openTab, watchTabs } from "./navigation.js";

const RUNNING_MS = 1000; // between two requests for the jobs, while a job is running
const IDLE_MS = 20000; // and otherwise
const TABS = ["upscale", "compare", "batch"];
const viewers = {}; // by tab
const shownIds = {}; // ids of the jobs in `TAB-shown`, by tab
const batchBefore = (sessionStorage.getItem("batch") || "").split(",").filter(Boolean);
if (batchBefore.length) shownIds.batch = batchBefore;
let isRestored = batchBefore.length > 0; // whether the batch is that of the page before a reload
let wasRunning = null; // whether a job of that batch was running at the reload; null: not known yet
const channel = new BroadcastChannel("srgan-gp-jobs");
let jobs = [];
let timer = null;
let asked = 0; // number of the latest request for the jobs
let answered = 0; // number of the request whose answer is in `jobs`
let awaited = null; // {id, viewer}: a job that was running at the reload, and the viewer at that time
let lost = 0; // results that this page knew before the server restarted

function find(id) {
  return document.getElementById(id);
}

function facts(job) {
  const report = job.report;
  const parts = [report.model, report.device && `${report.provider} on ${report.device}`, report.precision,
    report.tiles && `${report.tiles} ${report.tiles === 1 ? "tile" : "tiles"}`,
    report.seconds !== undefined && `${report.seconds.toFixed(2)} s`,
    report.bytes && `${(report.bytes / 1e6).toFixed(2)} MB`];
  return create("details", {}, create("summary", {}, "Details"), parts.filter(Boolean).join(" · "));
}

// Show one or several jobs in the viewer of a tab.
function show(tab, chosen) {
  const element = find(`${tab}-viewer`);
  const [first] = chosen;
  if (!element || !first || !first.view) return;
  const old = viewers[tab];
  const ids = chosen.map((job) => job.id).join(" ");
  if (old && old.root.isConnected && old.root.dataset.jobs === ids) return; // zoom and position stay
  const base = (job, layer) => `/api/jobs/${job.id}/tiles/${layer}`;
  const isSplit = tab !== "compare";
  const before = { label: isSplit ? "Before" : "Original", base: base(first, "before") };
  const after = chosen.map((job) => ({
    label: isSplit ? "After" : `${modelLabel(job)} · ${job.report.seconds.toFixed(2)} s`,
    base: base(job, "after"),
  }));
  const links = isSplit
    ? [first.report.region ? null : downloadLink(first, `Download ${first.name}`, announce), facts(first)]
    : [];
  const hasFocus = old && old.root.contains(document.activeElement);
  const viewer = new Viewer(container(element), {
    ...first.view, layers: [before, ...after], isSplit, links: links.filter(Boolean),
    caption: isSplit ? optionsText(first) : `${first.title} · one region, one zoom for all`,
  });
  viewer.root.dataset.jobs = ids;
  if (old) {
    const isSame = old.size.join() === viewer.size.join() && old.root.dataset.jobs.split(" ")[0] === first.id;
    const { x, y, zoom, isFitted, fittedZoom } = old;
    if (isSame) Object.assign(viewer, { x, y, zoom, isFitted, fittedZoom });
    old.remove();
  }
  if (hasFocus) viewer.stages[0].focus();
  viewers[tab] = viewer;
  element.classList.add("has-viewer");
}

function idsIn(element) {
  return [...element.querySelectorAll("a[href*='/api/jobs/']")].map((link) =>
    link.getAttribute("href").split("/").pop());
}

// Read the ids in `TAB-shown`; if they have changed, show the results of their jobs.
async function readShown(tab) {
  const element = find(`${tab}-shown`);
  if (!element) return;
  const ids = idsIn(element);
  if (ids.join() === (shownIds[tab] || []).join() || (!ids.length && tab !== "batch")) return;
  // After a reload the element is empty: the results of the batch before the reload stay.
  if (tab === "batch") {
    if (!ids.length && isRestored) return;
    sessionStorage.setItem("batch", ids.join());
    isRestored = false;
  }
  shownIds[tab] = ids;
  await refresh();
  if (tab === "batch" || shownIds[tab] !== ids) return; // a later result came first
  const chosen = ids.map((id) => jobs.find((job) => job.id === id)).filter((job) => job && job.view);
  show(tab, chosen);
  if (chosen.length && matchMedia("(max-width: 900px)").matches) {
    find(`${tab}-viewer`).scrollIntoView({ behavior: "smooth", block: "start" });
  }
}

// Close the viewers of jobs that the visitor removed here.
function closeViewers(isRemoved) {
  for (const [tab, viewer] of Object.entries(viewers)) {
    if (!viewer.root.dataset.jobs.split(" ").some(isRemoved)) continue;
    viewer.remove();
    delete viewers[tab];
    find(`${tab}-viewer`)?.classList.remove("has-viewer");
  }
}

function draw() {
  // A viewer stays open when its result expires.
  const hasResults = viewers.upscale || jobs.some((job) => job.state === "done");
  document.body.classList.toggle("has-results", Boolean(hasResults));
  const actions = {
    onShow: (job) => {
      const tab = job.tab === "batch" && shownIds.batch?.includes(job.id) ? "batch" : "upscale";
      openTab(tab);
      show(tab, [job]);
    },
    onChange: () => refresh(true),
    onRemove: (job) => closeViewers((id) => id === job.id),
    onError: announce,
    onClear: (problem) => {
      if (problem) announce(problem);
      else closeViewers(() => true);
      refresh(true);
    },
  };
  if (awaited) showAwaited();
  drawHistory(jobs, actions);
  if (isRestored) addLaterJobs();
  const batch = jobs.filter((job) => shownIds.batch?.includes(job.id));
  drawBatch(batch, (shownIds.batch?.length || 0) - batch.length, actions);
}

// A batch that was running at the reload continues, so its later jobs belong to the results too. If
// the batch had ended, later jobs are those of another batch, such as one in another window.
function addLaterJobs() {
  wasRunning ??= jobs.some((job) => shownIds.batch.includes(job.id) && isRunning(job));
  if (!wasRunning) return;
  const ids = jobs.filter((job) => job.tab === "batch").map((job) => job.id);
  const start = ids.findIndex((id) => shownIds.batch.includes(id));
  if (start < 0) return;
  shownIds.batch = ids.slice(start);
  sessionStorage.setItem("batch", shownIds.batch.join()); // for the next reload
}

// Fetch the jobs of this visitor; other tabs of the browser do the same if something changed.
async function refresh(tellOthers = false) {
  clearTimeout(timer);
  asked += 1;
  const number = asked;
  try {
    const answer = await ask("/api/jobs");
    if (number > answered) { // otherwise the answer to a later request came first
      answered = number;
      rememberServer(answer);
      jobs = answer.jobs;
      [limits.bytes, limits.pixels] = [answer.max_upload_bytes, answer.max_pixels];
      draw();
    }
  } catch (error) {
    if (number > answered) announce(error.message);
  }
  if (tellOthers) channel.postMessage("changed");
  timer = setTimeout(refresh, jobs.some(isRunning) ? RUNNING_MS : IDLE_MS);
}

// A server that was restarted has no results: say how many were lost.
function rememberServer(answer) {
  const known = sessionStorage.getItem("server");
  if (known && known !== answer.server) {
    lost = Number(sessionStorage.getItem("results") || 0);
    announce(lost
      ? `The server was restarted: ${lost} ${lost === 1 ? "result was" : "results were"} lost. Reload the page.`
      : "The server was restarted. Reload the page.");
  }
  sessionStorage.setItem("server", answer.server);
  sessionStorage.setItem("results", answer.jobs.length);
}

// After a reload the viewer shows the latest result again, and that of a running job when it is done.
function restore() {
  const own = jobs.filter((job) => job.tab === "upscale");
  const latest = own.findLast((job) => job.view);
  if (latest && !viewers.upscale) show("upscale", [latest]);
  const last = own[own.length - 1];
  if (last && isRunning(last)) awaited = { id: last.id, viewer: viewers.upscale };
}

function showAwaited() {
  const job = jobs.find((one) => one.id === awaited.id);
  if (job && isRunning(job)) return;
  if (job && viewers.upscale === awaited.viewer && !shownIds.upscale) show("upscale", [job]);
  awaited = null;
}

function start() {
  announce("");
  openTab(location.hash.slice(1));
  watchTabs(closeNotice);
  followScheme();
  startKeyboard();
  startInput();
  const watchFields = followEstimates();
  // Gradio builds a tab when it is opened first, so the elements may not exist yet.
  let isScheduled = false;
  new MutationObserver(() => {
    if (isScheduled) return;
    isScheduled = true;
    requestAnimationFrame(() => {
      isScheduled = false;
      TABS.forEach(readShown);
      if (jobs.length && find("batch-results") && !find("batch-download")) draw();
      repairMarkup();
      groupRadios();
      watchFields();
      announceStatus();
    });
  }).observe(document.querySelector("gradio-app") || document.body, {
    childList: true, subtree: true, characterData: true,
  });
  repairMarkup();
  announceStatus();
  channel.onmessage = () => refresh();
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
  refresh().then(restore);
}

followTabs();

// Gradio builds the page by scripts: wait for its last part.
const waiting = setInterval(() => {
  if (find("upscale-start") && find("history")) {
    clearInterval(waiting);
    start();
  }
}, 50);
