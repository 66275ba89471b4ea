// The entries of a store: searched by prefix, paged, and one of them beside the list.
import { ask, bytesOf, withBytes } from "/api.js";
import { dialog, fill, h, setText, svg, toast } from "/dom.js";
import { Entry, numberOf } from "/entry.js";
import { bytes, count, parseSpan, span } from "/words.js";

const PAGE = 100;

// What a key looks like where there is one line for it.
export function keyText(item) {
  const text = typeof item.key === "string" ? item.key : null;
  return text === null ? "base64:" + item.key_base64 : text.replace(/[\u0000-\u001f\u007f]/g, (c) => "\\x" + c.charCodeAt(0).toString(16).padStart(2, "0"));
}

export function keyOf(item) {
  return typeof item.key === "string" ? { key: item.key } : { key_base64: item.key_base64 };
}

const same = (a, b) => a && b && a.key === b.key && a.key_base64 === b.key_base64;

export function expiryField(ms) {
  const input = h("input", { name: "ttl", placeholder: "never; or 30s, 5m, 2h, 1d", autocomplete: "off", value: ms > 0 ? span(ms).replace(/ min/g, "m").replace(/ /g, "") : "" });
  input.read = () => {
    if (!input.value.trim() || input.value.trim() === "never") return 0;
    const ms = parseSpan(input.value);
    if (!(ms > 0)) throw new Error("A time is a number with a unit: 500ms, 30s, 5m, 2h, 7d.");
    return ms;
  };
  return input;
}

