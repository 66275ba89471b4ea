// Live operations of an app, as bobbin trace shows them.
import { ask } from "/api.js";
import { h, setText } from "/dom.js";
import { liveKeys, pauseButton, repeat } from "/logs.js";
import { bytes, clock, count, latency } from "/words.js";

const KEPT = 500, POLL_MS = 400, SLOW_NS = 10e6;

export function livePage(where) {
  const app = where.directory;
  let since = 0, begun = false, seen = 0, dropped = 0, stop = null;
  const words = h("input", { type: "search", placeholder: "Operations with …", "aria-label": "Operations with", oninput: () => filter(), autocomplete: "off", spellcheck: false });
  const pause = pauseButton(() => {
    begun = begun && pause.paused; /* what came meanwhile is not live */
    tell();
  });
  const rows = h("tbody"), foot = h("span", { class: "grow" });
  const empty = h("div", { class: "empty" }, h("strong", null, "Waiting for operations"), "Each request on the app's connections appears here while you look. Values are never shown.");
  const table = h("table", { class: "live", hidden: true }, h("thead", null, h("tr", null, h("th", { class: "hide-narrow" }, "Time"), h("th", { class: "hide-narrow" }, "Who"), h("th", null, "Method"), h("th", null, "Store"), h("th", null, "Key"),
    h("th", { class: "num" }, "In"), h("th", { class: "num" }, "Out"), h("th", { class: "num" }, "Took"), h("th", null, "Error"))), rows);
  const node = h("section", { class: "panel log-panel", "aria-label": "Live operations" }, h("div", { class: "tools" }, words, pause), h("div", { class: "live-scroll", tabIndex: 0, "aria-label": "Operations" }, table, empty), h("div", { class: "foot" }, foot));

  function row(o) {
    const tr = h("tr", { class: o.error ? "failed" : "", title: `request ${o.connection}.${o.request}` }, h("td", { class: "muted hide-narrow" }, clock(o.time, true)), h("td", { class: "hide-narrow" }, o.component || "pid " + o.pid), h("td", { class: "method" }, o.method),
      h("td", { class: "muted" }, o.store), h("td", null, o.key.replace(/[\u0000-\u001f\u007f]/g, "·")), h("td", { class: "num" }, bytes(o.in)), h("td", { class: "num" }, bytes(o.out)),
      h("td", { class: "num" + (o.ns > SLOW_NS ? " slow" : "") }, latency(o.ns)), h("td", null, o.error || ""));
    if (!matches(tr)) tr.hidden = true;
    return tr;
  }

  function matches(tr) {
    return !words.value || tr.textContent.toLowerCase().includes(words.value.toLowerCase());
  }

  function filter() {
    for (const tr of rows.children) tr.hidden = !matches(tr);
  }

  function tell() {
    setText(foot, `${count(seen)} seen${dropped ? ` · ${count(dropped)} came faster than they are shown` : ""}${pause.paused ? " · paused" : " · live"}`);
  }

  async function read() {
    if (pause.paused) return false;
    const answer = await ask("trace", { app, since });
    since = answer.last;
    if (!begun) {
      begun = true; /* what somebody else's trace remembers is not live */
      return false;
    }
    seen += answer.operations.length + answer.dropped;
    dropped += answer.dropped;
    rows.prepend(...answer.operations.map(row).reverse());
    while (rows.childElementCount > KEPT) rows.lastElementChild.remove();
    table.hidden = rows.childElementCount === 0;
    empty.hidden = !table.hidden;
    tell();
    return false;
  }

  return {
    node, full: true,
    shown() { tell(); stop = repeat(read, POLL_MS); },
    left() { if (stop) stop(); },
    key: liveKeys(words, pause),
  };
}
