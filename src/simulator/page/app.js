// The page: it hears of changes, keeps the last calls, and shows them a frame at a time.

import * as detail from "./detail.js";
import * as form from "./form.js";
import { strip } from "./timeline.js";
import { isProblem, make, parties, party, redirectedAt, standing, time, visible } from "./words.js";

/** Calls listed; the simulator tells of as many when the page opens. */
const LISTED = 300;

const $ = (id) => document.getElementById(id);
const list = $("list");
const calls = new Map(); // by id, oldest first
const rows = new Map();
const changed = new Set();
let run = null;
let began = 0; // when the simulator started, on this page's clock
let selected = null;
let placed = new Set();
let drawing = false;

// What is told.

function listen() {
  const source = new EventSource("/simulator/events");
  source.addEventListener("open", () => connection("live", "live"));
  source.addEventListener("state", (event) => take(JSON.parse(event.data), true));
  source.addEventListener("changes", (event) => take(JSON.parse(event.data), false));
  source.addEventListener("error", () => {
    connection("waiting", "not running; waiting");
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 1000);
  });
}

function connection(state, word) {
  $("connection").dataset.state = state;
  $("connection").textContent = word;
}

function take(told, whole) {
  began = performance.now() - told.now * 1000;
  if (whole) {
    if (run !== told.run) void settings();
    if (run !== null && run !== told.run) select(null);
    run = told.run;
    calls.clear();
    rows.clear();
    list.replaceChildren();
  }
  for (const call of told.calls) {
    announce(calls.get(call.call_id), call);
    calls.set(call.call_id, call);
    changed.add(call.call_id);
  }
  for (const id of calls.keys()) {
    if (calls.size <= LISTED) break;
    calls.delete(id);
    changed.add(id);
  }
  schedule();
}

// What is shown.

/** Once a frame at most, however much happens. */
function schedule() {
  if (drawing) return;
  drawing = true;
  // A page in the background has no frames, and must not gather changes either.
  if (document.hidden) setTimeout(draw, 250);
  else requestAnimationFrame(draw);
}

function draw() {
  drawing = false;
  for (const id of changed) drawRow(id);
  if (selected && changed.has(selected)) void read(selected);
  changed.clear();
  $("nothing").hidden = calls.size > 0;
  list.hidden = calls.size === 0;
  figures();
}

function drawRow(id) {
  const call = calls.get(id);
  let row = rows.get(id);
  if (!call) {
    row?.remove();
    rows.delete(id);
    return;
  }
  if (!row) {
    row = make("li", { id: `call-${id}`, dataset: { id } });
    row.setAttribute("role", "option");
    rows.set(id, row);
    list.prepend(row);
  }
  const { word, tone, sign } = standing(call);
  const redirected = redirectedAt(call);
  const to = call.answered_by ? party(call.answered_by) : parties(call.targets);
  row.className = isProblem(call) ? "problem" : "";
  row.setAttribute("aria-selected", String(id === selected));
  row.replaceChildren(
    make("span", { className: "who" }, party(call.source), make("span", { className: "to", textContent: " → " }), to),
    make("span", { className: `standing ${tone}` }, word, make("span", { className: "mark", textContent: ` ${sign}` })),
    make("span", { className: "note", textContent: note(call) }),
    make("span", { className: "took", textContent: redirected === null ? "" : time(redirected) }),
    strip(call, elapsed(call)),
  );
}

function note(call) {
  if (call.problem) return visible(call.problem);
  if (call.violations > 0) return call.violations === 1 ? "1 violation" : `${call.violations} violations`;
  const when = call.steps.length > 0 ? clock(call.at) : "";
  return [when, call.name ? visible(call.name) : "", ...call.faults].filter(Boolean).join(" · ");
}

function clock(at) {
  const moment = new Date(performance.timeOrigin + began + at * 1000);
  const two = (number) => String(number).padStart(2, "0");
  const parts = [moment.getHours(), moment.getMinutes(), moment.getSeconds()].map(two);
  return `${parts.join(":")}.${String(moment.getMilliseconds()).padStart(3, "0")}`;
}

/** Seconds since the call began. */
const elapsed = (call) => Math.max(0, (performance.now() - began) / 1000 - call.at);

function figures() {
  const all = [...calls.values()];
  const times = all.map(redirectedAt).filter((at) => at !== null).sort((one, other) => one - other);
  $("count").textContent = all.length === LISTED ? `last ${LISTED}` : all.length;
  $("redirected").textContent = times.length;
  $("median").textContent = times.length > 0 ? time(times[Math.floor(times.length / 2)]) : "–";
  $("problems").textContent = all.filter(isProblem).length;
  $("problems").className = all.some(isProblem) ? "bad" : "";
}

// The call that is looked at.

