// All apps, and how the daemon does.
import { chart } from "/chart.js";
import { h, keyed, setText } from "/dom.js";
import { bytes, count, kindOf, rate, span, stateOf } from "/words.js";

export function card(title, label, words) {
  const value = h("div", { class: "value" }), hint = h("div", { class: "hint" }), drawing = chart(label);
  const node = h("section", { class: "panel card" }, h("h2", null, title), value, hint, drawing);
  node.show = (series, unit, text) => {
    value.replaceChildren(words(series.now), ...(unit ? [h("small", null, unit)] : []));
    setText(hint, text || " ");
    drawing.draw(series.values, words);
  };
  return node;
}

function row() {
  const name = h("a", { class: "strong" }), state = h("span", { class: "pill" }), where = h("span", { class: "muted mono cut" });
  const cells = { requests: h("td", { class: "num" }), connections: h("td", { class: "num hide-narrow" }), size: h("td", { class: "num hide-narrow" }), memory: h("td", { class: "num hide-narrow" }) };
  const tr = h("tr", { class: "to" }, h("td", null, name), h("td", null, state), h("td", { class: "hide-narrow" }, where),
    cells.requests, cells.connections, cells.memory, cells.size);
  return Object.assign(tr, { parts: { name, state, where, ...cells } });
}

function fillRow(tr, app) {
  const p = tr.parts, state = stateOf(app);
  const memory = app.components.reduce((sum, c) => sum + (c.memory || 0), 0);
  setText(p.name, app.name);
  p.name.href = "#/app/" + encodeURIComponent(app.directory);
  p.state.className = "pill " + kindOf(state);
  setText(p.state, app.error ? "trouble" : state);
  setText(p.where, app.directory);
  setText(p.requests, app.rate ? rate(app.rate) : "0");
  setText(p.connections, count(app.connections));
  setText(p.size, app.store_bytes ? bytes(app.store_bytes) : "–");
  setText(p.memory, memory ? bytes(memory) : "–");
}

export function homePage() {
  const cards = {
    requests: card("Requests", "Requests a second", rate),
    writes: card("Writes", "Writes a second", rate),
    hits: card("From memory", "Percent of reads from memory", (n) => String(Math.round(n))),
    memory: card("Memory", "Memory of the daemon", bytes),
  };
  const body = h("tbody");
  const empty = h("div", { class: "empty", hidden: true }, h("strong", null, "No apps yet"), "Register one: ", h("code", null, "bobbin register DIR"));
  const table = h("table", null,
    h("thead", null, h("tr", null, h("th", null, "App"), h("th", null, "State"), h("th", { class: "hide-narrow" }, "Directory"),
      h("th", { class: "num" }, "Requests/s"), h("th", { class: "num hide-narrow" }, "Connections"), h("th", { class: "num hide-narrow" }, "Memory"), h("th", { class: "num hide-narrow" }, "Store"))),
    body);
  const summary = h("span", { class: "muted" });
  const node = h("div", { class: "page" },
    h("div", { class: "title" }, h("h1", null, "Apps"), summary, h("div", { class: "actions" }, h("a", { class: "button", href: "#/events" }, "Events"))),
    h("div", { class: "cards" }, Object.values(cards)),
    h("section", { class: "panel scroll", "aria-label": "Apps" }, table, empty));
  return {
    node,
    update({ overview, series }) {
      const s = overview.stats;
      cards.requests.show(series.requests, "/s", count(s.requests) + " so far");
      cards.writes.show(series.writes, "/s", count(s.writes) + " so far");
      cards.hits.show(series.hits, "%", bytes(s.cache_bytes) + " of " + bytes(s.cache_limit) + " in use");
      cards.memory.show(series.memory, "", "up " + span(s.uptime_ms));
      setText(summary, `${s.apps_running} of ${s.apps} running · ${s.connections} connection${s.connections === 1 ? "" : "s"}`);
      keyed(body, overview.apps, (app) => app.directory, row, fillRow);
      empty.hidden = overview.apps.length > 0;
      table.hidden = !empty.hidden;
    },
  };
}
