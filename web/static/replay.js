// The slider over a session's events shows each moment without a new page.
"use strict";

const slider = document.getElementById("after");
const steps = document.querySelectorAll("[data-step]");
const PAUSE = 90; // milliseconds without a movement, so that a drag asks once
let wanted = 0; // the last moment that was asked for
let timer = null;

function urlOf(number) {
  const url = new URL(location.href);
  url.searchParams.set("after", number);
  url.hash = "";
  return url;
}

// Parts of the page as it would be at another moment take the place of what they were.
function put(page, selector) {
  const [now, then] = [document.querySelector(selector), page.querySelector(selector)];
  if (!now || !then) return;
  localize(then);
  now.replaceChildren(...then.childNodes);
}

function follow(page) {
  const cursors = document.querySelectorAll(".cursor");
  page.querySelectorAll(".cursor").forEach((cursor, index) => {
    cursors[index].setAttribute("d", cursor.getAttribute("d"));
    cursors[index].removeAttribute("visibility");
  });
  for (const step of page.querySelectorAll("[data-step]")) {
    const here = document.querySelector(`[data-step=${step.dataset.step}]`);
    here.href = step.getAttribute("href");
    here.toggleAttribute("aria-disabled", step.hasAttribute("aria-disabled"));
    if (step.hasAttribute("aria-disabled")) here.setAttribute("aria-disabled", "true");
  }
}

function highlight(number, page) {
  document.querySelector(".timeline [aria-current]")?.removeAttribute("aria-current");
  let line = document.querySelector(`.timeline [data-number="${number}"]`);
  if (!line) put(page, "#list");
  line ??= document.querySelector(`.timeline [data-number="${number}"]`);
  line?.setAttribute("aria-current", "step");
  if (matchMedia("(min-width: 66rem)").matches) line?.scrollIntoView({ block: "nearest" });
}

// The page as it would be at that moment; nothing when another one has been asked for since.
async function pageOf(number) {
  wanted = number;
  try {
    const response = await fetch(urlOf(number));
    const text = await response.text();
    if (!response.ok) throw new Error(response.statusText);
    return wanted === number ? new DOMParser().parseFromString(text, "text/html") : null;
  } catch {
    location.assign(urlOf(number)); // a page of its own says what is wrong
    return null;
  }
}

async function show(number) {
  const page = await pageOf(number);
  if (!page) return;
  put(page, "#state");
  put(page, "#moment-words");
  follow(page);
  highlight(number, page);
  slider.value = number;
  slider.setAttribute("aria-valuetext", `event ${number} of ${slider.max}`);
  history.replaceState(null, "", urlOf(number));
}

slider.addEventListener("input", () => {
  slider.setAttribute("aria-valuetext", `event ${slider.value} of ${slider.max}`);
  clearTimeout(timer);
  timer = setTimeout(() => show(Number(slider.value)), PAUSE);
});

for (const step of steps) {
  step.addEventListener("click", (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    if (!step.hasAttribute("aria-disabled")) show(Number(new URL(step.href).searchParams.get("after")));
  });
}
document.querySelector("#replay .show").hidden = true;
