// The visitor's jobs: requests to the server, and the list of results.

export function create(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== null) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

// Return the JSON of a response; an error has the message of the server.
export async function ask(address, method = "GET") {
  let response;
  try {
    response = await fetch(address, { method, headers: { accept: "application/json" } });
  } catch {
    throw Object.assign(new Error("The server cannot be reached. Trying again ..."), { status: 0 });
  }
  const body = await response.json().catch(() => ({}));
  if (!response.ok) {
    throw Object.assign(new Error(body.message || "The server refused the request."), {
      status: response.status,
    });
  }
  return body;
}

const STAGES = { queued: "In queue", reading: "Reading", running: "Working", encoding: "Writing the file" };

export function isRunning(job) {
  return !["done", "failed"].includes(job.state);
}

export function stateText(job) {
  if (job.state === "failed") return job.error.message;
  if (job.state === "queued" && job.ahead) return `In queue (${job.ahead} ahead of you)`;
  const percent = job.percent ? ` ${Math.floor(job.percent)} %` : "";
  return `${STAGES[job.state]}${percent} ...`;
}

// Return the label of the model that was chosen, or its name if the page does not list the model.
export function modelLabel(job) {
  const name = job.requested_model || job.report?.model || "";
  const input = [...document.querySelectorAll("#upscale-model input")].find((one) => one.value === name);
  return input?.closest("label").textContent.trim() || name;
}

// Return the model, the scale and whether it is a preview, in words.
export function choiceText(job) {
  const report = job.report || {};
  const parts = [modelLabel(job), report.scale && `x${Number(report.scale.toFixed(3))}`,
    report.fidelity && `fidelity ${report.fidelity}`, report.region && "preview of a region"];
  return parts.filter(Boolean).join(" · ");
}

export function optionsText(job) {
  const report = job.report || {};
  const text = `Result of ${job.title} with ${choiceText(job)}`;
  if (!report.size || !report.result_size) return text;
  return `${text} · ${report.size.join(" x ")} → ${report.result_size.join(" x ")} pixels`;
}

// Download a result; if it has expired, `onError` gets the message.
export function downloadLink(job, label, onError) {
  return create("a", {
    href: job.result, download: job.name, class: "job-download",
    onclick: async (event) => {
      event.preventDefault();
      try {
        await ask(`/api/jobs/${job.id}`);
        create("a", { href: job.result, download: job.name }).click();
      } catch (error) {
        onError(error.message);
      }
    },
  }, label);
}

// One result as a list item: thumbnail that shows it, state, download, and removal.
export function jobItem(job, { onShow, onChange, onRemove, onError }) {
  const change = async (action) => {
    try {
      await ask(`/api/jobs/${job.id}/${action}`, "POST");
      if (action === "remove") onRemove(job);
    } catch (error) {
      onError(error.message);
    }
    onChange();
  };
  const isDone = job.state === "done";
  const picture = () => create("img", {
    src: `/api/jobs/${job.id}/thumbnail`, alt: `Result of ${job.title}`, loading: "lazy",
    decoding: "async",
  });
  let shown = create("span", { class: "job-show job-empty", "aria-hidden": "true" });
  if (isDone && job.view) {
    shown = create("button", {
      type: "button", class: "job-show", title: `Show ${job.title}`, onclick: () => onShow(job),
    }, picture());
  } else if (isDone && job.media_type.startsWith("image/")) {
    shown = create("span", { class: "job-show" }, picture());
  }
  const bar = isRunning(job)
    ? create("progress", {
        "aria-label": "Progress", ...(job.percent ? { value: job.percent, max: 100 } : {}),
      })
    : null;
  return create(
    "li", { class: `job job-${isRunning(job) ? "running" : job.state}`, "data-id": job.id }, shown,
    create("span", { class: "job-title", title: optionsText(job) }, job.title),
    create("span", { class: "job-state" }, isDone ? choiceText(job) : stateText(job)),
    ...(job.report?.warnings || []).map((text) => create("span", { class: "job-note" }, text)),
    bar,
    create("span", { class: "job-actions" },
      isDone && !job.report.region ? downloadLink(job, "Download", onError) : null,
      isRunning(job)
        ? create("button", { type: "button", onclick: () => change("cancel") }, "Stop")
        : create("button", {
            type: "button", "aria-label": `Remove ${job.title}`, onclick: () => change("remove"),
          }, "Remove")),
  );
}
