// 100,000 boards: each view is there at once.

import { accessible, assert, fits, logIn, page, play, say } from "./player.mjs";

// In milliseconds, of a program that is not optimised, on a machine that is busy with other tests. What reads every name may take longer.
const QUICK = 500;
const READ_ALL = 1500;

await play(async (tab) => {
  await logIn(tab);
  await tab.getByRole("link", { name: /100,000\s+All boards/ }).waitFor();
  const views = {
    "the first page": "/",
    "a page in the middle": "/?before=50000",
    "the failed ones": "/?status=failed",
    "the mirrored ones, later": "/?status=mirrored&before=40000",
    "those changed by hand": "/?status=mirrored%2Fdrift",
    "a name": "/?q=board+77",
    "a name that none has": "/?q=no+such+board",
    "a name among the ignored": "/?q=9990&status=ignored",
    "an id": `/?q=64${"abcd".padStart(22, "0")}`,
    "the week": "/?span=week",
    "a board": `/boards/64${"1869f".padStart(22, "0")}`,
  };
  for (const [name, address] of Object.entries(views)) {
    const took = await tab.evaluate(async (address) => {
      const times = [];
      for (let round = 0; round < 3; round += 1) {
        const begun = performance.now();
        const answer = await fetch(address);
        await answer.text();
        if (answer.status !== 200) throw new Error(`${address}: ${answer.status}`);
        times.push(performance.now() - begun);
      }
      return times.sort((one, other) => one - other)[1];
    }, address);
    say(`${name}: ${took.toFixed(0)} ms`);
    const reads = name.startsWith("a name") ? READ_ALL : QUICK;
    assert.ok(took < reads, `${name} took ${took.toFixed(0)} ms`);
  }

  // Paging goes through all without a gap, the latest first.
  await tab.goto(`${page}/?status=failed`);
  const names = [];
  for (;;) {
    const rows = await tab.locator(".boards tbody th > a").allInnerTexts();
    assert.equal(rows.length, 25, "no page is offered on which there is none");
    names.push(...rows);
    const next = tab.getByRole("link", { name: "Next page" });
    if ((await next.count()) === 0) break;
    await next.click();
    await tab.waitForLoadState();
  }
  const expected = Array.from({ length: 100 }, (_, index) => `Board ${(99 - index) * 1000 + 7}`);
  assert.deepEqual(names, expected);
  await tab.getByRole("link", { name: "First page" }).click();
  await tab.getByRole("link", { name: "Board 99007", exact: true }).waitFor();

  // A list and a history that fill their only page have no other.
  await tab.goto(`${page}/`);
  await tab.getByText(/^The brake is on since /).waitFor();
  const service = tab.getByRole("region", { name: "ONLYOFFICE DocSpace" });
  const facts = (await service.locator("dl > div").allInnerTexts()).join("\n");
  assert.match(facts, /Renaming\s+Paused\s+since/);
  assert.match(facts, /Brake on new rooms\s+On\s+since/);
  const twins = tab.locator("#findings li", { hasText: "25 boards have more than one room." });
  await twins.getByRole("link", { name: "See which" }).click();
  await tab.waitForURL(/status=mirrored%2Ftwins/);
  assert.equal(await tab.getByRole("row", { name: /Mirrored, twins/ }).count(), 25);
  assert.equal(await tab.getByRole("link", { name: "Next page" }).count(), 0);
  await accessible(tab, "twins");
  await tab.goto(`${page}/boards/64${"3".padStart(22, "0")}`);
  assert.equal(await tab.locator(".history li").count(), 100);
  assert.equal(await tab.getByRole("link", { name: "Earlier" }).count(), 0);

  // A search ends in time, and is gone on with until all were looked through.
  await tab.goto(`${page}/?q=no+such+board`);
  while ((await tab.getByText("No board is like that.").count()) === 0) {
    await tab.getByText("None of the boards that were looked through so far is like that.").waitFor();
    await tab.getByRole("link", { name: "Search on" }).click();
    await tab.waitForLoadState();
  }
  await tab.goto(`${page}/`);
  await accessible(tab, "many");
  await fits(tab, 360, "the status page");
});
