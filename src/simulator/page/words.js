// What things are called, and how texts of strangers are shown.

/** Makes an element; texts go in as text, never as markup. */
export function make(tag, properties = {}, ...children) {
  const { dataset, ...plain } = properties;
  const element = Object.assign(document.createElement(tag), plain);
  Object.assign(element.dataset, dataset);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** A text with what is invisible or turns the writing around spelt out. */
export function visible(text) {
  return String(text).replace(UNSEEN, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** `0.31 ms`, `2.9 ms`, `147 ms`, `3.20 s` */
export function time(seconds) {
  const milliseconds = seconds * 1000;
  if (milliseconds < 1) return `${milliseconds.toFixed(2)} ms`;
  if (milliseconds < 100) return `${milliseconds.toFixed(1)} ms`;
  if (milliseconds < 1000) return `${milliseconds.toFixed(0)} ms`;
  return `${seconds.toFixed(2)} s`;
}

const KINDS = { application: "bot", applicationInstance: "telephone number", phone: "telephone", encrypted: "somebody" };

/** Who somebody is, in few letters. */
export function party(who) {
  if (!who) return "somebody";
  if (who.display_name) return visible(who.display_name);
  const id = who.id ?? "";
  const short = /^[0-9a-f]{8}-/i.test(id) ? id.slice(0, 8) : id;
  return `${KINDS[who.kind] ?? visible(who.kind)} ${visible(short)}`.trim();
}

/** Several, as a sentence has them. */
export function parties(all) {
  if (all.length === 0) return "nobody";
  const shown = all.slice(0, 3).map(party);
  if (all.length > 3) shown.push(`${all.length - 3} more`);
  return shown.length === 1 ? shown[0] : `${shown.slice(0, -1).join(", ")} and ${shown.at(-1)}`;
}

/** The state or the ending of a call: word, tone, sign. */
const STATES = {
  waiting: ["waits", "calm", "◌"],
  ringing: ["rings", "live", "◍"],
  redirected: ["rings there", "live", "◍"],
  answered: ["answered", "good", "●"],
  no_answer: ["no answer", "calm", "○"],
  busy: ["busy", "calm", "○"],
  unreachable: ["unreachable", "calm", "○"],
  hung_up: ["hung up", "calm", "○"],
  expired: ["expired", "bad", "▲"],
  refused: ["refused", "bad", "▲"],
  failed: ["failed", "bad", "▲"],
};

export function standing(call) {
  const [word, tone, sign] = STATES[call.ending ?? call.state] ?? [call.state, "calm", "○"];
  // A redirect that needs a look is a problem even when somebody picked up.
  return tone === "good" && call.violations > 0 ? { word, tone: "look", sign: "▲" } : { word, tone, sign };
}

export function isProblem(call) {
  return Boolean(call.problem) || call.violations > 0 || standing(call).tone === "bad";
}

/** When the accepted redirect came; null when none did. */
export function redirectedAt(call) {
  return call.steps.find((step) => step.what === "redirect_received" && step.accepted)?.at ?? null;
}

const ENDINGS = {
  no_answer: "nobody picked up",
  busy: "everybody was busy",
  unreachable: "nobody could be reached",
  hung_up: "the caller hung up",
  expired: "the call expired: no redirect was accepted in time",
  refused: "the bot turned the call down",
};

/** A step in words: [what, more, tone]. */
export function told(step) {
  switch (step.what) {
    case "rang":
      return ["call begins", "", "calm"];
    case "notification_sent": {
      const lost = step.faults.includes("lose_deleted");
      return [lost ? "notification lost" : "notification sent", `${step.change_type} · ${step.state}`, lost ? "look" : "calm"];
    }
    case "bot_replied": {
      const good = step.status >= 200 && step.status < 300;
      if (step.status === null) return ["bot gave no answer", visible(step.problem ?? ""), "bad"];
      const taken = step.change_type === "created" ? "verified, taken" : "";
      return [`bot answered ${step.status}`, good ? taken : "turned down", good ? "good" : "bad"];
    }
    case "redirect_received": {
      const answer = step.status ?? "no answer";
      if (step.accepted) return [`redirect ${answer}`, `${step.api_version} → ${parties(step.targets)}`, "good"];
      return [`redirect ${answer}`, [step.api_version, step.code].filter(Boolean).join(" · "), "bad"];
    }
    case "call_finished":
      return step.ending === "answered"
        ? ["established", `${party(step.answered_by)} picked up`, "good"]
        : ["ended", ENDINGS[step.ending] ?? step.ending, step.problem ? "bad" : "calm"];
    case "call_failed":
      return ["failed", visible(step.problem), "bad"];
    default:
      return [step.what, "", "calm"];
  }
}
