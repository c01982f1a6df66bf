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
  const word = document.getElementById("live-word");
  let stream = null;
  let waiting = false;
  let running = false;
  let again = false;
  let last = 0;

  const say = (isLive, said) => {
    sign.hidden = false;
    sign.classList.toggle("cut", !isLive);
    if (word.textContent !== said) word.textContent = said;
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
      const answer = await fetch(location.href.split("#")[0], { headers: { accept: "text/html" } });
      if (answer.redirected) return location.reload();
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of document.querySelectorAll("[data-part]")) {
        const other = fresh.getElementById(part.id);
        if (other) put(part, other);
      }
      document.title = fresh.title;
    } catch {
      // The stream says when the server is back.
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

  const listen = () => {
    if (stream) return;
    stream = new EventSource(address);
    stream.addEventListener("open", () => {
      say(true, "Live");
      // What has changed before the stream began it does not tell.
      changed();
    });
    stream.addEventListener("changed", changed);
    stream.addEventListener("error", () => {
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
