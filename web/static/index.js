// The list of files: what is open, what is being saved, which versions there are.
"use strict";

const body = document.getElementById("files");
const { query, listing } = body.dataset;
const STATES = { open: "open", editing: "being edited", saving: "saving…", closed: "closed", failed: "not saved!" };
const NEWS_SECONDS = 3;
const BURST_SECONDS = 0.2;
const PAUSE_SECONDS = 1; // between two looks at a list in which much happens
const MANY = 5; // rows to be looked at one by one

function size(bytes) {
  const units = ["B", "KB", "MB", "GB"];
  let unit = 0;
  while (bytes >= 1000 && unit < units.length - 1) { bytes /= 1000; unit += 1; }
  return `${unit ? bytes.toFixed(1) : bytes} ${units[unit]}`;
}

function when(iso) {
  return iso ? new Date(iso).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" }) : "";
}

function rowOf(id) {
  return body.querySelector(`tr[data-id="${CSS.escape(id)}"]`);
}

function nameOf(row) {
  return row.querySelector("th").textContent.trim();
}

function tell(row, state, text, title) {
  const cell = row.querySelector(".state");
  cell.dataset.state = state;
  cell.textContent = text;
  cell.title = title;
}

// What a row is, unless there are news of it to be read first.
function show(row, file) {
  const state = file.trouble ? "failed" : file.state;
  const who = file.users.map((user) => user.name).join(", ");
  const was = row.querySelector(".state").dataset.state;
  if (state === "failed" && was !== "failed") announce(`${nameOf(row)}: not saved! ${file.trouble}`);
  row.settle = () => tell(row, state, STATES[state] + (who ? ` by ${who}` : ""), file.trouble || "");
  if (!row.news || state === "failed") row.settle();
  row.querySelector(".version").textContent = file.version;
  row.querySelector(".size").textContent = size(file.size);
  row.querySelector(".changed").textContent = when(file.changed);
}

async function refresh() {
  const response = await fetch(`/api/files${listing}`);
  if (!response.ok) return;
  const { files, next } = await response.json();
  if (files.some((file) => !rowOf(file.id))) await render();
  const listed = new Map(files.map((file) => [file.id, file]));
  for (const row of body.querySelectorAll("tr[data-id]")) {
    const file = listed.get(row.dataset.id);
    if (file) show(row, file);
    else if (!next || row.dataset.id > next) row.remove(); // deleted, or no longer shared; not just further down
  }
}

function restoring(row, version) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Restore";
  button.setAttribute("aria-label", `Restore version ${version.number}`);
  button.addEventListener("click", () => restore(row, version.number));
  return button;
}

function described(version) {
  const beside = version.head ? "" : " (beside the head)";
  const of = version.restored ? ` of v${version.restored}` : "";
  const by = version.author.name ? ` by ${version.author.name}` : "";
  return ` ${version.trigger}${of}${beside}${by}, ${size(version.size)}, ${when(version.created)} `;
}

async function versions(row) {
  const list = row.querySelector(".versions");
  const response = await fetch(`/api/files/${row.dataset.id}/versions${query}`);
  if (!response.ok) return;
  const current = Number(row.querySelector(".version").textContent);
  const items = (await response.json()).versions.reverse().map((version) => {
    const link = document.createElement("a");
    link.href = `/api/files/${row.dataset.id}/versions/${version.number}/content${query}`;
    link.textContent = `v${version.number}`;
    const item = document.createElement("li");
    item.append(link, described(version));
    if (row.dataset.access === "edit" && version.number !== current) item.append(restoring(row, version));
    return item;
  });
  list.replaceChildren(...items);
}

async function restore(row, number) {
  if (!confirm(`Make version ${number} of ${nameOf(row)} the current one again? Every version stays.`)) return;
  const url = `/api/files/${row.dataset.id}/versions/${number}/restore${query}`;
  try {
    const response = await fetch(url, { method: "POST" });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.message);
    show(row, answer);
  } catch (error) {
    alert(`Version ${number} was not restored: ${error.message}`);
  }
  await versions(row);
  row.querySelector("summary").focus(); // the button that had the focus is gone
}

body.addEventListener("toggle", (event) => {
  if (event.target.open) versions(event.target.closest("tr"));
}, true);

