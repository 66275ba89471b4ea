// Small charts of what was lately: an area, as wide as its card.
import { svg } from "/dom.js";

export const POINTS = 60;

export function chart(label) {
  const area = svg("path", { class: "area" });
  const line = svg("path", { class: "line" });
  const node = svg("svg", { class: "chart", viewBox: `0 0 ${POINTS - 1} 54`, preserveAspectRatio: "none", role: "img" },
    svg("path", { class: "base", d: `M0 53.5H${POINTS - 1}` }), area, line);
  node.draw = (values, words) => {
    const most = Math.max(...values, 1e-9);
    const from = POINTS - values.length;
    const at = values.map((v, i) => `${from + i} ${(51 - (v / most) * 44).toFixed(1)}`);
    if (at.length === 1) at.unshift(`${from - 1} ${at[0].split(" ")[1]}`);
    line.setAttribute("d", at.length ? "M" + at.join("L") : "");
    area.setAttribute("d", at.length ? `M${at[0].split(" ")[0]} 54L${at.join("L")}L${POINTS - 1} 54Z` : "");
    node.setAttribute("aria-label", `${label}: now ${words(values.at(-1) || 0)}, at most ${words(most < 1e-8 ? 0 : most)}`);
  };
  return node;
}

// What was seen of a counter or a gauge.
export class Series {
  constructor() {
    this.values = [];
    this.last = null;
  }
  gauge(value) {
    this.values.push(value);
    if (this.values.length > POINTS) this.values.shift();
  }
  counter(value, now) {
    if (this.last && value >= this.last.value && now > this.last.now)
      this.gauge(((value - this.last.value) * 1000) / (now - this.last.now));
    this.last = { value, now };
  }
  get now() {
    return this.values.at(-1) || 0;
  }
}
