// Keeps a page of the log up to date while it is looked at.
"use strict";

const list = document.getElementById("list");
const news = document.getElementById("news");
const TOGETHER = 400; // milliseconds, for facts that come together
const PARTS = ["#facts", "#picture", "#versions-now", "#sessions-now", "#state", "#moment-words", "#list"];
const ASIDE = new Set(["SaveOffered", "Replied", "VersionAdded"]); // seen in the list, and not announced
let told = []; // what has happened, in words
let due = null;

async function refresh() {
  due = null;
  const url = new URL(location.href);
  const after = document.getElementById("after");
  if (after && after.value === after.max) url.searchParams.delete("after"); // whoever is at the end stays there
  try {
    const page = await pageOf(url);
    PARTS.forEach((part) => put(page, part));
    if (after) follow(page);
    if (told.length) news.textContent = told.join(" ");
    told = [];
  } catch {
    // The next news will do.
  }
}

function heard(event) {
  if (!ASIDE.has(event.type)) told.push(JSON.parse(event.data).text);
  due ??= setTimeout(refresh, TOGETHER);
}

if (list.dataset.live) {
  const source = new EventSource(list.dataset.live);
  for (const type of list.dataset.types.split(" ")) source.addEventListener(type, heard);
}
