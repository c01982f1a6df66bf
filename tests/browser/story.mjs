// Somebody logs in, watches boards appear, finds out why one failed, tries it again, and logs out.

import { accessible, assert, cue, fits, logIn, page, picture, play, token, until } from "./player.mjs";

const HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>\u202egnp.exe';

await play(async (tab, context) => {
  // Only the token opens.
  await tab.goto(`${page}/`);
  assert.equal(new URL(tab.url()).pathname, "/login");
  await accessible(tab, "login");
  await tab.getByLabel("Admin token").fill("not the token");
  await tab.keyboard.press("Enter");
  await tab.getByRole("alert").getByText("This is not the token").waitFor();
  await accessible(tab, "login-refused");
  await tab.getByLabel("Admin token").fill(token);
  await tab.keyboard.press("Enter");
  await tab.waitForURL(`${page}/`);
  const [cookie] = await context.cookies();
  assert.ok(cookie.httpOnly && cookie.sameSite === "Strict", JSON.stringify(cookie));
  assert.ok(!tab.url().includes(token));

  // The first run says what to do next.
  await tab.getByRole("heading", { level: 1, name: "All is ready for the first board." }).waitFor();
  await tab.getByText("Make a board in the workspace “Acme Works”").waitFor();
  await tab.getByText("Live", { exact: true }).waitFor();
  await accessible(tab, "first");

  // A board appears without a reload, and what one is typing stays.
  const made = await tab.locator(".plot.rooms .plot-sum").innerText();
  await tab.evaluate(() => (globalThis.sameDocument = true));
  await tab.getByLabel("Search", { exact: true }).fill("half a word");
  await cue("board Website relaunch 2027");
  await tab.getByRole("row", { name: /Website relaunch 2027/ }).getByText("Mirrored").waitFor();
  await tab.getByRole("heading", { level: 1, name: "All is well: 1 board has its room." }).waitFor();
  assert.equal(await tab.evaluate(() => globalThis.sameDocument), true);
  assert.equal(await tab.getByLabel("Search", { exact: true }).inputValue(), "half a word");
  await until(tab, "the room is in the plot", (before) => document.querySelector(".plot.rooms .plot-sum").textContent !== before, made);
  await tab.getByLabel("Search", { exact: true }).fill("");

  // What people write stays text.
  await cue(`board ${HOSTILE}`);
  const hostile = tab.getByRole("row", { name: /<script>alert\(1\)<\/script>/ });
  await hostile.getByText("Mirrored").waitFor();
  assert.equal(await tab.locator("main script, main img").count(), 0);
  assert.ok(!(await hostile.innerText()).includes("\u202e"), "nothing turns the direction of a line");
  const height = await hostile.evaluate((row) => {
    const name = row.querySelector("bdi");
    const before = name.textContent;
    name.textContent = "long ".repeat(3000);
    const { height } = row.getBoundingClientRect();
    name.textContent = before;
    return height;
  });
  assert.ok(height < 240, `a name of thousands of letters takes ${height} px`);

  // One fails; the sentence at the top says so, and its page says why.
  await cue("refuse Budget");
  await cue("board Budget 2027");
  await tab.getByRole("heading", { level: 1, name: "1 board failed." }).waitFor();
  for (const name of ["Hiring", "Summer party", "Quarterly figures", "Café & Küche"]) await cue(`board ${name}`);
  await cue("rooms 6");
  await tab.getByRole("row", { name: /Café & Küche/ }).getByText("Mirrored").waitFor();
  await accessible(tab, "failed");
  await fits(tab, 360, "the status page");
  await accessible(tab, "failed-360");
  await tab.setViewportSize({ width: 1180, height: 900 });

  // Search and filter.
  await tab.getByLabel("Search", { exact: true }).fill("küche");
  await tab.getByRole("button", { name: "Show", exact: true }).click();
  await tab.waitForURL(/q=k/);
  assert.equal(await tab.getByRole("row").count(), 2, "the head and one board");
  await tab.getByRole("link", { name: "Show all" }).click();
  await tab.getByLabel("Status", { exact: true }).selectOption({ label: "Failed" });
  await tab.getByRole("button", { name: "Show", exact: true }).click();
  await tab.waitForURL(/status=failed/);
  assert.equal(await tab.getByRole("row").count(), 2, "the head and one board");
  await tab.getByRole("navigation", { name: "Boards by status" }).getByRole("link", { name: /Mirrored/ }).click();
  await tab.waitForURL(/status=mirrored/);
  assert.equal(await tab.getByRole("row").count(), 7, "the head and six boards");
  await tab.getByRole("navigation", { name: "Time shown" }).getByRole("link", { name: "Week" }).click();
  await tab.waitForURL(/span=week/);
  assert.match(tab.url(), /status=mirrored/);
  await tab.getByText("The same as a table").click();
  await tab.getByRole("region", { name: /as a table/ }).waitFor();
  await accessible(tab, "week");

  // Its history, and another try.
  await tab.goto(`${page}/?status=failed`);
  await tab.getByRole("link", { name: "Budget 2027" }).click();
  await tab.getByRole("heading", { level: 1, name: "Budget 2027" }).waitFor();
  await tab.getByText("DocSpace refuses the room.").first().waitFor();
  await tab.getByRole("listitem").filter({ hasText: "Delivery" }).first().waitFor();
  await tab.getByRole("listitem").filter({ hasText: "Failed" }).first().waitFor();
  await accessible(tab, "board-failed");
  await fits(tab, 360, "the page of a board");
  await accessible(tab, "board-360");
  await tab.setViewportSize({ width: 1180, height: 900 });
  await cue("allow");
  await tab.getByRole("button", { name: "Retry" }).click();
  await tab.getByRole("status").getByText("The board is tried again now.").waitFor();
  assert.ok(!tab.url().includes("done="), "a reload does not say it again");
  await tab.getByText("Its room agrees with it.").waitFor();
  await cue("rooms 7");
  await tab.getByRole("link", { name: /Budget 2027/ }).waitFor();
  await accessible(tab, "board-mirrored");

  // Left alone, and taken back.
  await tab.getByRole("button", { name: "Ignore" }).click();
  await tab.getByRole("status").getByText("ignored from now on").waitFor();
  await tab.getByRole("button", { name: "Give it a room" }).waitFor();
  await tab.getByRole("button", { name: "Give it a room" }).click();
  await tab.getByText("Its room agrees with it.").waitFor();

  // A service that refuses us is said at once, and so is that it is over; all of it while the same page is open.
  await tab.getByRole("link", { name: "All boards" }).click();
  await tab.getByText("Live", { exact: true }).waitFor();
  await cue("revoke");
  await cue("board Offsite");
  await tab.getByRole("heading", { level: 1, name: /^DocSpace is paused since .*: DocSpace refuses the API key\./ }).waitFor();
  await accessible(tab, "paused");
  await cue("restore");
  await tab.locator("#headline").getByRole("button", { name: "Try all again" }).click();
  await tab.getByRole("status").getByText("tried again now").waitFor();
  await tab.getByRole("heading", { level: 1, name: "All is well: 8 boards have their rooms." }).waitFor();
  await tab.goto(`${page}/`);
  await tab.getByText("Live", { exact: true }).waitFor();
  await tab.setViewportSize({ width: 1100, height: 1010 });
  await picture(tab, "well", false);

  // The page outlives a restart of the service, and the service does not wait for it.
  await tab.evaluate(() => (globalThis.sameDocument = true));
  await cue("restart");
  await cue("board After the restart");
  await tab.getByRole("row", { name: /After the restart/ }).getByText("Mirrored").waitFor();
  assert.equal(await tab.evaluate(() => globalThis.sameDocument), true);

  // Where nobody answers, nothing is said to be well any more, until somebody does.
  await cue("stop");
  await tab.getByRole("alert").getByText(/^boardroom does not answer\. Below is how it was at \d{4}-\d\d-\d\d \d\d:\d\d UTC\./).waitFor();
  assert.ok(!(await tab.locator("#headline").isVisible()));
  assert.match(await tab.title(), /^No answer · /);
  await accessible(tab, "gone");
  await cue("start");
  // Trello may have tried to deliver meanwhile, so not all need be well.
  await tab.locator("#headline").getByRole("heading", { level: 1 }).waitFor();
  assert.ok(!(await tab.locator("#gone").isVisible()));
  assert.doesNotMatch(await tab.title(), /^No answer/);
  assert.equal(await tab.evaluate(() => globalThis.sameDocument), true);

  // What happened before a page could listen is on it as soon as it says that it is live.
  await tab.route("**/live", (route) => route.abort());
  await tab.goto(`${page}/`);
  await tab.getByText("Reconnecting", { exact: true }).waitFor();
  await tab.evaluate(() => (globalThis.sameDocument = true));
  await cue("board Before it listened");
  await cue("rooms 10");
  await tab.unroute("**/live");
  await tab.getByText("Live", { exact: true }).waitFor();
  await tab.getByRole("row", { name: /Before it listened/ }).waitFor();
  assert.equal(await tab.evaluate(() => globalThis.sameDocument), true);

  // The end of the session is the end of every page.
  await tab.getByRole("button", { name: "Sweep now" }).click();
  await tab.getByRole("status").getByText("A sweep begins").waitFor();
  await tab.getByRole("button", { name: "Log out" }).click();
  await tab.waitForURL(`${page}/login`);
  const lost = await tab.goto(`${page}/`);
  assert.equal(new URL(lost.url()).pathname, "/login");
  await logIn(tab);
  const nowhere = await tab.goto(`${page}/nowhere`);
  assert.equal(nowhere.status(), 404);
  await accessible(tab, "nowhere");
});