function select(id) {
  const before = rows.get(selected);
  before?.setAttribute("aria-selected", "false");
  selected = id;
  $("settings").hidden = id !== null;
  history.replaceState(null, "", id ? `#${encodeURIComponent(id)}` : location.pathname);
  if (!id) {
    list.removeAttribute("aria-activedescendant");
    detail.hide();
    return;
  }
  const row = rows.get(id);
  row?.setAttribute("aria-selected", "true");
  row?.scrollIntoView({ block: "nearest" });
  if (row) list.setAttribute("aria-activedescendant", row.id);
  void read(id);
}

let reading = false;
let again = false;

/** Asks for the whole of a call, payloads too: one question at a time. */
async function read(id) {
  if (reading) {
    again = true;
    return;
  }
  reading = true;
  try {
    const answer = await fetch(`/simulator/calls/${encodeURIComponent(id)}`);
    if (answer.ok && id === selected) {
      const call = await answer.json();
      detail.show(call, elapsed(call));
    }
  } catch {
    // The connection's state is shown already.
  } finally {
    reading = false;
    if (again) {
      again = false;
      if (selected) setTimeout(read, 100, selected);
    }
  }
}

// Calls that go on move while nothing is told. What was told waits for its frame: only that asks for the payloads.
setInterval(() => {
  if (document.hidden) return;
  for (const call of calls.values()) {
    if (call.state !== "ringing" && call.state !== "redirected") continue;
    drawRow(call.call_id);
    if (call.call_id === selected) detail.draw(call, elapsed(call));
  }
}, 200);

const shownRows = () => [...list.children].filter((row) => row.offsetParent !== null);

function move(event) {
  const all = shownRows();
  const here = all.findIndex((row) => row.dataset.id === selected);
  const last = all.length - 1;
  const next = { ArrowDown: Math.min(here + 1, last), ArrowUp: Math.max(here - 1, 0), Home: 0, End: last }[event.key];
  if (next !== undefined && last >= 0) {
    event.preventDefault();
    select(all[next].dataset.id);
  } else if (event.key === "Enter" && selected) {
    event.preventDefault();
    detail.focus();
  }
}

list.addEventListener("keydown", move);
list.addEventListener("click", (event) => {
  const row = event.target.closest("li");
  if (row) select(row.dataset.id);
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !selected) return;
  if (list.contains(document.activeElement)) select(null);
  else list.focus();
});
$("only-problems").addEventListener("change", (event) => list.classList.toggle("only-problems", event.target.checked));
$("show-settings").addEventListener("click", () => {
  select(null);
  $("settings").scrollIntoView({ block: "nearest" });
});

// What is said aloud: the ends of calls placed here, and not more often than anybody can listen.

let saying = null;

function announce(before, call) {
  const ends = call.ending ?? (call.state === "failed" ? "failed" : null);
  if (!ends || before?.ending || before?.state === "failed") return;
  if (!placed.has(call.call_id) && call.call_id !== selected) return;
  const text = `${party(call.source)}: ${standing(call).word}${call.problem ? `, ${visible(call.problem)}` : ""}`;
  if (saying === null) setTimeout(say, 700);
  saying = { text, count: (saying?.count ?? 0) + 1 };
}

function say() {
  $("live").textContent = saying.count > 1 ? `${saying.count} calls ended, the last: ${saying.text}` : saying.text;
  saying = null;
}

// What a bot needs.

async function settings() {
  const answer = await fetch("/simulator/settings");
  if (!answer.ok) return;
  const told = await answer.json();
  form.offerFaults(told.faults);
  const secret = make("button", { type: "button", textContent: "show" });
  const hidden = make("code", { textContent: "•".repeat(12) });
  secret.addEventListener("click", () => {
    hidden.textContent = hidden.textContent === told.client_secret ? "•".repeat(12) : told.client_secret;
    secret.textContent = hidden.textContent === told.client_secret ? "hide" : "show";
  });
  const value = (name, ...shown) => [make("dt", { textContent: name }), make("dd", { className: "mono" }, ...shown)];
  const code = (text) => make("code", { textContent: text });
  $("values").replaceChildren(
    ...value("app_id", code(told.app_id)),
    ...value("tenant_id", code(told.tenant_id)),
    ...value("client_secret", hidden, " ", secret),
    ...value("base_url", code(told.base_url)),
    ...value("metadata_url", code(told.metadata_url)),
    ...value("authority", code(told.authority)),
  );
  $("snippet").textContent = `import os
import callredirect as cr

APP_ID = "${told.app_id}"

bot = cr.Redirector(
    app_id=APP_ID,
    credential=cr.ClientSecret(
        APP_ID,
        os.environ["CLIENT_SECRET"],  # client_secret above
        "${told.tenant_id}",
        authority="${told.authority}",
    ),
    verifier=cr.Verifier(
        APP_ID,
        metadata_url="${told.metadata_url}",
    ),
    base_url="${told.base_url}",
)`;
}

form.start((ids) => {
  placed = new Set([...placed, ...ids].slice(-1000));
  select(ids[0]);
});
if (location.hash.length > 1) select(decodeURIComponent(location.hash.slice(1)));
listen();
