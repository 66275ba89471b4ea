// The web view in a real browser, and who is kept out of it: node test_web.mjs BIN_DIR [NAME]
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import { join } from "node:path";
import { Service, browser, load, showcase, until } from "./service.mjs";

const [bin, only] = process.argv.slice(2);

// One request, as anybody can make it.
function request(view, { method = "GET", path = "/", headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const r = http.request({ host: "127.0.0.1", port: view.port, method, path, headers: { Host: `127.0.0.1:${view.port}`, ...headers } }, (answer) => {
      const parts = [];
      answer.on("data", (part) => parts.push(part));
      answer.on("end", () => resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(parts).toString() }));
    });
    r.on("error", reject);
    if (body !== undefined) r.write(body);
    r.end();
  });
}

const tokenOf = (url) => new URL(url).pathname + new URL(url).search;

// What the page has once it was let in.
async function enter(view, url = view.url) {
  const answer = await request(view, { path: tokenOf(url) });
  assert.equal(answer.status, 200);
  const cookie = answer.headers["set-cookie"][0];
  return { cookie: cookie.split(";")[0], attributes: cookie, key: answer.body.match(/content="([0-9a-f]{64})"/)[1], answer };
}

function allowed(view, session, more = {}) {
  const headers = { Cookie: session.cookie, Origin: view.origin, "X-Bobbin-Key": session.key, "Sec-Fetch-Site": "same-origin", "Content-Type": "application/json", ...more };
  for (const name of Object.keys(headers)) if (headers[name] === undefined) delete headers[name];
  return headers;
}

const ask = (view, session, name, question, more) =>
  request(view, { method: "POST", path: "/api/" + name, headers: allowed(view, session, more), body: JSON.stringify(question) });

async function withService(test) {
  const service = new Service(bin);
  try {
    await service.daemon();
    return await test(service);
  } finally {
    await service.end();
  }
}

