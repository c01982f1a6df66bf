// What the scripts share: the browser, cues for the stage, checks, and axe.

import { createInterface } from "node:readline";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

export { assert };

export const page = process.env.BOARDROOM_PAGE;
export const token = process.env.BOARDROOM_TOKEN;
const pictures = process.env.SCREENSHOTS;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

// Has the stage do something, and waits until it is done.
export async function cue(words) {
  process.stdout.write(`cue ${words}\n`);
  await answers.next();
}

export function say(words) {
  process.stdout.write(`${words}\n`);
}

// Runs a script in a browser of its own. Whatever a page complains of fails it.
export async function play(script, options = {}) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  const complaints = [];
  try {
    const context = await browser.newContext({ viewport: { width: 1180, height: 900 }, ...options });
    context.setDefaultTimeout(20000);
    const tab = await context.newPage();
    tab.on("pageerror", (error) => complaints.push(`a script failed: ${error.message}`));
    tab.on("console", (message) => {
      // A stylesheet or a script that the policy refuses is said here, too. What the server refuses on purpose is no complaint.
      const isRefusal = message.text().includes("status of 4") || message.text().includes("ERR_");
      if (message.type() === "error" && !isRefusal) complaints.push(message.text());
    });
    tab.on("request", (request) => {
      if (!request.url().startsWith(page)) complaints.push(`asked elsewhere: ${request.url()}`);
    });
    tab.on("dialog", (dialog) => {
      complaints.push(`a dialog opened: ${dialog.message()}`);
      dialog.dismiss();
    });
    await script(tab, context);
    assert.deepEqual(complaints, []);
  } catch (error) {
    for (const complaint of complaints) process.stderr.write(`${complaint}\n`);
    process.stderr.write(`${error.stack}\n`);
    process.exitCode = 1;
  } finally {
    await browser.close();
    process.stdin.destroy();
  }
}

export async function logIn(tab) {
  await tab.goto(`${page}/login`);
  await tab.getByLabel("Admin token").fill(token);
  await tab.getByRole("button", { name: "Log in" }).click();
  await tab.waitForURL(`${page}/`);
}

// No violation of WCAG A and AA, nor of what axe takes for good practice, in light and in dark.
export async function accessible(tab, name) {
  for (const colorScheme of ["light", "dark"]) {
    await tab.emulateMedia({ colorScheme });
    await tab.evaluate(axe);
    const found = await tab.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
    const violations = found.violations.map((one) => ({
      id: one.id,
      help: one.help,
      nodes: one.nodes.slice(0, 3).map((node) => `${node.html} ${node.failureSummary}`),
    }));
    assert.deepEqual(violations, [], `${name}, ${colorScheme}`);
    assert.ok(found.passes.length > 10, `axe looked at ${name}`);
    await picture(tab, `${name}-${colorScheme}`);
  }
  await tab.emulateMedia({ colorScheme: "light" });
}

export async function picture(tab, name, fullPage = true) {
  if (!pictures) return;
  mkdirSync(pictures, { recursive: true });
  await tab.screenshot({ path: `${pictures}/${name}.png`, fullPage });
}

// Nothing is wider than the screen.
export async function fits(tab, width, name) {
  await tab.setViewportSize({ width, height: 740 });
  const wide = await tab.evaluate(() => document.documentElement.scrollWidth);
  const widest = await tab.evaluate(() => {
    const all = [...document.querySelectorAll("body *")];
    const over = all.filter((one) => one.getBoundingClientRect().right > innerWidth + 1 && !one.closest(".scroll, .unseen"));
    return over.slice(0, 3).map((one) => one.outerHTML.slice(0, 120));
  });
  assert.ok(wide <= width, `${name} is ${wide} wide at ${width}: ${widest.join("\n")}`);
}

// Waits until something holds on the page, without reloading it.
export function until(tab, what, holds, argument) {
  return tab.waitForFunction(holds, argument).catch((error) => {
    throw new Error(`it never came to be that ${what}`, { cause: error });
  });
}
