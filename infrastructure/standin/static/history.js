// The version history panel: the list that the integrator gave, and the text of a chosen version.
"use strict";

// `raise` speaks to the integrator; `show` puts a text, or the reason why there is none, into the page.
function historyPanel(raise, handles, show) {
  const element = (id) => document.getElementById(id);
  let chosen = null;
  let asked = 0; // only the answer to the last question counts

  function item(version, last) {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.version = version.version;
    const who = document.createElement("small");
    who.textContent = (version.user && version.user.name) || "Somebody";
    button.append(`Version ${version.version}, ${version.created}`, who);
    button.addEventListener("click", () => choose(version, last));
    const entry = document.createElement("li");
    entry.append(button);
    return entry;
  }

  function choose(version, last) {
    chosen = version;
    for (const button of element("versions-list").querySelectorAll("button")) {
      if (Number(button.dataset.version) === version.version) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
    element("restore").disabled = last;
    raise("onRequestHistoryData", version.version);
  }

  // The newest stand last in the given list and first in the panel, as in the real one.
  function refresh(given) {
    element("versions").hidden = false;
    if (given.error) {
      element("versions-list").replaceChildren();
      show("", given.error);
      return;
    }
    const last = given.history[given.history.length - 1];
    const items = given.history.map((version) => item(version, version === last));
    element("versions-list").replaceChildren(...items.reverse());
    const current = given.history.find((version) => version.version === given.currentVersion);
    if (current) choose(current, current === last);
  }

  async function receive(given) {
    asked += 1;
    const question = asked;
    if (given.error) {
      show("", given.error);
      return;
    }
    const url = new URL("../../../../standin/history", window.location.href);
    const answer = await fetch(url, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(given),
    }).then((response) => response.json()).catch(() => ({ error: "The connection is lost." }));
    if (question !== asked) return;
    const text = answer.text === null ? `${answer.size} bytes that the stand-in cannot show.` : answer.text;
    show(answer.error ? "" : text, answer.error);
  }

  element("versions-close").hidden = !handles("onRequestHistoryClose");
  element("restore").hidden = !handles("onRequestRestore");
  element("versions-close").onclick = () => raise("onRequestHistoryClose");
  element("restore").onclick = () => chosen && raise("onRequestRestore", { version: chosen.version });
  return { refresh, receive };
}
