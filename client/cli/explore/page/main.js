// The frame: which page is shown, what is asked for again and again, keys, theme.
import { Failure, ask, onLink } from "/api.js";
import { Series } from "/chart.js";
import { dialog, fill, h, keyed, setText } from "/dom.js";
import { appPage } from "/app.js";
import { homePage } from "/home.js";
import { eventsPage } from "/logs.js";
import { kindOf, rate, stateOf } from "/words.js";

const POLL_MS = 2000;
const main = document.getElementById("main");
const side = document.getElementById("side");
const filter = document.getElementById("filter");

// What all pages see of the daemon: the latest overview, and what its numbers were lately.
export const daemon = {
  overview: null,
  series: { requests: new Series(), writes: new Series(), hits: new Series(), memory: new Series() },
  apps: new Map(),
};
let page = null;

function parse() {
  const parts = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  if (parts[0] === "app" && parts[1]) return { name: "app", directory: parts[1], tab: parts[2] || "overview", rest: parts.slice(3) };
  if (parts[0] === "events") return { name: "events" };
  return { name: "home" };
}

export function link(...parts) {
  return "#/" + parts.map(encodeURIComponent).join("/");
}

function crumbs(where) {
  const app = where.name === "app" && daemon.apps.get(where.directory);
  const name = app ? app.name : where.directory;
  fill(document.getElementById("crumbs"),
    where.name === "app" && h("a", { href: link("app", where.directory) }, name),
    where.name === "app" && where.tab !== "overview" && h("span", null, where.tab),
    where.name === "events" && h("span", null, "events"));
  document.title = (where.name === "app" ? name + " · " : "") + "Bobbin";
}

function show() {
  const where = parse();
  const again = page && page.where.name === where.name && page.where.directory === where.directory && page.where.tab === where.tab;
  if (again && page.moved) {
    page.where = where;
    page.moved(where);
  } else {
    if (page && page.left) page.left();
    const make = { home: homePage, app: appPage, events: eventsPage }[where.name];
    page = make(where, daemon);
    page.where = where;
    fill(main, page.node);
    main.scrollTop = 0;
    if (page.shown) page.shown();
  }
  crumbs(where);
  drawApps();
  closeSide();
  if (daemon.overview && page.update) page.update(daemon);
}

function drawApps() {
  const where = parse();
  const wanted = filter.value.toLowerCase();
  const all = daemon.overview ? daemon.overview.apps : [];
  const shown = all.filter((app) => (app.name + " " + app.directory).toLowerCase().includes(wanted));
  keyed(document.getElementById("apps"), shown, (app) => app.directory,
    () => {
      const dot = h("span", { class: "dot" });
      const name = h("span", { class: "cut" });
      const small = h("small");
      const a = h("a", null, dot, name, small);
      return Object.assign(h("li", null, a), { a, dot, name, small });
    },
    (row, app) => {
      const state = stateOf(app);
      row.a.href = link("app", app.directory, ...(where.name === "app" && where.tab !== "overview" ? [where.tab] : []));
      row.a.title = app.directory + ": " + state;
      row.dot.className = "dot " + kindOf(state);
      setText(row.name, app.name);
      setText(row.small, app.rate ? rate(app.rate) + "/s" : "");
      if (where.directory === app.directory) row.a.setAttribute("aria-current", "page");
      else row.a.removeAttribute("aria-current");
    });
}

function note(overview) {
  const s = overview.stats, series = daemon.series, now = performance.now();
  daemon.overview = overview;
  daemon.apps = new Map(overview.apps.map((app) => [app.directory, app]));
  series.requests.counter(s.requests, now);
  series.writes.counter(s.writes, now);
  series.memory.gauge(s.rss_bytes);
  const before = daemon.cache;
  daemon.cache = { hits: s.cache_hits, reads: s.cache_hits + s.cache_misses };
  if (before && daemon.cache.reads > before.reads)
    series.hits.gauge((100 * (daemon.cache.hits - before.hits)) / (daemon.cache.reads - before.reads));
  else series.hits.gauge(series.hits.now);
  setText(document.getElementById("about"), "bobbind " + overview.version + " at " + overview.socket);
}

