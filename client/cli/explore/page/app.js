// One app: its head and tabs, and the overview with processes and stores.
import { ask } from "/api.js";
import { Series } from "/chart.js";
import { dataPage } from "/data.js";
import { dialog, fill, h, keyed, setText, toast } from "/dom.js";
import { card } from "/home.js";
import { livePage } from "/live.js";
import { eventsPart, logsPage } from "/logs.js";
import { bytes, count, day, kindOf, rate, span, stateOf } from "/words.js";

const TABS = [["overview", "Overview", overviewPage], ["data", "Data", dataPage], ["logs", "Logs", logsPage], ["live", "Live", livePage], ["events", "Events", eventsPart]];

async function act(app, verb, component) {
  try {
    await ask("action", { app: app, do: verb, ...(component ? { component } : {}) });
    toast({ start: "Started", stop: "Stopped", restart: "Restarted", reload: "Reloaded", reset: "Reset" }[verb]);
  } catch (failure) {
    toast(failure.message, "bad");
  }
}

function confirmStop(app, name, component) {
  dialog({
    title: `Stop ${component || name}?`,
    body: h("p", { class: "muted" }, "Its processes are ended and stay so, also after a restart of the daemon. The store stays in use."),
    button: "Stop", danger: true,
    submit: () => act(app, "stop", component),
  });
}

export function appPage(where, daemon) {
  const directory = where.directory;
  const title = h("h1"), state = h("span", { class: "pill" }), place = h("span", { class: "where" }), banner = h("div", { class: "banner", role: "alert", hidden: true });
  const start = h("button", { type: "button", onclick: () => act(directory, "start") }, "Start");
  const stop = h("button", { type: "button", onclick: () => confirmStop(directory, title.textContent) }, "Stop");
  const restart = h("button", { type: "button", onclick: () => act(directory, "restart") }, "Restart");
  const reload = h("button", { type: "button", onclick: () => act(directory, "reload"), title: "Apply what has changed in spin.toml" }, "Reload");
  const tabs = h("nav", { class: "tabs", "aria-label": "Parts of the app" }, TABS.map(([id, name]) =>
    h("a", { href: "#/app/" + encodeURIComponent(directory) + (id === "overview" ? "" : "/" + id), "aria-current": id === where.tab ? "page" : null }, name)));
  const [, , make] = TABS.find(([id]) => id === where.tab) || TABS[0];
  const inner = make(where, daemon);
  const node = h("div", { class: "page" + (inner.full ? " full" : "") },
    h("div", { class: "title" }, title, state, h("div", { class: "actions" }, start, stop, restart, reload), place, banner), tabs, inner.node);
  return {
    node,
    left: inner.left,
    shown: inner.shown,
    moved: inner.moved,
    update(all) {
      const app = all.apps.get(directory);
      if (!app) {
        setText(title, directory);
        setText(state, "not registered");
        for (const button of [start, stop, restart, reload]) button.disabled = true;
        return;
      }
      const now = stateOf(app);
      setText(title, app.name);
      state.className = "pill " + kindOf(now);
      setText(state, now);
      setText(place, directory);
      banner.hidden = !app.error;
      setText(banner, app.error || "");
      start.disabled = stop.disabled = restart.disabled = app.components.length === 0;
      if (inner.update) inner.update(all, app);
    },
    key(key, event) {
      if (/^[1-5]$/.test(key)) {
        location.hash = tabs.children[key - 1].getAttribute("href");
        return true;
      }
      return inner.key ? inner.key(key, event) : false;
    },
  };
}

function componentRow(directory) {
  const p = Object.fromEntries(["name", "since", "pid", "memory", "cpu", "restarts"].map((id) => [id, h("td", { class: id === "name" ? "" : "num" + (["pid", "cpu", "since"].includes(id) ? " hide-narrow" : "") })]));
  const state = h("span", { class: "pill" }), reason = h("div", { class: "muted" });
  const button = h("button", { type: "button", class: "small", onclick: () => tr.click() });
  const tr = h("tr", null, p.name, h("td", null, state, reason), p.since, p.pid, p.memory, p.cpu, p.restarts, h("td", { class: "num" }, button));
  button.onclick = () => (tr.runs ? confirmStop(directory, tr.id_, tr.id_) : act(directory, tr.failed ? "reset" : "start", tr.id_).then(() => tr.failed && act(directory, "start", tr.id_)));
  return Object.assign(tr, { parts: { ...p, state, reason, button } });
}

