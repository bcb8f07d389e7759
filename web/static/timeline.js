// Keeps a page of the log up to date while it is looked at.
"use strict";

const list = document.getElementById("list");
const news = document.getElementById("news");
const TOGETHER = 400; // milliseconds, for facts that come together
const PARTS = ["#facts", "#picture", "#versions-now", "#submissions-now", "#there-now", "#sessions-now", "#state", "#moment-words", "#list"];
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

function look() {
  due ??= setTimeout(refresh, TOGETHER);
}

function heard(fact) {
  if (!ASIDE.has(fact.type)) told.push(fact.text);
  look();
}

if (list.dataset.live) {
  const { live: query, types } = list.dataset;
  live({ query, types: types.split(" "), heard, look, quickSeconds: 10, slowSeconds: 300 });
}
