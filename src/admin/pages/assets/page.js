// Keeps a page as it is now without reloading it. Without this file the page is complete, and as it was when it was opened.
//
// The server says over one stream that something has changed; then the page is fetched again and the parts that differ are put in. Nothing
// that somebody types into is ever replaced.
"use strict";

(() => {
  const address = document.body.dataset.live;
  const sign = document.getElementById("live");
  if (!address || !sign || !window.EventSource) return;

  // No more often than this, however often something changes.
  const SELDOM = 1000;
  // How long nothing may be heard before it is found out whether anybody is there, and how often from then on.
  const PATIENCE = 5000;
  const word = document.getElementById("live-word");
  const gone = document.getElementById("gone");
  const since = document.getElementById("gone-since");
  let stream = null;
  let waiting = false;
  let running = false;
  let again = false;
  let last = 0;
  let asking = null;
  let seen = new Date();

  const say = (isLive, said) => {
    sign.hidden = false;
    sign.classList.toggle("cut", !isLive);
    if (word.textContent !== said) word.textContent = said;
  };

  // What was well is not said to be well any more once nobody answers.
  const answers = (does) => {
    if (does) seen = new Date();
    if (gone.hidden === does) return;
    gone.hidden = does;
    document.body.classList.toggle("past", !does);
    if (does) return;
    since.textContent = `${seen.toISOString().slice(0, 16).replace("T", " ")} UTC`;
    document.title = `No answer · ${document.title}`;
  };

  // A message about what was just done is said once, not again when the page is reloaded.
  const here = new URL(location.href);
  if (here.searchParams.has("done")) {
    here.searchParams.delete("done");
    here.searchParams.delete("count");
    history.replaceState(history.state, "", here);
  }

  // The element that had the focus is another one afterwards, with the same place in its part.
  const path = (part, element) => {
    const steps = [];
    for (let at = element; at !== part; at = at.parentElement) {
      steps.unshift([...at.parentElement.children].indexOf(at));
    }
    return steps;
  };
  const follow = (part, steps) => steps.reduce((at, step) => at && at.children[step], part);

  const put = (part, fresh) => {
    if (part.innerHTML === fresh.innerHTML && part.className === fresh.className) return;
    const focused = part.contains(document.activeElement) ? document.activeElement : null;
    const steps = focused && path(part, focused);
    const open = [...part.querySelectorAll("details")].map((one) => one.open);
    part.className = fresh.className;
    part.replaceChildren(...fresh.childNodes);
    part.querySelectorAll("details").forEach((one, index) => {
      one.open = Boolean(open[index]);
    });
    const again = steps && follow(part, steps);
    if (again) again.focus({ preventScroll: true });
  };

  const refresh = async () => {
    waiting = false;
    running = true;
    try {
      const answer = await fetch(location.href.split("#")[0], {
        headers: { accept: "text/html" },
        signal: AbortSignal.timeout(2 * PATIENCE),
      });
      if (answer.redirected) return location.reload();
      if (!answer.ok) return answers(false);
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of document.querySelectorAll("[data-part]")) {
        const other = fresh.getElementById(part.id);
        if (other) put(part, other);
      }
      document.title = fresh.title;
      answers(true);
    } catch {
      // The stream says when the server is back.
      answers(false);
    } finally {
      running = false;
      last = Date.now();
      if (again) changed();
    }
  };

  // Never two at a time: a server that is slow is not made slower. What changes meanwhile is fetched afterwards.
  const changed = () => {
    again = running;
    if (waiting || running) return;
    waiting = true;
    setTimeout(refresh, Math.max(0, last + SELDOM - Date.now()));
  };

  // While the stream is cut, whether the page can still be fetched.
  const ask = (does) => {
    if (does && asking === null) asking = setInterval(changed, PATIENCE);
    if (!does) {
      clearInterval(asking);
      asking = null;
    }
  };

  const listen = () => {
    if (stream) return;
    stream = new EventSource(address);
    stream.addEventListener("open", () => {
      say(true, "Live");
      ask(false);
      // What has changed before the stream began it does not tell.
      changed();
    });
    stream.addEventListener("changed", changed);
    stream.addEventListener("error", () => {
      ask(true);
      if (stream && stream.readyState === EventSource.CLOSED) {
        stream = null;
        say(false, "Not live");
        // Too many watch, or the session is over: then the reloaded page asks to log in.
        setTimeout(() => document.hidden || listen(), 15000);
        changed();
      } else {
        say(false, "Reconnecting");
      }
    });
  };

  const rest = () => {
    if (stream) stream.close();
    stream = null;
    ask(false);
  };

  // A page that nobody sees asks for nothing.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      rest();
    } else {
      changed();
      listen();
    }
  });
  window.addEventListener("pagehide", rest);
  listen();
})();