export async function poll() {
  try {
    note(await ask("overview"));
    drawApps();
    crumbs(parse());
    if (page && page.update) page.update(daemon);
  } catch (failure) {
    if (!(failure instanceof Failure)) throw failure; /* of the others the corner of the frame tells */
  }
}

async function run() {
  for (;;) {
    if (!document.hidden) await poll().catch(console.error);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

onLink((state) => {
  const texts = { on: "Live", daemon: "The daemon does not answer", ended: "bobbin explore has ended", refused: "Open a new link" };
  const node = document.getElementById("link");
  if (node.state === state) return;
  node.state = state;
  node.className = "link-state" + (state === "on" ? "" : " bad");
  fill(node, h("span", { class: "dot " + (state === "on" ? "good" : "bad") }), h("span", null, texts[state]));
});

function closeSide() {
  side.classList.remove("open");
  document.getElementById("menu").setAttribute("aria-expanded", "false");
}

function theme() {
  const dark = document.documentElement.dataset.theme
    ? document.documentElement.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("bobbin-theme", document.documentElement.dataset.theme);
}

const KEYS = [
  ["/", "Filter apps, or keys and lines on a page that has such"], ["g h", "All apps"], ["g e", "Events"],
  ["1 – 5", "Tabs of an app"], ["↑ ↓", "From entry to entry"], ["Enter", "Open the entry"], ["n", "New entry"], ["e", "Edit the entry"],
  ["x", "When the entry expires"], ["Delete", "Delete the entry"], ["v", "Text, JSON or hex"], ["Space", "Pause what is live"],
  ["Ctrl Enter", "Save"], ["Esc", "Back, or give up"], ["t", "Theme"], ["?", "This list"],
];

function help() {
  dialog({ title: "Keyboard shortcuts", body: h("dl", null, KEYS.map(([keys, text]) =>
    [h("dt", null, keys.split(" ").map((key) => (key === "–" ? "–" : h("kbd", null, key)))), h("dd", null, text)])) });
}

let prefix = "";
document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input, textarea, select");
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "Escape") {
    if (side.classList.contains("open")) closeSide();
    else if (page && page.key && page.key("Escape", event)) event.preventDefault();
    else if (typing) event.target.blur();
    return;
  }
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    if (page && page.key && page.key("Save", event)) event.preventDefault();
    return;
  }
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const key = prefix + event.key;
  prefix = "";
  if (event.key === "g") prefix = "g ";
  else if (key === "g h") location.hash = "#/";
  else if (key === "g e") location.hash = "#/events";
  else if (key === "t") theme();
  else if (key === "?") help();
  else if (page && page.key && page.key(key, event)) { /* taken */ }
  else if (key === "/") filter.focus();
  else return;
  event.preventDefault();
});

document.getElementById("theme").addEventListener("click", theme);
document.getElementById("keys").addEventListener("click", help);
document.getElementById("menu").addEventListener("click", (event) => {
  const open = side.classList.toggle("open");
  event.currentTarget.setAttribute("aria-expanded", String(open));
  if (open) filter.focus();
});
filter.addEventListener("input", drawApps);
filter.addEventListener("keydown", (event) => {
  const first = document.querySelector("#apps a");
  if (event.key === "Enter" && first) location.hash = first.getAttribute("href");
  else if (event.key === "ArrowDown" && first) first.focus();
  else return;
  event.preventDefault();
});
document.getElementById("apps").addEventListener("keydown", (event) => {
  const links = [...document.querySelectorAll("#apps a")], i = links.indexOf(document.activeElement);
  if (event.key === "ArrowDown") (links[i + 1] || links[i]).focus();
  else if (event.key === "ArrowUp") (links[i - 1] || filter).focus();
  else return;
  event.preventDefault();
});
main.addEventListener("click", closeSide);
window.addEventListener("hashchange", show);
document.addEventListener("visibilitychange", () => document.hidden || poll());
show();
run();
