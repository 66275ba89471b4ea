// One entry: its value as text, JSON or hex, and what can be done with it.
import { ask, bytesOf, download, textOf, withBytes } from "/api.js";
import { expiryField, keyText } from "/data.js";
import { dialog, fill, h, setText, toast } from "/dom.js";
import { bytes, count, span } from "/words.js";

const VIEWS = [["text", "Text"], ["json", "JSON"], ["hex", "Hex"]];

function parseJson(text) {
  try {
    return { value: JSON.parse(text) };
  } catch (failure) {
    return { failure: failure.message };
  }
}

// Tokens of a document, coloured; numbers as they were written.
function jsonNodes(text) {
  const token = /("(?:\\.|[^"\\])*")(\s*:)?|(-?\d[\d.eE+-]*)|(true|false|null)/g;
  const out = [];
  let at = 0;
  for (const m of text.matchAll(token)) {
    out.push(text.slice(at, m.index));
    at = m.index + m[0].length;
    if (m[1]) out.push(h("span", { class: m[2] ? "j-name" : "j-string" }, m[1]), m[2] || "");
    else out.push(h("span", { class: m[3] ? "j-number" : "j-word" }, m[0]));
  }
  out.push(text.slice(at));
  return out;
}

// Indented without parsing numbers: those beyond 2^53 stay what they are.
function indent(text) {
  let out = "", deep = 0, inString = false;
  const line = () => "\n" + "  ".repeat(deep);
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (inString) {
      out += c;
      if (c === "\\") out += text[++i];
      else if (c === '"') inString = false;
    } else if (c === '"') { inString = true; out += c; }
    else if (c === "{" || c === "[") {
      const rest = text.slice(i + 1).match(/^\s*[}\]]/);
      if (rest) { out += c + rest[0].trim(); i += rest[0].length; }
      else { deep++; out += c + line(); }
    } else if (c === "}" || c === "]") { deep--; out += line() + c; }
    else if (c === ",") out += c + line();
    else if (c === ":") out += ": ";
    else if (!/\s/.test(c)) out += c;
  }
  return out;
}

// What increment counts in.
export function numberOf(data) {
  return new DataView(data.buffer, data.byteOffset, 8).getBigInt64(0, true);
}

const hex2 = (b) => b.toString(16).padStart(2, "0");

function hexNodes(data, wide) {
  const out = [];
  for (let at = 0; at < data.length; at += wide) {
    const part = data.subarray(at, at + wide);
    const digits = [...part].map((b, i) => (i === wide / 2 ? " " : "") + hex2(b)).join(" ").padEnd(wide * 3);
    const letters = [...part].map((b) => (b > 31 && b < 127 ? String.fromCharCode(b) : "·")).join("");
    out.push(h("span", { class: "off" }, at.toString(16).padStart(8, "0") + "  "), digits + "  ", h("span", { class: "asc" }, letters), "\n");
  }
  return out;
}

function parseHex(text) {
  const digits = text.replace(/\s+/g, "");
  if (digits.length % 2 || /[^0-9a-f]/i.test(digits)) throw new Error("Hex is pairs of digits 0–9 and a–f.");
  return Uint8Array.from(digits.match(/../g) || [], (pair) => parseInt(pair, 16));
}

export class Entry {
  constructor(node, host) {
    Object.assign(this, { node, host, data: null, seen: null, view: null, editing: false });
  }

  clear() {
    this.seen = null;
    this.editing = false;
    fill(this.node, h("div", { class: "empty" }, h("strong", null, "No entry is open"), "Choose one on the left, or press n for a new one."));
  }

  get question() {
    return { app: this.host.app, store: this.host.store(), ...this.key_ };
  }