function fillComponent(tr, c) {
  const p = tr.parts;
  tr.id_ = c.id;
  tr.runs = !["stopped", "failed", "exited"].includes(c.state);
  tr.failed = c.state === "failed";
  setText(p.name, c.id + (c.instance > 1 ? " #" + c.instance : ""));
  p.state.className = "pill " + kindOf(c.state);
  setText(p.state, c.state);
  setText(p.reason, c.reason || (c.exit_signal ? "ended by signal " + c.exit_signal : c.exit_code ? "exit status " + c.exit_code : ""));
  setText(p.since, c.since ? day(c.since) : "–");
  setText(p.pid, c.pid || "–");
  setText(p.memory, bytes(c.memory));
  setText(p.cpu, c.cpu_ms === null ? "–" : span(c.cpu_ms));
  setText(p.restarts, count(c.restarts));
  setText(p.button, tr.runs ? "Stop" : "Start");
  p.button.setAttribute("aria-label", (tr.runs ? "Stop " : "Start ") + c.id);
}

function overviewPage(where) {
  const directory = where.directory;
  const series = { requests: new Series(), writes: new Series(), hits: new Series(), errors: new Series() };
  const cards = {
    requests: card("Requests", "Requests a second", rate), writes: card("Writes", "Writes a second", rate),
    hits: card("From memory", "Reads a second from memory", rate), errors: card("Errors", "Errors a second", rate),
  };
  const rows = h("tbody"), stores = h("tbody"), none = h("div", { class: "empty", hidden: true }, h("strong", null, "No components"), "spin.toml names none; the store serves other programs.");
  const components = h("table", null, h("thead", null, h("tr", null, h("th", null, "Component"), h("th", null, "State"), h("th", { class: "num hide-narrow" }, "Since"), h("th", { class: "num hide-narrow" }, "Pid"),
    h("th", { class: "num" }, "Memory"), h("th", { class: "num hide-narrow" }, "Processor"), h("th", { class: "num" }, "Restarts"), h("th", null, h("span", { class: "muted" }, "")))), rows);
  const trouble = h("div", { class: "banner", role: "alert", hidden: true });
  const facts = h("div", { class: "facts" });
  const node = h("div", { class: "page" }, trouble, h("div", { class: "cards" }, Object.values(cards)),
    h("section", { class: "panel scroll", "aria-label": "Components" }, components, none),
    h("section", { class: "panel scroll", "aria-label": "Stores" },
      h("table", null, h("thead", null, h("tr", null, h("th", null, "Store"), h("th", { class: "num" }, "Entries"), h("th", { class: "num" }, "Keys and values"))), stores)),
    facts);
  async function numbers() {
    const { stats, trouble: text } = await ask("app", { app: directory });
    trouble.hidden = !text;
    setText(trouble, text || "");
    if (!stats) return;
    const now = performance.now();
    for (const [id, value] of [["requests", stats.requests], ["writes", stats.writes], ["hits", stats.cache_hits], ["errors", stats.errors]]) series[id].counter(value, now);
    cards.requests.show(series.requests, "/s", count(stats.requests) + " so far");
    cards.writes.show(series.writes, "/s", count(stats.writes) + " so far");
    cards.hits.show(series.hits, "/s", bytes(stats.cache_bytes) + " of values in memory");
    cards.errors.show(series.errors, "/s", count(stats.errors) + " so far");
    const told = [["connections", stats.connections], ["watches", stats.watches], ["expired", stats.expired], ["commit", stats.commit]];
    fill(facts, told.filter(([, n]) => n !== undefined).map(([name, n]) => h("span", null, name + " ", h("b", null, count(n)))));
  }
  async function count_() {
    const answer = await ask("stores", { app: directory });
    keyed(stores, answer.stores, (s) => s.label,
      (s) => { const a = h("a", { class: "strong mono", href: `#/app/${encodeURIComponent(directory)}/data/${encodeURIComponent(s.label)}` }, s.label), n = h("td", { class: "num" }), b = h("td", { class: "num" }); return Object.assign(h("tr", { class: "to" }, h("td", null, a), n, b), { n, b }); },
      (tr, s) => { setText(tr.n, count(s.entries)); setText(tr.b, bytes(s.bytes)); });
  }
  const quietly = (promise) => promise.catch((failure) => { if (failure.code !== "ended" && failure.code !== "refused") { trouble.hidden = false; setText(trouble, failure.message); } });
  return {
    node,
    shown: () => quietly(count_()),
    update(all, app) {
      keyed(rows, app.components, (c) => c.id + " " + c.instance, () => componentRow(directory), fillComponent);
      none.hidden = app.components.length > 0;
      components.hidden = !none.hidden;
      quietly(numbers());
    },
  };
}
