// The slider over a session's events shows each moment without a new page.
"use strict";

const slider = document.getElementById("after");
const PAUSE = 90; // milliseconds without a movement, so that a drag asks once
let wanted = 0; // the last moment that was asked for
let timer = null;

function urlOf(number) {
  const url = new URL(location.href);
  url.searchParams.set("after", number);
  url.hash = "";
  return url;
}

// The slider, the steps and the lines in the pictures stand where they stand on that page.
function follow(page) {
  const there = page.getElementById("after");
  slider.max = there.max;
  slider.value = there.getAttribute("value");
  slider.setAttribute("aria-valuetext", there.getAttribute("aria-valuetext"));
  const cursors = document.querySelectorAll(".cursor");
  page.querySelectorAll(".cursor").forEach((cursor, index) => {
    cursors[index].setAttribute("d", cursor.getAttribute("d"));
    cursors[index].removeAttribute("visibility");
  });
  for (const step of page.querySelectorAll("[data-step]")) {
    const here = document.querySelector(`[data-step=${step.dataset.step}]`);
    here.href = step.getAttribute("href");
    if (step.hasAttribute("aria-disabled")) here.setAttribute("aria-disabled", "true");
    else here.removeAttribute("aria-disabled");
  }
}

function highlight(page, number) {
  const line = () => document.querySelector(`.timeline [data-number="${number}"]`);
  document.querySelector(".timeline [aria-current]")?.removeAttribute("aria-current");
  if (!line()) put(page, "#list");
  line()?.setAttribute("aria-current", "step");
  if (matchMedia("(min-width: 66rem)").matches) line()?.scrollIntoView({ block: "nearest" });
}

async function show(number) {
  wanted = number;
  try {
    const page = await pageOf(urlOf(number));
    if (wanted !== number) return;
    follow(page);
    put(page, "#state");
    put(page, "#moment-words");
    highlight(page, number);
    history.replaceState(null, "", urlOf(number));
  } catch {
    location.assign(urlOf(number)); // a page of its own says what is wrong
  }
}

slider.addEventListener("input", () => {
  slider.setAttribute("aria-valuetext", `event ${slider.value} of ${slider.max}`);
  clearTimeout(timer);
  timer = setTimeout(() => show(Number(slider.value)), PAUSE);
});

for (const step of document.querySelectorAll("[data-step]")) {
  step.addEventListener("click", (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    if (!step.hasAttribute("aria-disabled")) show(Number(new URL(step.href).searchParams.get("after")));
  });
}
document.querySelector("#replay .show").hidden = true;
