// What processes write, as they write it; and what has happened.
import { ask } from "/api.js";
import { fill, h, setText } from "/dom.js";
import { clock, day, kindOf } from "/words.js";

const KEPT = 3000, POLL_MS = 1000;

// Ask again and again while the page is shown; `more` tells whether there is more at once.
export function repeat(again, ms) {
  let left = false, timer;
  async function turn() {
    let more = false;
    try {
      if (!document.hidden) more = await again();
    } catch { /* the frame tells, and the next turn tries again */ }
    if (!left) timer = setTimeout(turn, more ? 0 : ms);
  }
  turn();
  return () => {
    left = true;
    clearTimeout(timer);
  };
}

// What stops a page for a while; `told` is called when it does, or goes on.
export function pauseButton(told) {
  const button = h("button", { type: "button", title: "Pause (Space)", onclick: () => button.toggle() }, "Pause");
  button.paused = false;
  button.toggle = () => {
    button.paused = !button.paused;
    setText(button, button.paused ? "Go on" : "Pause");
    button.classList.toggle("primary", button.paused);
    told();
  };
  return button;
}

// Keys of a page with lines that are filtered and paused.
export function liveKeys(words, pause) {
  return (key) => {
    if (key === "/") words.focus();
    else if (key === " ") pause.toggle();
    else return false;
    return true;
  };
}

export function logsPage(where) {
  const app = where.directory;
  let cursor = null, stop = null, lines = 0;
  const part = h("select", { "aria-label": "Component", onchange: () => filter() }, h("option", { value: "" }, "All components"));
  const words = h("input", { type: "search", placeholder: "Lines with …", "aria-label": "Lines with", oninput: () => filter(), autocomplete: "off", spellcheck: false });
  const pause = pauseButton(() => tell());
  const box = h("div", { class: "log", tabIndex: 0, role: "log", "aria-label": "Output", "aria-live": "off" });
  const foot = h("span", { class: "grow" });
  const none = h("div", { class: "empty" }, h("strong", null, "Nothing was written yet"), "What the app's processes write appears here.");
  const node = h("section", { class: "panel log-panel", "aria-label": "Logs" }, h("div", { class: "tools" }, part, words, pause), box, h("div", { class: "foot" }, foot));
  fill(box, none);

  function matches(line) {
    return (!part.value || line.component === part.value) && (!words.value || line.textContent.toLowerCase().includes(words.value.toLowerCase()));
  }

  function filter() {
    for (const line of box.querySelectorAll(".line")) line.hidden = !matches(line);
    tell();
  }

  function tell() {
    setText(foot, `${lines} lines${pause.paused ? " · paused" : " · live"}`);
  }

  function add(line) {
    const who = line.component + (line.instance > 1 ? " #" + line.instance : "");
    const node = h("div", { class: "line " + line.stream }, h("time", { title: line.time ? new Date(line.time).toString() : null }, line.time ? clock(line.time) : "        "),
      h("span", { class: "who" }, who), h("span", { class: "said" }, line.text || " "));
    node.component = line.component;
    if (!matches(node)) node.hidden = true;
    if (![...part.options].some((o) => o.value === line.component)) part.append(h("option", { value: line.component }, line.component));
    return node;
  }

  async function read() {
    if (pause.paused) return false;
    const answer = await ask("logs", cursor ? { app, cursor, lines: 500 } : { app, lines: 500 });
    cursor = answer.cursor;
    if (!answer.lines.length) return false;
    const below = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
    if (none.isConnected) none.remove();
    box.append(...answer.lines.map(add));
    while (box.childElementCount > KEPT) box.firstElementChild.remove();
    lines = box.childElementCount;
    if (below) box.scrollTop = box.scrollHeight;
    tell();
    return answer.lines.length === 500;
  }

  return {
    node, full: true,
    shown() { tell(); stop = repeat(read, POLL_MS); },
    left() { if (stop) stop(); },
    key: liveKeys(words, pause),
  };
}

// Of one app, or of all.
export function eventsPart(where) {
  const app = where.directory || null;
  let since = 0, stop = null;
  const rows = h("tbody"), empty = h("div", { class: "empty" }, h("strong", null, "Nothing has happened"), "Starts, stops, failures and reloads since the daemon was started appear here.");
  const table = h("table", { hidden: true }, h("thead", null, h("tr", null, h("th", null, "When"), h("th", null, "App"), h("th", null, "Component"), h("th", null, "What"), h("th", null, "Why"))), rows);
  const node = h("section", { class: "panel scroll", "aria-label": "Events" }, table, empty);

  function row(e) {
    const kind = e.event === "trouble" ? "bad" : ["mended", "registered", "reloaded"].includes(e.event) ? "good" : kindOf(e.event);
    return h("tr", null, h("td", { class: "muted num" }, day(e.time)), h("td", null, h("a", { class: "strong", href: "#/app/" + encodeURIComponent(e.directory) }, e.app)),
      h("td", null, e.component ? e.component + (e.instance > 1 ? " #" + e.instance : "") : ""), h("td", null, h("span", { class: "pill " + kind }, e.event)), h("td", { class: "muted" }, e.text));
  }

  async function read() {
    const answer = await ask("events", { ...(app ? { app } : {}), since });
    since = answer.last;
    for (const e of answer.events) rows.prepend(row(e));
    while (rows.childElementCount > 500) rows.lastElementChild.remove();
    table.hidden = rows.childElementCount === 0;
    empty.hidden = !table.hidden;
    return false;
  }

  return { node, shown() { stop = repeat(read, POLL_MS); }, left() { if (stop) stop(); } };
}

export function eventsPage(where) {
  const part = eventsPart(where);
  return { ...part, node: h("div", { class: "page" }, h("div", { class: "title" }, h("h1", null, "Events")), part.node) };
}
