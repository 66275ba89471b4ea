// A daemon with apps and entries to look at, `bobbin explore`, and a browser.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import net from "node:net";
import readline from "node:readline";
import { chromium } from "playwright-core";

export const PATIENCE = Number(process.env.PATIENCE || 60) * 1000;

export async function until(condition, what) {
  const deadline = Date.now() + PATIENCE;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within ${PATIENCE} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

const MANIFEST = (name, components) => `spin_manifest_version = 2
[application]
name = "${name}"
version = "1.0.0"
${Object.entries(components).map(([id, [script, more]]) => `[component.${id}]
key_value_stores = ["default", "sessions"]
[component.${id}.tool.bobbin]
command = ['/bin/sh', '-c', '''${script}''']
${more || ""}
`).join("")}`;

export class Service {
  constructor(bin) {
    this.bin = bin;
    this.dir = mkdtempSync(join(process.env.TMPDIR || tmpdir(), "bobbin-web."));
    this.socket = join(this.dir, "bobbin.sock");
    this.children = [];
    this.loads = [];
    // Whatever ends this process, nothing outlives it: a child that did would hold the test's output open until its time limit.
    this.killAll = () => this.children.forEach((child) => child.kill("SIGKILL"));
    process.on("exit", this.killAll);
  }

  start(program, args, options) {
    const child = spawn(join(this.bin, program), args, { stdio: ["pipe", "pipe", "inherit"], env: this.environment(), ...options });
    this.children.push(child);
    return child;
  }

  environment() {
    const { BOBBIN_FD, ...rest } = process.env;
    return { ...rest, BOBBIN_SOCKET: this.socket, NO_COLOR: "1" };
  }

  run(...args) {
    const input = args.length && typeof args.at(-1) === "object" ? args.pop().input : "";
    const done = spawnSync(join(this.bin, "bobbin"), args, { env: this.environment(), input });
    if (done.status > 1) throw new Error(`bobbin ${args.join(" ")}: ${done.stderr}`);
    return done.stdout.toString();
  }

  async daemon() {
    this.bobbind = this.start("bobbind", ["--socket", this.socket, "--state-dir", join(this.dir, "state"), "--log-level", "error"]);
    await until(() => existsSync(this.socket), "the daemon's socket");
  }

  app(name, components = {}) {
    const path = join(this.dir, name);
    mkdirSync(path, { mode: 0o755 });
    writeFileSync(join(path, "spin.toml"), MANIFEST(name, components), { mode: 0o644 });
    this.run("register", path);
    return path;
  }

  set(app, entries, store = "default") {
    const lines = Object.entries(entries).map(([key, value]) =>
      JSON.stringify(Buffer.isBuffer(value) ? { key, value_base64: value.toString("base64") } : { key, value }));
    this.run("set-many", "--app", app, "--store", store, "-", { input: lines.join("\n") + "\n" });
  }

  // `bobbin explore`; its links come one by one.
  async explore(...args) {
    const child = this.start("bobbin", ["explore", "--json", ...args]);
    const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const next = async () => JSON.parse((await lines.next()).value).url;
    const view = { child, url: await next(), more: () => (child.stdin.write("\n"), next()) };
    view.origin = new URL(view.url).origin;
    view.port = Number(new URL(view.url).port);
    return view;
  }

  async end() {
    for (const stop of this.loads) stop();
    for (const child of this.children.reverse()) {
      if (child.exitCode !== null || child.signalCode) continue;
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await gone;
    }
    process.off("exit", this.killAll);
    rmSync(this.dir, { recursive: true, force: true });
  }
}

export async function browser(dir) {
  return chromium.launchPersistentContext(join(dir, "profile"), {
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    headless: true,
    chromiumSandbox: false,
    args: ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"],
    acceptDownloads: true,
    viewport: { width: 1280, height: 800 },
    permissions: ["clipboard-read", "clipboard-write"],
  });
}

// What people would see: a shop, a counter that restarts, one that has failed, and much more.
export async function showcase(service) {
  await service.daemon();
  const shop = service.app("shop", {
    web: ["i=0; echo listening on 127.0.0.1:3000; while :; do i=$((i+1)); echo \"GET /cart/$i 200 $((i % 17 + 1)) ms\"; [ $((i % 9)) = 0 ] && echo \"payment provider is slow: $((i * 3)) ms\" >&2; sleep 0.4; done"],
    worker: ["echo waiting for jobs; exec sleep 10000", "instances = 2"],
  });
  const mailer = service.app("mailer", { send: ["echo cannot reach smtp.example.org >&2; exit 1", 'restart = "on-failure"\nrestart_delay = "10ms"\nstart_limit_burst = 3'] });
  service.app("counter", { counter: ["exec sleep 10000"] });
  service.app("notes");
  service.app("weather", { fetch: ["exec sleep 10000"] });
  service.set("shop", {
    "cart/1001": JSON.stringify({ user: "ada", items: [{ sku: "bobbin-blue", count: 3, price: 2.5 }, { sku: "thread-40", count: 1, price: 7.25 }], total: 14.75, paid: false, coupon: null }),
    "cart/1002": JSON.stringify({ user: "grace", items: [], total: 0 }),
    "config/banner": "Free shipping until Sunday ✂️\nOnly for orders above 20 €.",
    "config/theme": "dark",
    "image/logo.png": Buffer.from("89504e470d0a1a0a0000000d49484452000000400000004008060000aa6971de0000001974455874536f667477617265", "hex"),
    "stats/visits": (() => { const b = Buffer.alloc(8); b.writeBigInt64LE(184467n); return b; })(),
    "user/ada": JSON.stringify({ name: "Ada Lovelace", mail: "ada@example.org", roles: ["admin", "editor"] }),
    "user/grace": JSON.stringify({ name: "Grace Hopper", mail: "grace@example.org", roles: [] }),
  });
  service.run("set", "--app", "shop", "session/4f2c", "open", "--ttl", "25m");
  service.run("set", "--app", "shop", "session/9b1d", "open", "--ttl", "3h");
  service.set("shop", { token: "abc" }, "sessions");
  service.run("start", "shop");
  service.run("start", "counter");
  service.run("start", "weather");
  service.run("start", "mailer");
  await until(() => JSON.parse(service.run("status", "mailer", "--json")).components[0].state === "failed", "mailer has failed");
  return { shop, mailer };
}

// MessagePack of what requests are made of.
function pack(value) {
  if (Array.isArray(value)) return Buffer.concat([Buffer.from([0x90 | value.length]), ...value.map(pack)]);
  if (typeof value === "string") return Buffer.concat([Buffer.from([0xd9, Buffer.byteLength(value)]), Buffer.from(value)]);
  return Buffer.from([0xce, value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]);
}

// Somebody uses the shop, as long as the service lives: a get now and then, a set and an error.
export function load(service, app = "shop") {
  const socket = net.connect(service.socket);
  let id = 0;
  const call = (method, ...params) => socket.write(pack([0, ++id, method, params]));
  socket.on("data", () => {}).on("error", () => {});
  call("attach", app);
  const timer = setInterval(() => {
    for (let i = 0; i < 2 + Math.round(2 * Math.sin(id / 150)) + Math.round(Math.random() * 2); i++) call("get", "default", ["user/ada", "user/grace", "cart/1001"][i % 3]);
    if (Math.random() < 0.4) call("set", "default", "cart/2001", String(id));
    if (Math.random() < 0.1) call("increment", "default", "stats/visits", 1);
    if (Math.random() < 0.02) call("increment", "default", "config/theme", 1);
  }, 40);
  service.loads.push(() => (clearInterval(timer), socket.destroy()));
}
