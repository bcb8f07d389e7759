// Fresh parts of a page take the place of what is there, without disturbing whoever reads or types.
"use strict";

async function pageOf(url) {
  const response = await fetch(url);
  const text = await response.text();
  if (!response.ok) throw new Error(response.statusText);
  return new DOMParser().parseFromString(text, "text/html");
}

// What has not changed stays the very same, and what had the focus keeps it.
function put(page, selector) {
  const [now, then] = [document.querySelector(selector), page.querySelector(selector)];
  if (!now || !then) return;
  localize(then);
  const focused = now.contains(document.activeElement) ? document.activeElement : null;
  for (const fresh of then.querySelectorAll("li[id]")) {
    const known = document.getElementById(fresh.id);
    if (known?.outerHTML === fresh.outerHTML) fresh.replaceWith(known);
  }
  now.replaceChildren(...then.childNodes);
  if (focused) (focused.isConnected ? focused : twin(now, focused))?.focus({ preventScroll: true });
}

function twin(part, gone) {
  const link = gone.getAttribute("href");
  return [...part.querySelectorAll(gone.tagName)].find((each) => each.getAttribute("href") === link);
}
