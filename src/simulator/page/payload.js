// A payload as it is: its own letters, only laid out and coloured, with what is wrong written where it is wrong.

import { make, visible } from "./words.js";

const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|[{}[\],:]/g;

/** Nobody reads more, and a browser must not choke. */
const MOST_LINES = 1500;

/** The payload with its violations: a line each, notes under theirs. */
export function payload(text, violations = []) {
  const box = make("div", { className: "payload", tabIndex: 0 });
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", "Payload");
  const lines = text === "" ? [] : readable(text) ? laidOut(text) : plain(text);
  const notes = placed(violations, lines);
  if (lines.length === 0) box.append(make("div", { className: "line empty", textContent: "no body" }));
  lines.slice(0, MOST_LINES).forEach((line, index) => {
    const wrong = notes.get(index) ?? [];
    const element = make("div", { className: "line" }, ...line.parts);
    if (wrong.length > 0) element.classList.add(...new Set(wrong.map((note) => note.severity)));
    element.style.setProperty("--indent", line.indent);
    box.append(element, ...wrong.map((note) => noted(note, line.indent)));
  });
  if (lines.length > MOST_LINES) {
    box.append(make("div", { className: "line empty", textContent: `${lines.length - MOST_LINES} more lines` }));
  }
  return box;
}

function noted(violation, indent) {
  const note = make(
    "div",
    { className: `note ${violation.severity}`, dataset: { path: violation.path } },
    make("code", { textContent: visible(violation.path) }),
    ` ${visible(violation.message)} `,
    make("small", { textContent: violation.code }),
  );
  note.style.setProperty("--indent", indent);
  return note;
}

function readable(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function plain(text) {
  return text.split("\n").map((line) => ({ path: "$", indent: 0, parts: [visible(line)] }));
}

/** Lines of indented JSON, each with the path of what begins on it. */
function laidOut(text) {
  const lines = [];
  const open = []; // what we are in: { path, index } with index null in an object
  let line = { path: "$", indent: 0, parts: [] };
  let path = "$";
  const add = (kind, letters) => line.parts.push(make("span", { className: kind, textContent: visible(letters) }));
  const turn = (next) => {
    lines.push(line);
    line = { path: next, indent: open.length, parts: [] };
    path = next;
  };
  const tokens = text.match(TOKENS) ?? [];
  for (let at = 0; at < tokens.length; at += 1) {
    const token = tokens[at];
    const inside = open.at(-1);
    if (token === "{" || token === "[") {
      add("sign", token);
      if (tokens[at + 1] === "}" || tokens[at + 1] === "]") {
        add("sign", tokens[(at += 1)]);
        continue;
      }
      open.push({ path, index: token === "[" ? 0 : null });
      turn(token === "[" ? `${path}[0]` : path);
    } else if (token === "}" || token === "]") {
      const closed = open.pop();
      turn(closed.path);
      line.closes = true;
      add("sign", token);
    } else if (token === ",") {
      add("sign", token);
      if (inside.index !== null) inside.index += 1;
      turn(inside.index === null ? inside.path : `${inside.path}[${inside.index}]`);
    } else if (token[0] === '"' && tokens[at + 1] === ":") {
      path = inside.path + member(token);
      line.path = path;
      add("key", token);
      add("sign", ": ");
      at += 1;
    } else {
      add(token[0] === '"' ? "text" : "value", token);
    }
  }
  lines.push(line);
  return lines;
}

/** `.timeout`, `["@odata.type"]` */
function member(token) {
  const name = JSON.parse(token);
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? `.${name}` : `["${name}"]`;
}

/** Each violation at the line where its value begins; at what should have held it when it is missing. */
function placed(violations, lines) {
  const begins = new Map();
  lines.forEach((line, index) => {
    if (!line.closes && !begins.has(line.path)) begins.set(line.path, index);
  });
  const notes = new Map();
  for (const violation of violations) {
    let path = violation.path;
    while (!begins.has(path) && path !== "$") {
      const holder = path.replace(/(\.[^.[\]]+|\["[^"]*"\]|\[\d+\])$/, "");
      path = holder === path ? "$" : holder;
    }
    const index = begins.get(path) ?? 0;
    notes.set(index, [...(notes.get(index) ?? []), violation]);
  }
  return notes;
}