export function dataPage(where) {
  const app = where.directory;
  let store = where.rest[0] || "default", more = null, shown = [], current = null, reading = 0;

  const label = h("select", { "aria-label": "Store", onchange: () => { location.hash = `#/app/${encodeURIComponent(app)}/data/${encodeURIComponent(label.value)}`; } });
  const prefix = h("input", { type: "search", placeholder: "Prefix", "aria-label": "Keys that begin with", autocomplete: "off", spellcheck: false });
  const fresh = h("button", { type: "button", class: "icon", onclick: () => load(false, true), title: "Read again", "aria-label": "Read again" },
    svg("svg", { viewBox: "0 0 20 20", "aria-hidden": "true" }, svg("path", { d: "M16 10a6 6 0 1 1-1.8-4.3M16 3v3.5h-3.5" })));
  const add = h("button", { type: "button", class: "primary", onclick: () => addEntry(), title: "New entry (n)" }, "New");
  const list = h("ul", { class: "entries", "aria-label": "Entries" });
  const foot = h("span", { class: "grow" }), next = h("button", { type: "button", class: "small", hidden: true, onclick: () => load(true) }, "More");
  const detail = h("section", { class: "panel detail", "aria-label": "Entry" });
  const node = h("div", { class: "data" },
    h("section", { class: "panel list", "aria-label": "Keys" },
      h("div", { class: "tools" }, label, prefix, fresh, add), list, h("div", { class: "foot" }, foot, next)), detail);
  const entry = new Entry(detail, { app, store: () => store, changed: () => load(false, true), gone: () => { close(); load(false, true); }, close: () => back() });

  function row(item) {
    const text = item.preview !== undefined ? item.preview.replace(/\s+/g, " ") : item.size === 8 ? numberOf(bytesOf(item, "preview")) + " as a number" : null;
    const button = h("button", { type: "button", onclick: () => open(item, button) },
      h("span", { class: "key cut" }, keyText(item)), h("span", { class: "size" }, bytes(item.size)),
      h("span", { class: "preview cut" }, text === null ? "binary" : text || "empty"),
      h("span", { class: "ttl", title: item.ttl_ms >= 0 ? "expires then" : null }, item.ttl_ms >= 0 ? "in " + span(item.ttl_ms) : ""));
    if (same(item, current)) button.setAttribute("aria-current", "true");
    return h("li", null, button);
  }

  async function load(further, quiet) {
    const turn = ++reading;
    const limit = quiet ? Math.min(500, Math.max(PAGE, shown.length)) : PAGE;
    const question = { app, store, limit, ...(prefix.value ? { prefix: prefix.value } : {}), ...(further ? more : {}) };
    try {
      const answer = await ask("entries", question);
      if (turn !== reading) return;
      shown = further ? shown.concat(answer.entries) : answer.entries;
      more = answer.more ? (answer.cursor !== undefined ? { cursor: answer.cursor } : { cursor_base64: answer.cursor_base64 }) : null;
      if (further) list.append(...answer.entries.map(row));
      else fill(list, shown.length ? shown.map(row) : h("li", { class: "empty" }, h("strong", null, prefix.value ? "No such keys" : "Nothing in here yet"), prefix.value ? "No key begins with what you typed." : "Press n for a new entry."));
      setText(foot, `${count(shown.length)}${more ? " of more" : ""} ${shown.length === 1 ? "entry" : "entries"}`);
      next.hidden = !more;
    } catch (failure) {
      if (turn !== reading) return;
      fill(list, h("li", { class: "empty" }, h("strong", null, "Cannot read the store"), failure.message));
      setText(foot, "");
      next.hidden = true;
    }
  }

  async function stores() {
    try {
      const answer = await ask("stores", { app });
      const labels = answer.stores.map((s) => s.label);
      if (!labels.includes(store)) labels.push(store);
      fill(label, labels.map((text) => h("option", { value: text, selected: text === store }, text)));
    } catch {
      fill(label, h("option", null, store));
    }
  }

  function mark() {
    for (const button of list.querySelectorAll("button")) button.removeAttribute("aria-current");
    shown.forEach((item, i) => same(item, current) && list.children[i] && list.children[i].firstChild.setAttribute("aria-current", "true"));
  }

  async function open(item) {
    if (!(await entry.mayLeave())) return;
    current = keyOf(item);
    mark();
    node.classList.add("one");
    await entry.open(current);
  }

  function close() {
    current = null;
    mark();
    node.classList.remove("one");
    entry.clear();
  }

  function back() {
    const i = shown.findIndex((item) => same(item, current));
    close();
    if (list.children[i]) list.children[i].firstChild.focus();
  }

  function addEntry() {
    const key = h("input", { name: "key", required: true, autocomplete: "off", spellcheck: false, value: prefix.value });
    const value = h("textarea", { name: "value", rows: 8, spellcheck: false });
    const ttl = expiryField(0);
    dialog({
      title: "New entry in " + store, button: "Create",
      body: [h("label", null, "Key", key), h("label", null, "Value", value), h("label", null, "Expires in", ttl)],
      submit: async () => {
        await ask("put", withBytes({ app, store, key: key.value, ttl_ms: ttl.read() }, "value", new TextEncoder().encode(value.value)));
        toast("Created");
        await load(false, true);
        await open({ key: key.value });
      },
    });
    key.focus();
  }

  let timer;
  prefix.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => load(), 120);
  });
  prefix.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" && event.key !== "Enter") return;
    const first = list.querySelector("button");
    if (first) first.focus();
    event.preventDefault();
  });
  list.addEventListener("keydown", (event) => {
    const buttons = [...list.querySelectorAll("button")], i = buttons.indexOf(document.activeElement);
    const to = { ArrowDown: i + 1, ArrowUp: i - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    if (to < 0) prefix.focus();
    else if (buttons[to]) buttons[to].focus();
    else if (more) load(true);
  });

  return {
    node, full: true,
    shown() {
      stores();
      load();
      entry.clear();
    },
    moved(to) {
      if ((to.rest[0] || "default") === store) return;
      store = to.rest[0] || "default";
      prefix.value = "";
      close();
      stores();
      load();
    },
    key(key, event) {
      if (key === "/") { prefix.focus(); prefix.select(); return true; }
      if (key === "n") { addEntry(); return true; }
      if (key === "Escape" && event.target === prefix && prefix.value) { prefix.value = ""; load(); return true; }
      return entry.key(key, event);
    },
  };
}
