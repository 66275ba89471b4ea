// Making and changing nodes. Text is always text: nothing here takes HTML.

export function h(tag, props, ...kids) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = value;
    else if (name in node && name !== "list" && name !== "form") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...kids.flat(Infinity).filter((kid) => kid !== null && kid !== undefined && kid !== false));
  return node;
}

export function svg(tag, props, ...kids) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(props || {})) node.setAttribute(name, value);
  node.append(...kids);
  return node;
}

export function fill(node, ...kids) {
  node.replaceChildren(...kids.flat(Infinity).filter((kid) => kid !== null && kid !== undefined && kid !== false));
  return node;
}

export function setText(node, text) {
  text = String(text);
  if (node.textContent !== text) node.textContent = text;
}

// Rows that stay who they are: what has focus keeps it while numbers change under it.
export function keyed(parent, items, keyOf, create, update) {
  const known = parent.keyedRows || (parent.keyedRows = new Map());
  const seen = new Set();
  let at = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    seen.add(key);
    let row = known.get(key);
    if (!row) known.set(key, (row = create(item)));
    if (row !== at) parent.insertBefore(row, at);
    else at = at.nextElementSibling;
    update(row, item);
  }
  for (const [key, row] of known)
    if (!seen.has(key)) {
      row.remove();
      known.delete(key);
    }
}

export function toast(text, kind) {
  const node = h("div", { class: "toast " + (kind || "") }, text);
  document.getElementById("toasts").append(node);
  setTimeout(() => node.remove(), kind === "bad" ? 8000 : 3500);
}

// A dialog with a form. `submit` gets the form; what it throws is shown, else the dialog closes.
export function dialog({ title, body, button, danger, submit, wide }) {
  const error = h("p", { class: "error", role: "alert" });
  const ok = button && h("button", { class: "primary" + (danger ? " danger" : ""), type: "submit" }, button);
  const form = h(
    "form",
    { method: "dialog" },
    h("h1", { id: "dialog-title" }, title),
    body,
    error,
    h("div", { class: "actions" },
      h("button", { type: "button", onclick: () => node.close() }, button ? "Cancel" : "Close"), ok),
  );
  const node = h("dialog", { "aria-labelledby": "dialog-title" }, form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    ok.disabled = true;
    try {
      await submit(form);
      node.close();
    } catch (failure) {
      setText(error, failure.message);
    }
    ok.disabled = false;
  });
  const before = document.activeElement;
  node.addEventListener("close", () => {
    node.remove();
    if (before && before.isConnected) before.focus();
  });
  document.body.append(node);
  node.showModal();
  if (wide) node.style.width = wide;
  return node;
}
