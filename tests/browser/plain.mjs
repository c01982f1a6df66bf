// Everything without a script, by keyboard alone, on a small screen.

import { assert, cue, fits, logIn, page, picture, play, token } from "./player.mjs";

await play(
  async (tab) => {
    // By keyboard: the field has the focus.
    await tab.goto(`${page}/`);
    assert.equal(await tab.evaluate(() => document.activeElement.id), "token");
    await fits(tab, 360, "the page to log in");
    await tab.keyboard.type(token);
    await tab.keyboard.press("Enter");
    await tab.waitForURL(`${page}/`);

    await cue("refuse Cursed");
    await cue("board Cursed");
    await cue("board A very long name that has-no-end-and-no-space-in-it-at-all_".concat("x".repeat(120)));
    await cue("rooms 1");
    const failed = async () => (await tab.goto(`${page}/`)) && (await tab.getByRole("heading", { name: "1 board failed." }).count());
    while (!(await failed())) await tab.waitForTimeout(100);
    assert.equal(await tab.locator("#live").isVisible(), false, "nothing pretends to be live");
    await fits(tab, 360, "the status page");
    await fits(tab, 320, "the status page, magnified four times");
    await picture(tab, "plain-320");
    await tab.setViewportSize({ width: 360, height: 740 });

    // The first stop leads past what is on every page, and everything can be reached and seen to have the focus.
    await tab.keyboard.press("Tab");
    assert.equal(await tab.evaluate(() => document.activeElement.textContent), "Skip to the content");
    await tab.keyboard.press("Enter");
    assert.equal(await tab.evaluate(() => document.activeElement.id), "main");
    const reachable = await tab.evaluate(() =>
      [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, summary")].filter((one) => one.checkVisibility()).length,
    );
    const reached = new Set();
    await tab.goto(`${page}/`);
    for (let step = 0; step < reachable + 5; step += 1) {
      await tab.keyboard.press("Tab");
      const at = await tab.evaluate(() => {
        const one = document.activeElement;
        if (one === document.body) return null;
        const style = getComputedStyle(one);
        const isShown = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
        one.dataset.stop ??= String(document.querySelectorAll("[data-stop]").length);
        return { stop: one.dataset.stop, isShown, html: one.outerHTML.slice(0, 100) };
      });
      if (at) {
        assert.ok(at.isShown, `the focus is seen on ${at.html}`);
        reached.add(at.stop);
      }
    }
    assert.equal(reached.size, reachable, "every link, button and field is a stop");

    // Filter, read, retry: links and forms.
    await tab.setViewportSize({ width: 1180, height: 900 });
    await tab.getByLabel("Status", { exact: true }).selectOption("failed");
    await tab.getByRole("button", { name: "Show", exact: true }).press("Enter");
    await tab.waitForURL(/status=failed/);
    assert.equal(await tab.getByRole("row").count(), 2);
    await cue("allow");
    await tab.getByRole("row", { name: /Cursed/ }).getByRole("button", { name: /Retry/ }).press("Enter");
    await tab.getByRole("status").getByText("The board is tried again now.").waitFor();
    assert.match(tab.url(), /status=failed/, "one is where one was");
    await cue("rooms 2");
    const settled = async () => (await tab.goto(`${page}/`)) && (await tab.getByRole("heading", { name: "All is well: 2 boards have their rooms." }).count());
    while (!(await settled())) await tab.waitForTimeout(100);
    await tab.getByRole("link", { name: "Cursed", exact: true }).press("Enter");
    await tab.getByRole("heading", { level: 1, name: "Cursed" }).waitFor();
    await tab.getByRole("listitem").filter({ hasText: "Room created" }).first().waitFor();

    // The words of a person, each with its answer.
    await tab.getByRole("link", { name: "All boards" }).press("Enter");
    await tab.getByRole("button", { name: "Retry all failed" }).press("Enter");
    await tab.getByRole("status").getByText("No board failed").waitFor();
    await tab.getByRole("button", { name: "Log out" }).press("Enter");
    await tab.waitForURL(`${page}/login`);
    await logIn(tab);
  },
  { javaScriptEnabled: false },
);