document.getElementById("upload").addEventListener("submit", async (event) => {
  event.preventDefault();
  const status = document.getElementById("upload-status");
  status.textContent = "Uploading…";
  try {
    const response = await fetch(`/api/files${query}`, { method: "POST", body: new FormData(event.target) });
    if (response.ok) { location.reload(); return; }
    status.textContent = (await response.json()).message;
  } catch (error) {
    status.textContent = `The upload failed: ${error.message}`;
  }
});

// -- what happens meanwhile ----------------------------------------------------------------------------

const SAVED = ["Forcesaved", "Saved", "VersionAdded"];
const RENDERED = ["Added", "Renamed", "Shared", "Reinstated"]; // what only the server writes into a row
const SEEN = ["Opened", "Reopened", "Joined", "Left", "SaveOffered", "Errored", "Resumed", "Closed", "Removed"];

// A screen reader says what becomes of people's work, and not who comes and goes.
const spoken = document.createElement("p");
spoken.className = "hidden";
spoken.setAttribute("role", "status");
body.closest("main").append(spoken);

function announce(text) {
  spoken.textContent = text;
}

function flash(row, state, text) {
  clearTimeout(row.news);
  tell(row, state, text, "");
  row.news = setTimeout(() => { row.news = null; if (row.settle) row.settle(); }, NEWS_SECONDS * 1000);
}

function saved(row, { version, number, head }) {
  const stored = version ?? number;
  if (row.stored >= stored) return; // a save is a fact of its session, and one of its file
  row.stored = stored;
  const text = head ? `saved v${stored}` : `v${stored} kept beside`;
  flash(row, "saved", text);
  announce(`${nameOf(row)}: ${text}`);
}

const stale = new Set(); // files whose row is to be looked at again
let rendering = false;
let flushing = null;
let flushed = 0;

function heard(fact) {
  const row = rowOf(fact.file);
  if (RENDERED.includes(fact.type)) rendering = true;
  else if (!row) return; // on another page of the list
  if (row && fact.type === "Removed") { row.remove(); return; }
  if (row && fact.type === "SaveOffered") tell(row, "saving", STATES.saving, "");
  if (row && SAVED.includes(fact.type)) saved(row, fact.data);
  stale.add(fact.file);
  const pause = Date.now() - flushed < PAUSE_SECONDS * 1000 ? PAUSE_SECONDS : BURST_SECONDS;
  flushing ??= setTimeout(() => quietly(flush), pause * 1000);
}

async function flush() {
  try {
    if (rendering) { rendering = false; await render(); }
    const files = [...stale];
    stale.clear();
    if (files.length > MANY) await refresh();
    else await Promise.all(files.map(refreshRow));
  } finally {
    flushed = Date.now();
    flushing = null;
  }
}

async function refreshRow(id) {
  const row = rowOf(id);
  if (!row) return;
  const response = await fetch(`/api/files/${id}${query}`);
  if (response.ok) show(row, await response.json());
  if (response.status === 403 || response.status === 404) row.remove();
  if (response.ok && row.querySelector("details").open) await versions(row);
}

// The server's own page has the rows that are new, and what people call the others by now.
async function render() {
  const response = await fetch(location.pathname + location.search);
  if (!response.ok) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html").getElementById("files");
  let before = null;
  for (const theirs of [...fresh.querySelectorAll("tr[data-id]")].reverse()) {
    const ours = rowOf(theirs.dataset.id);
    if (ours) {
      if (ours.dataset.access !== theirs.dataset.access) ours.cells[5].replaceWith(theirs.cells[5]);
      ours.dataset.access = theirs.dataset.access;
      if (nameOf(ours) !== nameOf(theirs)) ours.querySelector("th").replaceWith(theirs.querySelector("th"));
      before = ours;
    } else {
      body.insertBefore(theirs, before);
      announce(`${nameOf(theirs)} was added.`);
      stale.add(theirs.dataset.id);
      before = theirs;
    }
  }
  for (const row of body.querySelectorAll("tr:not([data-id])")) if (before) row.remove(); // that there are none yet
}

// What cannot be reached now is looked at again soon.
function quietly(work) {
  work().catch(() => {});
}

live({
  query,
  types: [...SAVED, ...RENDERED, ...SEEN],
  heard,
  look: () => quietly(refresh),
  quickSeconds: 5,
  slowSeconds: 60,
});
quietly(refresh);
