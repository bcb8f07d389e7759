// The list of files: what is open, what is being saved, which versions there are.
"use strict";

const body = document.getElementById("files");
const { query, listing } = body.dataset;
const STATES = { open: "open", editing: "being edited", saving: "saving…", closed: "closed", failed: "not saved!" };

function size(bytes) {
  const units = ["B", "KB", "MB", "GB"];
  let unit = 0;
  while (bytes >= 1000 && unit < units.length - 1) { bytes /= 1000; unit += 1; }
  return `${unit ? bytes.toFixed(1) : bytes} ${units[unit]}`;
}

function when(iso) {
  return iso ? new Date(iso).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" }) : "";
}

function show(row, file) {
  const state = file.trouble ? "failed" : file.state;
  const cell = row.querySelector(".state");
  const who = file.users.map((user) => user.name).join(", ");
  cell.dataset.state = state;
  cell.textContent = STATES[state] + (who ? ` by ${who}` : "");
  cell.title = file.trouble || "";
  row.querySelector(".version").textContent = file.version;
  row.querySelector(".size").textContent = size(file.size);
  row.querySelector(".changed").textContent = when(file.changed);
}

async function refresh() {
  const response = await fetch(`/api/files${listing}`);
  if (!response.ok) return;
  const { files } = await response.json();
  for (const file of files) {
    const row = body.querySelector(`tr[data-id="${CSS.escape(file.id)}"]`);
    if (row) show(row, file);
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
  const name = row.querySelector("th").textContent.trim();
  if (!confirm(`Make version ${number} of ${name} the current one again? Every version stays.`)) return;
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

refresh();
setInterval(() => { if (!document.hidden) refresh(); }, 3000);
