// One call: what happened when, and what was said.

import { payload } from "./payload.js";
import { timeline } from "./timeline.js";
import { make, parties, party, redirectedAt, standing, time, told, visible } from "./words.js";

const section = document.getElementById("detail");
let shown = null; // { id, parts, payloads }

/** Shows a call; what is there already stays, so that nothing opened closes again. */
export function show(call, elapsed) {
  if (shown?.id !== call.call_id) build(call);
  const { parts, payloads } = shown;
  const { word, tone, sign } = standing(call);
  parts.heading.replaceChildren(party(call.source), make("span", { className: "to", textContent: " → " }), parties(call.targets));
  parts.standing.replaceChildren(make("span", { className: "mark", textContent: `${sign} ` }), word);
  parts.standing.className = `standing ${tone}`;
  parts.name.textContent = call.name ? visible(call.name) : "";
  parts.url.textContent = call.url ? visible(call.url) : "";
  parts.budget.textContent = budget(call);
  parts.problem.hidden = !call.problem;
  parts.problem.textContent = visible(call.problem ?? "");
  draw(call, elapsed);
  parts.steps.replaceChildren(...call.steps.flatMap(step));
  call.steps.forEach((one, index) => {
    if (one.body === undefined || payloads.has(index)) return;
    const block = said(one, call);
    payloads.set(index, block);
    parts.payloads.append(block);
  });
}

/** Only the picture, for a call that goes on while nothing is told. */
export function draw(call, elapsed) {
  if (shown?.id !== call.call_id) return;
  const { picture } = shown.parts;
  picture.replaceChildren(timeline(call, elapsed, picture.clientWidth - 96 || 560));
}

export function hide() {
  shown = null;
  section.hidden = true;
  section.replaceChildren();
}

export function focus() {
  shown?.parts.heading.focus();
}

function build(call) {
  const parts = {
    heading: make("h2", { tabIndex: -1 }),
    standing: make("p", { className: "standing" }),
    name: make("p", { className: "name" }),
    url: make("dd"),
    budget: make("dd"),
    problem: make("p", { className: "problem", hidden: true }),
    picture: make("div", { className: "picture" }),
    steps: make("ol", { className: "steps" }),
    payloads: make("div", { className: "payloads" }),
  };
  const id = make("dd", { className: "mono", textContent: visible(call.call_id) });
  parts.url.className = "mono";
  section.replaceChildren(
    make("div", { className: "heading" }, parts.heading, parts.standing),
    parts.name,
    parts.problem,
    make("dl", { className: "facts" }, make("dt", { textContent: "call" }), id, make("dt", { textContent: "bot" }), parts.url, make("dt", { textContent: "budget" }), parts.budget),
    parts.picture,
    parts.steps,
    parts.payloads,
  );
  section.hidden = false;
  shown = { id: call.call_id, parts, payloads: new Map() };
}

function budget(call) {
  const window = call.window ?? 15;
  const redirected = redirectedAt(call);
  if (redirected !== null) return `redirected after ${time(redirected)}, ${time(Math.max(0, window - redirected))} to spare`;
  return call.ending || call.state === "failed" ? `${window} s, not used` : `${window} s`;
}

function step(one) {
  const [what, more, tone] = told(one);
  const row = (at, what, more, tone, faults = []) =>
    make(
      "li",
      { className: tone },
      make("span", { className: "time", textContent: time(at) }),
      make("span", { className: "what", textContent: what }),
      make("span", { className: "more" }, more, ...faults.map((name) => make("code", { className: "chip", textContent: name }))),
    );
  const faults = one.faults ?? [one.fault].filter(Boolean);
  const rows = [row(one.at, what, more, tone, faults)];
  if (one.what === "redirect_received" && one.accepted) {
    rows.push(row(one.at, one.targets.length > 1 ? "they ring" : "it rings", parties(one.targets), "calm"));
  }
  return rows;
}

/** A payload with what it was an answer to. */
function said(one, call) {
  const into = one.what === "redirect_received";
  const title = into ? `Redirect ${one.status ?? "unanswered"}` : `Notification ${one.change_type}`;
  const errors = (one.violations ?? []).filter((violation) => violation.severity === "error").length;
  const warnings = (one.violations ?? []).length - errors;
  const count = [errors && `${errors} ${errors === 1 ? "error" : "errors"}`, warnings && `${warnings} ${warnings === 1 ? "warning" : "warnings"}`];
  const found = count.filter(Boolean).join(", ");
  const where = into ? `bot → Graph ${one.api_version}, ${time(one.at)}` : `Graph → bot, ${time(one.at)}`;
  const block = make(
    "details",
    { open: into || one.change_type === "created" },
    make(
      "summary",
      {},
      make("span", { className: "title", textContent: title }),
      make("span", { className: "where", textContent: where }),
      found ? make("span", { className: errors ? "found error" : "found warning", textContent: found }) : null,
    ),
  );
  // With violations each is told where it is.
  if (into && one.message && !found) block.append(make("p", { className: "answer" }, make("code", { textContent: one.code }), ` ${visible(one.message)}`));
  for (const [name, value] of one.headers ?? []) {
    block.append(make("p", { className: "header mono" }, make("span", { textContent: `${name}: ` }), visible(value)));
  }
  if (!into) block.append(make("p", { className: "header mono" }, make("span", { textContent: "POST " }), visible(one.url || call.url)));
  block.append(payload(one.body, one.violations));
  return block;
}
