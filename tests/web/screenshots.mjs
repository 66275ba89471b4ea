// Pictures of each page, for the documentation: node screenshots.mjs BIN_DIR TO_DIR
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Service, browser, load, showcase, until } from "./service.mjs";

const [bin, to] = process.argv.slice(2);
const service = new Service(bin);
mkdirSync(to, { recursive: true });
try {
  const { shop } = await showcase(service);
  load(service);
  const view = await service.explore();
  const context = await browser(service.dir);
  const page = await context.newPage();
  page.on("console", (m) => console.log("console:", m.text()));
  page.on("pageerror", (e) => console.log("pageerror:", e.message));
  await page.emulateMedia({ colorScheme: "light" });
  await page.goto(view.url);
  await page.waitForSelector("tbody tr");
  const app = (tab) => `${view.origin}/#/app/${encodeURIComponent(shop)}${tab ? "/" + tab : ""}`;
  await page.waitForTimeout(Number(process.env.WARM || 25000));
  const shots = async (name) => {
    for (const scheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme: scheme });
      await page.waitForTimeout(150);
      await page.screenshot({ path: join(to, `${name}-${scheme}.png`) });
    }
  };
  await shots("apps");
  await page.goto(app());
  await page.waitForTimeout(Number(process.env.WARM || 25000) / 2);
  await shots("app");
  await page.goto(app("data"));
  await page.getByRole("button", { name: /cart\/1001/ }).click();
  await page.waitForSelector(".j-name");
  await shots("data");
  await page.getByRole("button", { name: /image\/logo/ }).click();
  await page.waitForSelector(".body.hex");
  await shots("hex");
  await page.goto(app("logs"));
  await page.waitForSelector(".line");
  await page.waitForTimeout(1500);
  await shots("logs");
  await page.goto(app("live"));
  await page.waitForSelector(".live tbody tr");
  await page.waitForTimeout(4000);
  await shots("live");
  await page.goto(view.origin + "/#/events");
  await page.waitForSelector("tbody tr");
  await shots("events");
  await page.keyboard.press("?");
  await page.waitForSelector("dialog[open]");
  await shots("keys");
  await page.keyboard.press("Escape");
  await page.setViewportSize({ width: 400, height: 760 });
  await page.goto(view.origin + "/#/");
  await page.waitForTimeout(300);
  await shots("narrow-apps");
  await page.goto(app("data"));
  await page.getByRole("button", { name: /cart\/1001/ }).click();
  await page.waitForSelector(".j-name");
  await shots("narrow-entry");
  await context.close();
} finally {
  await service.end();
}
