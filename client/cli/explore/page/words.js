// Numbers and times for people.

const GROUPED = new Intl.NumberFormat("en");

export function count(n) {
  return GROUPED.format(Math.round(n));
}

export function bytes(n) {
  if (n === null || n === undefined || n < 0) return "–";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let i = 0;
  while (n >= 1024 && i < units.length - 1) {
    n /= 1024;
    i++;
  }
  return (i && n < 100 ? n.toFixed(1) : Math.round(n)) + " " + units[i];
}

export function rate(n) {
  if (n >= 10000) return (n / 1000).toFixed(1) + "k";
  return n >= 10 || n === 0 ? String(Math.round(n)) : n.toFixed(1);
}

export function latency(ns) {
  if (ns < 1e6) return (ns / 1e3).toFixed(1) + " µs";
  return ns < 1e9 ? (ns / 1e6).toFixed(1) + " ms" : (ns / 1e9).toFixed(1) + " s";
}

export function span(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (ms < 1000) return Math.max(0, Math.round(ms)) + " ms";
  if (s < 60) return s + " s";
  if (s < 3600) return Math.floor(s / 60) + " min " + (s % 60) + " s";
  if (s < 86400) return Math.floor(s / 3600) + " h " + Math.floor((s % 3600) / 60) + " min";
  return Math.floor(s / 86400) + " d " + Math.floor((s % 86400) / 3600) + " h";
}

export function clock(ms, fine) {
  const d = new Date(ms);
  const two = (n) => String(n).padStart(2, "0");
  const text = two(d.getHours()) + ":" + two(d.getMinutes()) + ":" + two(d.getSeconds());
  return fine ? text + "." + String(d.getMilliseconds()).padStart(3, "0") : text;
}

export function day(ms) {
  const d = new Date(ms);
  return d.toDateString() === new Date().toDateString() ? clock(ms) : d.toLocaleDateString("en", { month: "short", day: "numeric" }) + " " + clock(ms);
}

// "30s", "5m", "2h", "1h 30m" as milliseconds; NaN for anything else.
export function parseSpan(text) {
  const units = { ms: 1, s: 1000, m: 60000, min: 60000, h: 3600000, d: 86400000 };
  const parts = text.trim().toLowerCase().match(/\d+(\.\d+)?\s*(ms|s|min|m|h|d)/g);
  if (!parts || parts.join("").replace(/\s/g, "") !== text.trim().toLowerCase().replace(/\s/g, "")) return NaN;
  return Math.round(parts.reduce((sum, part) => {
    const [, n, , unit] = part.match(/^(\d+(\.\d+)?)\s*(\D+)$/);
    return sum + Number(n) * units[unit];
  }, 0));
}

const KINDS = { running: "good", starting: "warn", "backing-off": "warn", waiting: "warn", stopping: "warn", failed: "bad" };
export function kindOf(state) {
  return KINDS[state] || "";
}

// The worst of an app's states, to be shown as its own.
export function stateOf(app) {
  const states = app.components.map((c) => c.state);
  if (app.error) return "failed";
  for (const state of ["failed", "backing-off", "starting", "stopping", "waiting", "running"])
    if (states.includes(state)) return state;
  return states.length ? states[0] : "no components";
}
