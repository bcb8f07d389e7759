// Hears of facts as they are recorded, while the page is looked at: browsers allow six connections to a
// server, so a hidden page gives its own back, and goes on where it was when it is shown again.
"use strict";

const AGAIN_SECONDS = 10; // after a refusal, which a browser takes for the last word

// `query` as in a url. `heard` is told of each fact of the given types; `look` is asked to see for itself when
// the page begins to listen, unless it was made at the position that the query begins with, when it cannot, and
// again and again: slowly while it listens, quickly while it cannot.
function live({ query, types, heard, look, quickSeconds, slowSeconds }) {
  let source = null;
  let position = new URLSearchParams(query).get("after");
  let known = position !== null; // all up to there is on the page
  let looks = null;
  let pace = 0;

  function lookEvery(seconds) {
    if (pace === seconds) return;
    pace = seconds;
    clearInterval(looks);
    looks = setInterval(() => { if (!document.hidden) look(); }, seconds * 1000);
  }

  function close() {
    if (source) source.close();
    source = null;
  }

  function begun() {
    lookEvery(slowSeconds);
    if (!known) look();
    known = false;
  }

  function failed() {
    if (pace === slowSeconds) look();
    lookEvery(quickSeconds);
    if (source.readyState !== EventSource.CLOSED) return; // it comes again by itself
    close();
    setTimeout(open, AGAIN_SECONDS * 1000);
  }

  function open() {
    if (source || document.hidden) return;
    const parameters = new URLSearchParams(query);
    if (position) parameters.set("after", position);
    source = new EventSource(`/api/events?${parameters}`);
    source.addEventListener("open", begun);
    source.addEventListener("error", failed);
    for (const type of ["position", ...types]) {
      source.addEventListener(type, (event) => {
        position = event.lastEventId;
        if (type !== "position") heard(JSON.parse(event.data));
      });
    }
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) close();
    else open();
  });
  lookEvery(quickSeconds);
  open();
}
