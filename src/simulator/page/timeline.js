// The time of a call, from a fifth of a millisecond to a minute: on a scale of powers of ten, or all would be one dot.

import { make, parties, redirectedAt, standing, time } from "./words.js";

const TICKS = [0.001, 0.01, 0.1, 1, 15, 60];
const SMALLEST = 0.001;

/** Where a time stands, 0 to 1. */
export function place(seconds, longest = 60) {
  const scale = (value) => Math.log10(1 + value / SMALLEST);
  return Math.min(1, scale(Math.max(0, seconds)) / scale(longest));
}

const percent = (share) => `${(share * 100).toFixed(2)}%`;

/** The whole picture: three lanes, the scale, and Graph's 15 seconds. */
export function timeline(call, elapsed, width) {
  const last = Math.max(60, ...call.steps.map((step) => step.at));
  const at = (seconds) => place(seconds, last);
  const window = call.window ?? 15;
  const figure = make("div", { className: "timeline" });
  figure.setAttribute("role", "img");
  figure.setAttribute("aria-label", summary(call, window));
  const lanes = [
    ["Teams → bot", notifications(call, elapsed)],
    ["bot → Graph", redirects(call)],
    ["people", people(call, elapsed)],
  ];
  for (const [name, bars] of lanes) {
    const lane = make("div", { className: "lane" });
    const rows = stacked(bars, at, width);
    lane.style.setProperty("--rows", Math.max(1, ...rows.map((row) => row + 1)));
    bars.forEach((bar, index) => lane.append(drawn(bar, rows[index], at)));
    figure.append(make("div", { className: "lane-name", textContent: name }), lane);
  }
  const scale = make("div", { className: "scale" });
  for (const tick of TICKS.filter((tick) => Math.abs(at(tick) - at(window)) > 0.05)) {
    const mark = make("span", { className: at(tick) > 0.97 ? "tick last" : "tick", textContent: tick < 1 ? `${tick * 1000} ms` : `${tick} s` });
    mark.style.left = percent(at(tick));
    scale.append(mark);
  }
  const limit = make("span", { className: "limit", textContent: `${window} s` });
  limit.title = "From here on Graph takes no redirect";
  limit.style.left = percent(at(window));
  scale.append(limit);
  if (!call.over && call.steps.length > 0) {
    const now = make("span", { className: "now" });
    now.style.left = percent(at(elapsed));
    scale.append(now);
  }
  figure.append(make("div", { className: "lane-name" }), scale);
  return figure;
}

/** The same in one line for a list: when the redirect came, against the same 15 seconds. */
export function strip(call, elapsed) {
  const track = make("span", { className: "strip" });
  const limit = make("i", { className: "limit" });
  limit.style.left = percent(place(call.window ?? 15));
  track.append(limit);
  const redirected = redirectedAt(call);
  const bar = make("i", { className: `bar ${standing(call).tone}` });
  const end = redirected ?? (call.ending || call.state === "failed" ? (call.steps.at(-1)?.at ?? 0) : elapsed);
  bar.style.width = percent(place(end));
  track.append(bar);
  return track;
}

function summary(call, window) {
  const redirected = redirectedAt(call);
  const when = redirected === null ? "no redirect was accepted" : `redirected after ${time(redirected)}`;
  return `Timeline: ${when}, of ${window} s; ${standing(call).word}`;
}

/** From leaving to the answer. */
function notifications(call, elapsed) {
  const bars = [];
  for (const step of call.steps) {
    if (step.what === "notification_sent") {
      const lost = step.faults.includes("lose_deleted");
      const text = lost ? "lost" : step.change_type;
      bars.push({ type: step.change_type, from: step.at, to: lost ? step.at : null, text, tone: lost ? "look" : "live" });
    } else if (step.what === "bot_replied") {
      const bar = bars.find((open) => open.to === null && open.type === step.change_type);
      if (!bar) continue;
      bar.to = step.at;
      bar.text = `${bar.text} ${step.status ?? "–"}`;
      bar.tone = step.status >= 200 && step.status < 300 ? "good" : "bad";
    }
  }
  return bars.map((bar) => ({ ...bar, to: bar.to ?? elapsed }));
}

function redirects(call) {
  return call.steps
    .filter((step) => step.what === "redirect_received")
    .map(({ at, status, accepted }) => ({ from: at, to: at, text: `${status ?? "–"}`, tone: accepted ? "good" : "bad" }));
}

/** From the redirect until somebody picks up or all give up; without one, while the caller hears it ring. */
function people(call, elapsed) {
  const end = call.steps.find((step) => step.what === "call_finished" || step.what === "call_failed");
  const { word, tone } = standing(call);
  const redirect = call.steps.find((step) => step.what === "redirect_received" && step.accepted);
  const bars = [];
  if (redirect) {
    const text = end ? word : `${parties(redirect.targets)} …`;
    bars.push({ from: redirect.at, to: end?.at ?? elapsed, text, tone: end ? tone : "live" });
  } else if (end) {
    bars.push({ from: end.at, to: end.at, text: word, tone });
  }
  return bars;
}

/** The row of each bar, so that no text covers another. */
function stacked(bars, at, width) {
  const ends = [];
  return bars.map((bar) => {
    const from = at(bar.from) * width;
    const till = Math.max(at(bar.to) * width, from + 4) + bar.text.length * 7 + 16;
    const free = ends.findIndex((end) => end <= from);
    const row = free === -1 ? ends.length : free;
    ends[row] = till;
    return row;
  });
}

function drawn(bar, row, at) {
  const element = make("div", { className: `bar ${bar.tone}` }, make("i"), make("span", { textContent: bar.text }));
  const from = at(bar.from);
  element.style.left = percent(from);
  element.style.setProperty("--row", row);
  // The element reaches from here to the end of the lane, so this is a share of the rest.
  element.firstChild.style.width = `max(4px, ${percent((at(bar.to) - from) / Math.max(0.001, 1 - from))})`;
  element.title = bar.to > bar.from ? `${time(bar.from)} to ${time(bar.to)}` : time(bar.from);
  return element;
}