const tests = {
  async who_has_no_token_is_refused() {
    await withService(async (service) => {
      service.app("shop");
      const view = await service.explore();
      for (const path of ["/", "/index.html", "/main.js", "/enter", "/enter?token=", "/enter?token=" + "0".repeat(64), "/nothing"]) {
        const answer = await request(view, { path });
        assert.equal(answer.status, 403, path);
        assert.doesNotMatch(answer.body, /<|script/, path);
      }
      for (const name of ["overview", "put", "download"]) assert.equal((await request(view, { method: "POST", path: "/api/" + name, body: "{}" })).status, 403);
      assert.equal((await request(view, { path: "/api/overview" })).status, 405);
      assert.equal((await request(view, { method: "PUT", path: "/" })).status, 405);
    });
  },

  async a_link_is_good_once() {
    await withService(async (service) => {
      const view = await service.explore();
      const half = tokenOf(view.url).slice(0, -1);
      assert.equal((await request(view, { path: half })).status, 403);
      const { attributes, answer } = await enter(view);
      assert.match(attributes, /; HttpOnly/);
      assert.match(attributes, /; SameSite=Strict/);
      assert.match(attributes, /; Path=\//);
      assert.equal(answer.headers["referrer-policy"], "no-referrer");
      assert.equal((await request(view, { path: tokenOf(view.url) })).status, 403, "used already");
      // Another one does not bring the old one back.
      const second = await view.more(), third = await view.more();
      assert.equal((await request(view, { path: tokenOf(second) })).status, 403, "replaced");
      await enter(view, third);
    });
  },

  async what_a_thief_has_is_not_enough() {
    await withService(async (service) => {
      service.app("shop");
      const view = await service.explore();
      const session = await enter(view);
      assert.equal((await ask(view, session, "overview", {})).status, 200);
      const without = {
        "no cookie": { Cookie: undefined }, "another cookie": { Cookie: session.cookie.slice(0, -1) + "x" }, "a cookie of another name": { Cookie: "x" + session.cookie },
        "no key": { "X-Bobbin-Key": undefined }, "another key": { "X-Bobbin-Key": session.key.replace(/^./, (c) => (c === "0" ? "1" : "0")) }, "the cookie as key": { "X-Bobbin-Key": session.cookie.split("=")[1] },
        "no origin": { Origin: undefined }, "null origin": { Origin: "null" }, "a foreign origin": { Origin: "http://example.org" }, "an origin at another port": { Origin: `http://127.0.0.1:${view.port ^ 1}` },
        "https": { Origin: view.origin.replace("http:", "https:") }, "localhost's origin": { Origin: `http://localhost:${view.port}` },
        "cross-site": { "Sec-Fetch-Site": "cross-site" }, "same-site": { "Sec-Fetch-Site": "same-site" }, "none": { "Sec-Fetch-Site": "none" },
      };
      for (const [what, more] of Object.entries(without)) {
        const answer = await ask(view, session, "overview", {}, more);
        assert.equal(answer.status, 403, what);
        assert.doesNotMatch(answer.body, /shop/, what);
      }
      // With the cookie alone there are files, which say nothing, and no key.
      const page = await request(view, { headers: { Cookie: session.cookie } });
      assert.equal(page.status, 200);
      assert.ok(!page.body.includes(session.key));
      // Old browsers do not say from where they fetch.
      assert.equal((await ask(view, session, "overview", {}, { "Sec-Fetch-Site": undefined, Cookie: "a=b; " + session.cookie + "; c=d" })).status, 200);
    });
  },

  async a_foreign_host_is_refused() {
    await withService(async (service) => {
      const view = await service.explore();
      for (const host of ["example.org", `example.org:${view.port}`, "127.0.0.1", `127.0.0.1:${view.port ^ 1}`, `127.0.0.1.example.org:${view.port}`, `localhost.example.org:${view.port}`, `[::1]:${view.port}`])
        assert.equal((await request(view, { path: tokenOf(view.url), headers: { Host: host } })).status, 403, host);
      // The token is as good as before; a rebound name gets nowhere with cookie and key either.
      const session = await enter(view);
      const rebound = { Host: `evil.example:${view.port}`, Origin: `http://evil.example:${view.port}` };
      assert.equal((await ask(view, session, "overview", {}, rebound)).status, 403);
      const missing = await new Promise((resolve) => {
        const raw = net.connect(view.port, "127.0.0.1", () => raw.write(`GET / HTTP/1.0\r\nCookie: ${session.cookie}\r\n\r\n`));
        raw.once("data", (data) => (resolve(data.toString()), raw.destroy()));
      });
      assert.match(missing, /^HTTP\/1\.[01] 403 /);
      assert.equal((await request(view, { headers: { Host: `localhost:${view.port}`, Cookie: session.cookie } })).status, 200);
    });
  },

  async only_this_machine_is_listened_to() {
    await withService(async (service) => {
      const view = await service.explore();
      const hex = view.port.toString(16).toUpperCase().padStart(4, "0");
      const listening = readFileSync("/proc/net/tcp", "utf8").split("\n").map((l) => l.trim().split(/\s+/)).filter((l) => l[3] === "0A" && l[1].endsWith(":" + hex));
      assert.deepEqual(listening.map((l) => l[1]), ["0100007F:" + hex]);
      assert.doesNotMatch(readFileSync("/proc/net/tcp6", "utf8"), new RegExp(`:${hex} [0-9A-F:]+ 0A`));
    });
  },

  async every_answer_has_its_headers() {
    await withService(async (service) => {
      const view = await service.explore();
      const session = await enter(view);
      const headers = { Cookie: session.cookie };
      const answers = [session.answer, await request(view, { headers }), await request(view, { path: "/main.js", headers }), await request(view, { path: "/nope", headers }), await ask(view, session, "overview", {}), await request(view)];
      for (const { status, headers: got } of answers) {
        const csp = got["content-security-policy"];
        assert.match(csp, /default-src 'none'/, status);
        assert.match(csp, /script-src 'self'(;|$)/);
        assert.match(csp, /frame-ancestors 'none'/);
        assert.doesNotMatch(csp, /unsafe|\*|http/);
        assert.equal(got["x-frame-options"], "DENY");
        assert.equal(got["x-content-type-options"], "nosniff");
        assert.equal(got["referrer-policy"], "no-referrer");
        assert.equal(got["cache-control"], "no-store");
        assert.equal(got["cross-origin-resource-policy"], "same-origin");
        assert.equal(got["cross-origin-opener-policy"], "same-origin");
        assert.equal(got["access-control-allow-origin"], undefined);
      }
      const files = ["index.html", "base.css", "view.css", "main.js", "app.js", "data.js", "entry.js", "home.js", "logs.js", "live.js", "dom.js", "api.js", "chart.js", "words.js", "theme.js", "enter.js", "icon.svg"];
      for (const file of files) {
        const { status, body } = await request(view, { path: "/" + file, headers });
        assert.equal(status, 200, file);
        // Nothing from elsewhere but the names of namespaces.
        assert.doesNotMatch(body.replaceAll("http://www.w3.org/2000/svg", ""), /https?:\/\/|innerHTML|eval\(/, file);
      }
    });
  },

  async questions_that_are_none() {
    await withService(async (service) => {
      service.app("shop");
      const view = await service.explore();
      const session = await enter(view);
      const post = (body, name = "entries") => request(view, { method: "POST", path: "/api/" + name, headers: allowed(view, session), body });
      for (const [body, status] of [["", 422], ["[]", 422], ["nonsense", 422], ["{", 422], ['{"app":1}', 422], ['{"app":"nope","store":"default"}', 404], ['{"app":"shop"}', 422], ['{"app":"shop","store":"nix"}', 404],
        ['{"app":"shop","store":"default","prefix_base64":"?"}', 422], ["[".repeat(100000), 422]]) {
        const answer = await post(body);
        assert.equal(answer.status, status, body.slice(0, 60) + " " + answer.body);
        assert.ok(JSON.parse(answer.body).error.message, body.slice(0, 60));
      }
      assert.equal((await post("{}", "nothing")).status, 404);
      assert.equal((await post('{"app":"shop","do":"destroy"}', "action")).status, 422);
      assert.equal((await post("x".repeat(33 << 20))).status, 413);
      assert.equal((await ask(view, session, "overview", {})).status, 200, "and it goes on");
    });
  },

  async values_come_back_as_they_went() {
    await withService(async (service) => {
      service.app("shop");
      const view = await service.explore("shop");
      assert.match(view.url, /#\/app\/%2F/);
      const session = await enter(view);
      const at = { app: "shop", store: "default" };
      const call = async (name, question) => {
        const answer = await ask(view, session, name, { ...at, ...question });
        return { status: answer.status, ...JSON.parse(answer.body) };
      };
      const big = Buffer.alloc(3 << 20, "0123456789abcde\n");
      assert.equal((await call("put", { key: "big", value: big.toString() })).status, 200);
      const seen = await call("entry", { key: "big" });
      assert.equal(seen.whole, false);
      assert.equal(seen.size, big.length);
      assert.equal(seen.value.length, 256 << 10);
      const whole = await ask(view, session, "download", { ...at, key: "big" });
      assert.equal(whole.headers["content-disposition"], "attachment");
      assert.equal(whole.headers["content-type"], "application/octet-stream");
      assert.equal(whole.body, big.toString());
      for (const key of ["nul\u0000 in it", "ключ", "a\nb", "\"<script>alert(1)</script>"]) {
        assert.equal((await call("put", { key, value_base64: "AP+A" })).status, 200);
        const back = await call("entry", { key });
        assert.deepEqual([back.key, back.value_base64, back.size, back.ttl_ms], [key, "AP+A", 3, -1]);
      }
      assert.equal((await call("put", { key: "ключ", value: "x" })).error.code, "exists");
      const before = await call("entry", { key: "ключ" });
      service.set("shop", { "ключ": "somebody else" });
      assert.equal((await call("put", { key: "ключ", value: "x", since: before.commit })).error.code, "changed");
      assert.equal((await call("delete", { key: "ключ", since: before.commit })).error.code, "changed");
      assert.equal((await call("entry", { key: "ключ" })).value, "somebody else");
      assert.equal((await call("expire", { key: "ключ", ttl_ms: 60000 })).status, 200);
      const left = (await call("entry", { key: "ключ" })).ttl_ms;
      assert.ok(left > 0 && left <= 60000, left);
      assert.equal((await call("expire", { key: "ключ", ttl_ms: 0 })).status, 200);
      assert.equal((await call("entry", { key: "ключ" })).ttl_ms, -1);
      assert.equal((await call("expire", { key: "nothing", ttl_ms: 1 })).status, 404);
      const page = await call("entries", { limit: 2 });
      assert.equal(page.entries.length, 2);
      const next = await call("entries", { limit: 2, cursor: page.cursor });
      assert.ok(next.entries[0].key > page.entries[1].key);
    });
  },

  async the_browser_shows_apps_and_their_processes() {
    await withBrowser(async ({ page, view, service }) => {
      await page.goto(view.url);
      await page.getByRole("row", { name: /shop running/ }).waitFor();
      assert.equal(new URL(page.url()).search, "", "the token is not left in the address");
      assert.equal(await page.locator("#main tbody tr").count(), 5);
      await page.getByRole("row", { name: /mailer failed/ }).waitFor();
      await until(async () => /\d/.test(await page.locator(".card .value").first().innerText()), "numbers");
      await page.getByRole("link", { name: "mailer", exact: true }).first().click();
      await page.getByText(/start limit hit/).waitFor();
      await page.goto(view.origin + "/#/app/" + encodeURIComponent(service.shop));
      await page.getByRole("row", { name: /worker #2 running/ }).waitFor();
      const pid = await page.getByRole("row", { name: /^web/ }).locator("td").nth(3).innerText();
      await page.getByRole("row", { name: /^web/ }).getByRole("button", { name: "Stop web" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Stop" }).click();
      await page.getByRole("row", { name: /web stopped/ }).waitFor();
      assert.equal(JSON.parse(service.run("status", "shop", "--json")).components[0].state, "stopped");
      await page.getByRole("button", { name: "Start web" }).click();
      await page.getByRole("row", { name: /web running/ }).waitFor();
      assert.notEqual(await page.getByRole("row", { name: /^web/ }).locator("td").nth(3).innerText(), pid);
      await page.getByRole("link", { name: "default" }).click();
      await page.getByRole("button", { name: /cart\/1001/ }).waitFor();
    });
  },

  async entries_are_searched_viewed_and_changed() {
    await withBrowser(async ({ page, view, service }) => {
      await page.goto(view.url);
      await page.goto(view.origin + `/#/app/${encodeURIComponent(service.shop)}/data`);
      const entries = page.locator(".entries button");
      await until(async () => (await entries.count()) === 10, "ten entries");
      await page.getByLabel("Keys that begin with").fill("user/");
      await until(async () => (await entries.count()) === 2, "two of them");
      await entries.first().click();
      await page.locator(".j-name").first().waitFor();
      assert.match(await page.locator("pre.body").innerText(), /"name": "Ada Lovelace"/);
      await page.getByRole("button", { name: "Hex", exact: true }).click();
      assert.match(await page.locator("pre.body").innerText(), /00000000 +7b 22 6e 61/);
      await page.getByRole("button", { name: "Text", exact: true }).click();
      assert.match(await page.locator("pre.body").innerText(), /^\{"name":"Ada/);
      await page.getByRole("button", { name: "JSON", exact: true }).click();
      await page.getByRole("button", { name: "Edit", exact: true }).click();
      await page.getByLabel("Value as json").fill("{");
      await page.getByRole("button", { name: "Save", exact: true }).click();
      await page.getByText("This is not JSON").waitFor();
      await page.getByLabel("Value as json").fill('{"name": "Ada King"}');
      await page.getByRole("button", { name: "Save", exact: true }).click();
      await page.getByText("Saved").waitFor();
      assert.equal(service.run("get", "user/ada", "--app", "shop"), '{"name": "Ada King"}');
      await page.getByRole("button", { name: "Expiry", exact: true }).click();
      await page.getByLabel("Expires in").fill("soon");
      await page.getByRole("button", { name: "Set", exact: true }).click();
      await page.getByRole("alert").getByText(/number with a unit/).waitFor();
      await page.getByLabel("Expires in").fill("1h 30m");
      await page.getByRole("button", { name: "Set", exact: true }).click();
      await page.locator(".facts").getByText(/in 1 h (29|30) min/).waitFor();
      const left = JSON.parse(service.run("ttl", "user/ada", "--app", "shop", "--json")).ttl_ms;
      assert.ok(left > 80 * 60000 && left <= 90 * 60000, left);
      // Editing leaves the expiry as it is.
      await page.getByRole("button", { name: "Edit", exact: true }).click();
      await page.getByLabel("Value as json").fill("[1]");
      await page.getByRole("button", { name: "Save", exact: true }).click();
      await until(() => service.run("get", "user/ada", "--app", "shop") === "[1]", "it is saved");
      assert.ok(JSON.parse(service.run("ttl", "user/ada", "--app", "shop", "--json")).ttl_ms > 0);
      // Somebody else was faster.
      await page.getByRole("button", { name: "Edit", exact: true }).click();
      await page.getByLabel("Value as json").fill("[2]");
      service.set("shop", { "user/ada": "theirs" });
      await page.getByRole("button", { name: "Save", exact: true }).click();
      await page.getByText(/Somebody has changed the entry/).waitFor();
      assert.equal(service.run("get", "user/ada", "--app", "shop"), "theirs");
      await page.getByRole("button", { name: "Cancel", exact: true }).click();
      await entries.nth(1).click();
      await page.locator(".detail-key").getByText("user/grace").waitFor();
      const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download", exact: true }).click()]);
      assert.match(readFileSync(await file.path(), "utf8"), /Grace Hopper/);
      await page.getByRole("button", { name: "Delete", exact: true }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Delete", exact: true }).click();
      await until(async () => (await entries.count()) === 1, "it is gone from the list");
      assert.equal(service.run("exists", "user/grace", "--app", "shop").trim(), "false");
      // Bytes that are no text: hex alone, and hex is what is edited.
      await page.getByLabel("Keys that begin with").fill("stats");
      await until(async () => (await entries.count()) === 1 && /stats/.test(await entries.first().innerText()), "the number");
      await entries.first().click();
      await page.locator(".facts").getByText("184467").waitFor();
      await page.getByRole("button", { name: "Hex", exact: true }).click();
      await page.getByRole("button", { name: "Edit", exact: true }).click();
      await page.getByLabel("Value as hex").fill("2a 00 00 00 00 00 00 00");
      await page.keyboard.press("Control+Enter");
      await until(() => JSON.parse(service.run("get", "stats/visits", "--app", "shop", "--json")).value === "*" + "\0".repeat(7), "42");
    });
  },

  async keyboard_alone_does_it_all() {
    await withBrowser(async ({ page, view, service }) => {
      await page.goto(view.url);
      await page.getByRole("row", { name: /shop running/ }).waitFor();
      await page.keyboard.press("?");
      await page.getByRole("heading", { name: "Keyboard shortcuts" }).waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
      await page.keyboard.press("Tab");
      assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the content");
      await page.keyboard.press("/");
      await page.keyboard.type("sho");
      await until(async () => (await page.locator("#apps a").count()) === 1, "one app");
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: "shop" }).waitFor();
      await page.keyboard.press("Escape");
      await page.keyboard.press("2");
      await page.locator(".entries button").first().waitFor();
      await page.keyboard.press("/");
      await page.keyboard.type("config/");
      await until(async () => (await page.locator(".entries button").count()) === 2, "two entries");
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("Enter");
      await page.locator(".detail-key").getByText("config/theme").waitFor();
      await page.keyboard.press("e");
      await page.locator("textarea:focus").waitFor();
      await page.keyboard.press("Control+A");
      await page.keyboard.type("light");
      await page.keyboard.press("Control+Enter");
      await until(() => service.run("get", "config/theme", "--app", "shop") === "light", "it is saved");
      await page.getByText("Saved").waitFor();
      await page.keyboard.press("v");
      await page.locator('[aria-pressed="true"]').getByText("JSON").waitFor();
      await page.keyboard.press("x");
      await page.getByRole("heading", { name: /expire/ }).waitFor();
      await page.keyboard.type("2h");
      await page.keyboard.press("Enter");
      await page.locator(".facts").getByText(/in (2 h 0|1 h 59) min/).waitFor();
      // What was typed is not lost by accident.
      await page.getByRole("dialog").waitFor({ state: "detached" });
      await page.keyboard.press("e");
      await page.locator("textarea:focus").waitFor();
      await page.keyboard.type("more");
      await page.keyboard.press("Escape");
      await page.getByRole("heading", { name: "Leave what you have changed?" }).waitFor();
      await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      await page.locator("textarea").waitFor({ state: "detached" });
      await page.keyboard.press("Delete");
      await page.getByRole("heading", { name: /Delete this/ }).waitFor();
      await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      await until(() => service.run("exists", "config/theme", "--app", "shop").trim() === "false", "it is deleted");
      await page.getByRole("dialog").waitFor({ state: "detached" });
      await page.keyboard.press("n");
      await page.getByRole("heading", { name: /New entry/ }).waitFor();
      await page.keyboard.press("End");
      await page.keyboard.type("new");
      await page.keyboard.press("Tab");
      await page.keyboard.type("by hand");
      await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      await until(() => service.run("get", "config/new", "--app", "shop") === "by hand", "it is created");
      await page.getByRole("dialog").waitFor({ state: "detached" });
      for (const [key, name] of [["3", "Logs"], ["4", "Live operations"], ["5", "Events"], ["1", "Components"]]) {
        await page.keyboard.press(key);
        await page.getByRole("region", { name }).waitFor();
      }
      await page.keyboard.press("g");
      await page.keyboard.press("h");
      await page.getByRole("heading", { name: "Apps" }).waitFor();
    });
  },

  async logs_and_operations_come_as_they_happen() {
    await withBrowser(async ({ page, view, service }) => {
      await page.goto(view.url);
      const at = (tab) => page.goto(view.origin + `/#/app/${encodeURIComponent(service.shop)}/${tab}`);
      await at("logs");
      await page.locator(".line.stderr").first().waitFor();
      const count = () => page.locator(".line").count();
      const before = await count();
      await until(async () => (await count()) > before + 3, "more lines");
      await page.getByLabel("Lines with").fill("payment");
      assert.ok((await page.locator(".line:visible").allInnerTexts()).every((text) => /payment/.test(text)));
      await page.getByRole("button", { name: "Pause", exact: true }).click();
      await page.getByText(/paused/).waitFor();
      await at("live");
      await page.getByText("Waiting for operations").waitFor();
      await until(async () => {
        service.run("get", "<img src=x onerror=alert(1)>", "--app", "shop");
        service.run("set", "secret", "hidden value", "--app", "shop");
        return (await page.locator(".live tbody tr").count()) > 1;
      }, "operations");
      const text = await page.locator(".live").innerText();
      assert.match(text, /<img src=x onerror=alert\(1\)>/);
      assert.match(text, /set\s+default\s+secret/);
      assert.doesNotMatch(text, /hidden value/);
      await page.goto(view.origin + "/#/events");
      await page.getByRole("row", { name: /mailer send failed/ }).waitFor();
    });
  },

  async what_is_stored_is_never_run() {
    await withBrowser(async ({ page, view, service }) => {
      const evil = "<img src=x onerror=\"window.pwned=1\"><script>window.pwned=1</script>";
      service.set("shop", { [evil]: evil, "zz/json": JSON.stringify({ [evil]: evil }) });
      await page.goto(view.url);
      await page.goto(view.origin + `/#/app/${encodeURIComponent(service.shop)}/data`);
      await page.locator(".entries button").filter({ hasText: "onerror" }).first().click();
      await page.locator("pre.body").waitFor();
      assert.equal(await page.locator("pre.body").innerText(), evil);
      await page.locator(".entries button").filter({ hasText: "zz/json" }).click();
      await page.locator(".j-name").first().waitFor();
      assert.equal(await page.evaluate(() => window.pwned), undefined);
      assert.equal(await page.locator("main img, main script").count(), 0);
    });
  },

  async both_themes_and_narrow_screens() {
    await withBrowser(async ({ page, view, service }) => {
      const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      await page.emulateMedia({ colorScheme: "dark" });
      await page.goto(view.url);
      await page.getByRole("row", { name: /shop running/ }).waitFor();
      const dark = await background();
      await page.emulateMedia({ colorScheme: "light" });
      const light = await background();
      assert.notEqual(dark, light);
      await page.keyboard.press("t");
      assert.equal(await background(), dark, "chosen against the system");
      await page.reload();
      assert.equal(await background(), dark, "and kept");
      await page.getByRole("button", { name: "Theme", exact: true }).click();
      assert.equal(await background(), light);
      // The contrast of every text on what is behind it.
      for (const path of ["", "/data", "/logs", "/live", "/events"]) {
        await page.goto(view.origin + `/#/app/${encodeURIComponent(service.shop)}${path}`);
        await page.waitForTimeout(400);
        for (const theme of ["light", "dark"]) {
          const poor = await page.evaluate(contrasts, theme);
          assert.deepEqual(poor, [], `${path} ${theme}`);
        }
      }
      await page.setViewportSize({ width: 360, height: 700 });
      for (const path of ["#/", `#/app/${encodeURIComponent(service.shop)}`, `#/app/${encodeURIComponent(service.shop)}/data`, `#/app/${encodeURIComponent(service.shop)}/logs`]) {
        await page.goto(view.origin + "/" + path);
        await page.waitForTimeout(400);
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360, path);
      }
      await page.goto(view.origin + `/#/app/${encodeURIComponent(service.shop)}/data`);
      await page.getByRole("button", { name: /cart\/1002/ }).click();
      await page.getByRole("button", { name: "Back", exact: true }).click();
      await page.getByRole("button", { name: /cart\/1002/ }).waitFor();
      await page.getByRole("button", { name: "Apps", exact: true }).click();
      await page.locator("#apps").getByRole("link", { name: /counter/ }).click();
      await page.getByRole("heading", { name: "counter" }).waitFor();
    });
  },

  async an_end_is_told() {
    await withBrowser(async ({ page, view, service }) => {
      await page.goto(view.url);
      await page.getByRole("row", { name: /shop running/ }).waitFor();
      const gone = new Promise((resolve) => view.child.once("exit", resolve));
      view.child.kill("SIGINT");
      assert.equal(await gone, 0);
      await page.getByText("bobbin explore has ended").waitFor();
    });
  },

  async nobody_else_is_asked() {
    await withBrowser(async ({ page, view, foreign }) => {
      await page.goto(view.url);
      await page.getByRole("row", { name: /shop running/ }).waitFor();
      await page.waitForTimeout(500);
      assert.deepEqual(foreign, []);
      // Neither a frame nor a form of another site's page gets in.
      const other = http.createServer((_, answer) => answer.writeHead(200, { "Content-Type": "text/html" }).end(
        `<iframe src="${view.origin}/" id="f"></iframe><script>
        fetch("${view.origin}/api/overview", {method: "POST", credentials: "include", body: "{}"}).then(r => r.text()).then(t => document.title = "got " + t, () => document.title = "refused")</script>`));
      await new Promise((resolve) => other.listen(0, "127.0.0.1", resolve));
      const second = await page.context().newPage();
      second.answers = [];
      second.on("response", (r) => r.url().startsWith(view.origin) && second.answers.push(r.status()));
      // By its address it counts as the same site, which cookies are sent to; by a name it does not.
      for (const [host, status] of [["127.0.0.1", 200], ["localhost", 403]]) {
        second.answers.length = 0;
        await second.goto(`http://${host}:${other.address().port}/`);
        await until(async () => (await second.title()) !== "", "the other page was answered");
        assert.equal(await second.title(), "refused", host);
        await until(() => second.answers.includes(status), "the frame was answered");
        for (const frame of second.frames().filter((f) => f !== second.mainFrame()))
          assert.ok(!(await frame.content()).includes("Filter apps"), host + ": it is in a frame");
      }
      other.close();
      other.closeAllConnections();
    });
  },
};

// Runs in the page: texts whose contrast is below 4.5, or 3 for large ones.
function contrasts(theme) {
  document.documentElement.dataset.theme = theme;
  const parse = (c) => c.match(/[\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const c = parse(getComputedStyle(node).backgroundColor);
      if (c.length < 4 || c[3] > 0) return c;
    }
    return [255, 255, 255];
  };
  const poor = new Set();
  for (const node of document.body.querySelectorAll("*")) {
    if (![...node.childNodes].some((kid) => kid.nodeType === 3 && kid.data.trim()) || !node.checkVisibility({ checkVisibilityCSS: true }) || node.closest(":disabled, noscript, option, .skip")) continue;
    const style = getComputedStyle(node), [a, b] = [light(parse(style.color)), light(behind(node))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05), size = parseFloat(style.fontSize);
    if (ratio < (size >= 24 || (size >= 18.6 && style.fontWeight >= 700) ? 3 : 4.5)) poor.add(`${node.tagName}.${node.className} ${ratio.toFixed(2)} ${style.color}`);
  }
  return [...poor];
}

async function withBrowser(test) {
  const service = new Service(bin);
  let context;
  try {
    Object.assign(service, await showcase(service));
    const view = await service.explore();
    context = await browser(service.dir);
    const page = await context.newPage();
    page.setDefaultTimeout(Number(process.env.PATIENCE || 60) * 1000);
    const foreign = [], broken = [];
    context.on("request", (r) => !/^(http:\/\/127\.0\.0\.1:|blob:|data:|about:)/.test(r.url()) && foreign.push(r.url()));
    page.on("pageerror", (e) => broken.push(e.message));
    page.on("console", (m) => m.type() === "error" && !/Failed to load resource|ERR_CONNECTION_REFUSED/.test(m.text()) && broken.push(m.text()));
    // A request of a page that is closed meanwhile has nothing to say any more; nobody else would hear of its failure.
    page.on("requestfinished", (r) => r.allHeaders().then(
      ({ referer }) => { if (referer && /token/.test(referer)) broken.push("the token is in a Referer"); }, () => {}));
    await test({ page, view, service, foreign });
    assert.deepEqual(broken, [], "the page is broken");
  } catch (failure) {
    if (context && process.env.SHOT) await context.pages().at(-1).screenshot({ path: process.env.SHOT });
    throw failure;
  } finally {
    if (context) await context.close();
    await service.end();
  }
}

let failed = 0;
for (const [name, test] of Object.entries(tests)) {
  if (only && !name.includes(only)) continue;
  const began = Date.now();
  try {
    await test();
    console.log(`ok   ${name.padEnd(52)} ${((Date.now() - began) / 1000).toFixed(1)} s`);
  } catch (failure) {
    failed++;
    console.log(`FAIL ${name}: ${failure.stack}`);
  }
}
process.exit(failed ? 1 : 0);