  async open(key) {
    this.key_ = key;
    this.editing = false;
    try {
      this.seen = await ask("entry", this.question);
      this.read_ = performance.now();
    } catch (failure) {
      this.seen = null;
      const gone = failure.code === "no-such-key";
      fill(this.node, h("div", { class: "empty" }, h("strong", null, gone ? "This entry is gone" : "Cannot read it"), gone ? "It was deleted or its time was over." : failure.message));
      return;
    }
    this.data = bytesOf(this.seen, "value");
    this.text = textOf(this.data);
    const json = this.text !== null && this.seen.whole && /^\s*[[{]/.test(this.text) && !parseJson(this.text).failure;
    this.view = this.text === null ? "hex" : json ? "json" : "text";
    this.draw();
  }

  get ttl() {
    return this.seen.ttl_ms < 0 ? 0 : Math.max(1, Math.round(this.seen.ttl_ms - (performance.now() - this.read_)));
  }

  number() {
    return this.seen.size === 8 ? numberOf(this.data) : null;
  }

  facts() {
    const { size, ttl_ms, commit } = this.seen, number = this.number();
    return h("div", { class: "facts" }, h("span", null, "size ", h("b", null, size < 1024 ? count(size) + " B" : bytes(size))),
      h("span", null, "expires ", h("b", null, ttl_ms < 0 ? "never" : "in " + span(ttl_ms))),
      h("span", null, "commit ", h("b", null, count(commit))),
      number !== null && h("span", { title: "As a little-endian signed integer, which increment counts in" }, "as a number ", h("b", null, number.toString())));
  }

  draw() {
    const button = (text, title, run, more) => h("button", { type: "button", class: "small", title, onclick: run, ...more }, text);
    const views = h("div", { class: "segment", role: "group", "aria-label": "View as" }, VIEWS.map(([id, text]) =>
      h("button", { type: "button", "aria-pressed": String(this.view === id), disabled: id !== "hex" && this.text === null, onclick: () => this.show(id) }, text)));
    const head = h("div", { class: "detail-head" },
      h("div", { class: "detail-key" }, button("←", "Back (Esc)", () => this.host.close(), { class: "small back", "aria-label": "Back" }), h("h2", null, keyText(this.seen)),
        button("Copy key", "Copy the key", () => navigator.clipboard.writeText(keyText(this.seen)).then(() => toast("Copied"), () => toast("The browser does not allow it", "bad")))),
      this.facts(),
      h("div", { class: "detail-tools" }, views, h("span", { class: "grow" }), this.editing
        ? [button("Cancel", "Give up (Esc)", () => this.stop()), button("Save", "Save (Ctrl Enter)", () => this.save(), { class: "small primary" })]
        : [button("Edit", "Edit (e)", () => this.edit(), { disabled: !this.seen.whole }), button("Expiry", "When it expires (x)", () => this.expire()),
           button("Download", "The whole value as a file", () => this.save_()), button("Delete", "Delete (Del)", () => this.remove(), { class: "small danger" })]));
    fill(this.node, head, !this.seen.whole && h("div", { class: "note" }, `The first ${bytes(this.data.length)} of ${bytes(this.seen.size)}; download it for the rest. It can be edited up to 256 KiB.`), ...this.body());
    this.node.classList.toggle("editing", this.editing);
  }

  body() {
    if (this.editing) {
      const text = this.view === "hex" ? [...this.data].map((b, i) => hex2(b) + ((i + 1) % 16 ? " " : "\n")).join("").trimEnd() : this.view === "json" ? indent(this.text) : this.text;
      this.area = h("textarea", { "aria-label": "Value as " + this.view, spellcheck: false, value: text });
      this.began = this.area.value;
      return [this.area];
    }
    if (this.seen.size === 0) return [h("div", { class: "empty grow" }, "The value is empty.")];
    if (this.view === "hex") return [h("pre", { class: "body hex", tabIndex: 0, "aria-label": "Value as hex" }, hexNodes(this.data, this.node.clientWidth < 640 ? 8 : 16))];
    if (this.view === "text") return [h("pre", { class: "body text", tabIndex: 0, "aria-label": "Value as text" }, this.text)];
    const { failure } = parseJson(this.text);
    if (failure) return [h("div", { class: "note" }, "This is not JSON: " + failure), h("pre", { class: "body text", tabIndex: 0 }, this.text)];
    return [h("pre", { class: "body text", tabIndex: 0, "aria-label": "Value as JSON" }, jsonNodes(indent(this.text)))];
  }

  async show(view) {
    if (this.editing && !(await this.mayLeave())) return;
    this.editing = false;
    this.view = view;
    this.draw();
  }

  edit() {
    if (!this.seen || !this.seen.whole) return;
    this.editing = true;
    this.draw();
    this.area.focus();
    this.area.setSelectionRange(0, 0);
  }

  stop() {
    this.editing = false;
    this.draw();
  }

  // What was typed is not thrown away without a word.
  mayLeave() {
    if (!this.editing || this.area.value === this.began) return Promise.resolve(true);
    return new Promise((resolve) => {
      let gone = false;
      const node = dialog({ title: "Leave what you have changed?", body: h("p", { class: "muted" }, "It was not saved."), button: "Leave it", danger: true, submit: () => { gone = true; this.editing = false; } });
      node.addEventListener("close", () => resolve(gone));
    });
  }

  // The expiry stays as it is.
  async save() {
    try {
      const text = this.area.value;
      if (this.view === "json" && parseJson(text).failure) throw new Error("This is not JSON: " + parseJson(text).failure);
      const value = this.view === "hex" ? parseHex(text) : new TextEncoder().encode(text);
      await ask("put", withBytes({ ...this.question, since: this.seen.commit, ttl_ms: this.ttl }, "value", value));
      await this.open(this.key_);
      toast("Saved");
      this.host.changed();
    } catch (failure) {
      toast(failure.code === "changed" || failure.code === "stale" ? "Somebody has changed the entry meanwhile; nothing was saved. Copy what you need and open it again." : failure.message, "bad");
    }
  }

  expire() {
    if (!this.seen) return;
    const field = expiryField(this.seen.ttl_ms < 0 ? 0 : this.ttl);
    dialog({
      title: "When does it expire?", button: "Set",
      body: h("label", null, "Expires in", field),
      submit: async () => {
        await ask("expire", { ...this.question, ttl_ms: field.read() });
        await this.open(this.key_);
        toast(this.seen && this.seen.ttl_ms >= 0 ? "It expires" : "It stays");
        this.host.changed();
      },
    });
    field.focus();
  }

  remove() {
    if (!this.seen) return;
    dialog({
      title: "Delete this entry?", button: "Delete", danger: true,
      body: h("p", null, h("code", null, keyText(this.seen)), h("span", { class: "muted" }, ", " + bytes(this.seen.size))),
      submit: async () => {
        await ask("delete", { ...this.question, since: this.seen.commit });
        toast("Deleted");
        this.host.gone();
      },
    });
  }

  async save_() {
    try {
      const url = URL.createObjectURL(await download(this.question));
      h("a", { href: url, download: keyText(this.seen).replace(/[^\w.-]+/g, "_").slice(-100) || "value" }).click();
      setTimeout(() => URL.revokeObjectURL(url), 10000);
    } catch (failure) {
      toast(failure.message, "bad");
    }
  }

  key(key) {
    if (!this.seen) return false;
    if (key === "Save" && this.editing) { this.save(); return true; }
    if (key === "Escape") {
      if (this.editing) this.mayLeave().then((gone) => gone && this.stop());
      else this.host.close();
      return true;
    }
    if (this.editing) return false;
    const run = { e: () => this.edit(), x: () => this.expire(), Delete: () => this.remove(), v: () => this.nextView() }[key];
    if (run) run();
    return Boolean(run);
  }

  nextView() {
    const may = VIEWS.map(([id]) => id).filter((id) => id === "hex" || this.text !== null);
    this.show(may[(may.indexOf(this.view) + 1) % may.length]);
  }
}
