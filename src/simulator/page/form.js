// Placing a call: what is said here goes to Graph's caller as one call of a scenario.

import { make, visible } from "./words.js";

const form = document.getElementById("form");
const error = document.getElementById("form-error");
const REMEMBERED = "callredirect.bot";

/** Whom the caller is when the form says nothing, and what their id is called. */
const CALLERS = {
  user: ["Object id", "8d1e6ab6-26c5-4e22-a1bc-06ea7343958e"],
  phone: ["Number", "+14255550100"],
  guest: ["Guest id", "b1a4d6f2-guest"],
  application: ["App id", "6f1c7d0e-4b8b-4c53-9a55-0f2d0c5f9a11"],
};
const INSTANCE = "7629bdce-046c-4903-86b4-a8f718277e1a";

/** Which field a message about a key belongs to. */
const FIELDS = { url: "url", source: "source_id", callees: "callee_seconds", hang_up: "hang_up", count: "count", speed: "speed", seed: "seed", targets: "target" };

const value = (name) => form.elements[name].value.trim();

/** A number if it is one; other texts go as they are, for the answer to say what is wrong with them. */
function number(name) {
  const text = value(name);
  return text === "" || Number.isNaN(Number(text)) ? text : Number(text);
}

/** The webhook that is meant, as the command line reads it: http and the adapters' path may be left out. */
function bot() {
  const text = value("url") || form.elements.url.placeholder;
  try {
    const url = new URL(text.includes("://") ? text : `http://${text}`);
    if (url.pathname === "/") url.pathname = "/api/calls";
    return url.href;
  } catch {
    return text;
  }
}

function asked() {
  const call = { url: bot(), count: number("count") || 1 };
  const kind = value("source_kind");
  const [name, id] = [value("source_name"), value("source_id")];
  if (kind !== "user" || name || id) {
    const identity = { id: id || CALLERS[kind][1] };
    call.source = { [kind]: name ? { displayName: name, ...identity } : identity };
  }
  if (value("target") === "applicationInstance") {
    call.targets = [{ applicationInstance: { displayName: "telephone number", id: INSTANCE } }];
  }
  const callee = value("callee");
  call.callees = { "*": callee === "answers" ? number("callee_seconds") || 0 : callee };
  for (const key of ["hang_up", "speed", "seed"]) if (value(key) !== "") call[key] = number(key);
  const faults = [...form.querySelectorAll(".fault")].filter((row) => row.querySelector("[type=checkbox]").checked);
  if (faults.length > 0) call.faults = faults.map(fault);
  return call;
}

function fault(row) {
  const options = [...row.querySelectorAll("[data-option]")].filter((input) => input.value.trim() !== "");
  const given = options.map((input) => [input.dataset.option, Number(input.value.trim())]);
  return { name: row.dataset.name, ...Object.fromEntries(given.map(([key, number]) => [key, Number.isNaN(number) ? "?" : number])) };
}

/** The faults there are, to choose from. */
export function offerFaults(faults) {
  const list = document.getElementById("fault-list");
  const group = (title, side) => [
    make("h3", { textContent: title }),
    ...faults.filter((fault) => fault.side === side).map(faultRow),
  ];
  list.replaceChildren(...group("with notifications", "notification"), ...group("with Graph’s answers", "graph"));
  counted();
}

const OPTIONS = { seconds: "seconds", nth: "only the nth", probability: "chance, 0 to 1" };

function faultRow({ name, meaning, options }) {
  const box = make("input", { type: "checkbox", name: "fault", value: name });
  const when = make("span", { className: "when", hidden: true });
  for (const option of ["seconds", "nth", "probability"].filter((option) => options.includes(option))) {
    const input = make("input", { inputMode: "decimal", dataset: { option } });
    when.append(make("label", {}, `${OPTIONS[option]} `, input));
  }
  box.addEventListener("change", () => {
    when.hidden = !box.checked;
    counted();
  });
  const label = make("label", { className: "check" }, box, make("span", {}, make("code", { textContent: name }), ` ${meaning}`));
  return make("div", { className: "fault", dataset: { name } }, label, when);
}

function counted() {
  const count = form.querySelectorAll(".fault > .check > :checked").length;
  document.getElementById("fault-count").textContent = count > 0 ? `${count}` : "";
}

function show(problem, key) {
  for (const input of form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
  error.hidden = !problem;
  if (!problem) return;
  error.textContent = visible(problem);
  const name = FIELDS[/^\$\.([a-z_]+)/.exec(key ?? "")?.[1]];
  if (!name) return;
  form.elements[name].setAttribute("aria-invalid", "true");
  form.elements[name].focus();
}

async function ring(placed) {
  const button = form.querySelector("[type=submit]");
  show(null);
  button.disabled = true;
  button.textContent = "Ringing …";
  try {
    const body = JSON.stringify(asked());
    const answer = await fetch("/simulator/calls", { method: "POST", headers: { "Content-Type": "application/json" }, body });
    const told = await answer.json();
    if (!answer.ok) {
      show(told.error.message, told.error.key);
      return;
    }
    form.elements.url.value = bot();
    remember(bot());
    placed(told.calls.map((call) => call.call_id));
  } catch {
    show("the simulator did not answer; is it still running?");
  } finally {
    button.disabled = false;
    button.textContent = "Ring";
  }
}

function remember(url) {
  try {
    localStorage.setItem(REMEMBERED, url);
  } catch {
    // Not where storing is forbidden.
  }
}

function remembered() {
  try {
    return localStorage.getItem(REMEMBERED);
  } catch {
    return null;
  }
}

function fit() {
  const [label, id] = CALLERS[value("source_kind")];
  document.getElementById("source-id-label").textContent = label;
  form.elements.source_id.placeholder = id;
  document.getElementById("callee-after").hidden = value("callee") !== "answers";
}

/** Makes the form work; `placed` is told the ids of calls that will ring. */
export function start(placed) {
  form.elements.url.value = remembered() ?? "";
  form.addEventListener("change", fit);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void ring(placed);
  });
  fit();
}
