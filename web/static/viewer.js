// Shows the editor, gives it a new configuration when its key is outdated, and tells when a save failed.
"use strict";

const self_ = document.currentScript.dataset;
let configuration = JSON.parse(document.getElementById("configuration").textContent);
let editor = null;

function notify(text) {
  const notice = document.getElementById("notice");
  notice.textContent = text;
  notice.hidden = !text;
}

function pause(seconds) {
  return new Promise((resolve) => { setTimeout(resolve, seconds * 1000); });
}

// The server knows a newer version of the document: ask until the last save is safe, then go on with it.
async function freshConfiguration() {
  const separator = self_.query ? "&" : "?";
  const mode = new URLSearchParams(location.search).get("mode");
  const url = `/api/onlyoffice/config/${self_.file}${self_.query}${mode ? `${separator}mode=${mode}` : ""}`;
  for (let attempt = 0; attempt < 30; attempt += 1) {
    const response = await fetch(url);
    if (response.ok) return response.json();
    if (response.status !== 503) throw new Error((await response.json()).message);
    await pause(Number(response.headers.get("Retry-After")) || 2);
  }
  throw new Error("The last changes are still being saved. Reload this page in a while.");
}

function settings() {
  return { ...configuration.config, token: configuration.token, width: "100%", height: "100%", events };
}

async function refresh() {
  try {
    configuration = await freshConfiguration();
  } catch (error) {
    notify(error.message);
    return;
  }
  if (editor.refreshFile) {
    editor.refreshFile(settings());
  } else {
    editor.destroyEditor();
    open();
  }
}

const events = {
  onRequestRefreshFile: refresh,
  onOutdatedVersion: () => location.reload(),
  onError: (event) => notify(event.data.errorDescription || `The editor reports error ${event.data.errorCode}.`),
  onWarning: (event) => notify(event.data.warningDescription || `The editor warns (${event.data.warningCode}).`),
};

function open() {
  editor = new DocsAPI.DocEditor("editor", settings());
}

// What Docledger itself has stored, which is the only thing that counts.
async function status() {
  const key = configuration.config.document.key;
  const response = await fetch(`/api/documents/${key}${self_.query}`);
  if (!response.ok) return;
  const state = await response.json();
  const line = document.getElementById("status");
  line.textContent = state.saved
    ? `Docledger has stored version ${state.saved_version} at ${new Date(state.saved).toLocaleTimeString()}.`
    : "Nothing has been stored from this session yet.";
  notify(state.trouble ? `Your last changes are not saved: ${state.trouble}` : "");
}

if (typeof DocsAPI === "undefined") {
  notify("The editor could not be loaded: this browser does not reach the Document Server.");
} else {
  open();
  setInterval(() => { status().catch(() => notify("Docledger cannot be reached.")); }, 3000);
}
