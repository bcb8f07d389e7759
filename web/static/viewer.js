// Shows the editor and its history, goes on with a fresh configuration when the document has moved on
// without it, and tells when a save failed.
"use strict";

const self_ = document.currentScript.dataset;
let configuration = JSON.parse(document.getElementById("configuration").textContent);
let editor = null;
let inHistory = false;
let listed = 0; // the newest version that the history shows
let refreshing = false;
let settled = null; // the key that a fresh configuration did not change: asking again would not help

const NEWS_SECONDS = 20;
const BURST_SECONDS = 0.3;
const REPLACED = "The file was replaced; this is the new version.";
const AGAIN = "What you typed is kept. Reload this page to open the document again, as far as you may.";
const CONFLICT = "The file was changed outside this editor. What is typed here is kept as a separate version.";

// What there is to say, by who says it.
const said = new Map();

function notify(who, text) {
  said.delete(who);
  if (text) said.set(who, text);
  const notice = document.getElementById("notice");
  const all = [...said.values()].join(" ");
  if (notice.textContent !== all) notice.textContent = all; // a reader of screens hears it once
  notice.dataset.kind = said.size === 1 && said.has("news") ? "news" : "trouble";
  notice.hidden = !all;
}

function announce(who, text) {
  notify(who, text);
  setTimeout(() => { if (said.get(who) === text) notify(who, ""); }, NEWS_SECONDS * 1000);
}

function pause(seconds) {
  return new Promise((resolve) => { setTimeout(resolve, seconds * 1000); });
}

async function asked(path, options) {
  const response = await fetch(path + self_.query, options);
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.message);
  return answer;
}

// The server knows a newer version of the document: ask until the last save is safe, then go on with it.
async function freshConfiguration() {
  const url = `/api/onlyoffice/config/${self_.file}${location.search}`; // asked for as this page was
  for (let attempt = 0; attempt < 30; attempt += 1) {
    const response = await fetch(url);
    if (response.ok) return response.json();
    if (response.status !== 503) throw new Error((await response.json()).message);
    await pause(Number(response.headers.get("Retry-After")) || 2);
  }
  throw new Error("The last changes are still being saved. Reload this page in a while.");
}

function settings() {
  return { ...configuration.config, token: configuration.token, width: "100%", height: "100%", events: events() };
}

function reopen() {
  editor.destroyEditor();
  openEditor();
}

// Whether the page has gone on with a fresh configuration; `show` puts it into the editor.
async function refresh(show) {
  if (refreshing) return false;
  refreshing = true;
  const key = configuration.config.document.key;
  try {
    configuration = await freshConfiguration();
    settled = configuration.config.document.key === key ? key : null;
    inHistory = false;
    show();
    return true;
  } catch (error) {
    notify("editor", error.message);
    return false;
  } finally {
    refreshing = false;
  }
}

function goOn() {
  return refresh(() => (editor.refreshFile ? editor.refreshFile(settings()) : reopen()));
}

async function showHistory() {
  listed = Infinity; // until the answer says which
  try {
    const answer = await asked(`/api/files/${self_.file}/history`);
    listed = Math.max(0, ...answer.history.map((entry) => entry.version));
    editor.refreshHistory(answer);
  } catch (error) {
    listed = 0;
    editor.refreshHistory({ error: error.message });
  }
}

async function showVersion(number) {
  try {
    editor.setHistoryData(await asked(`/api/files/${self_.file}/history/${number}`));
  } catch (error) {
    editor.setHistoryData({ error: error.message, version: number });
  }
}

async function restore(number) {
  notify("news", `Restoring version ${number}…`); // after what is typed has been saved, which takes seconds
  try {
    await asked(`/api/files/${self_.file}/versions/${number}/restore`, { method: "POST" });
    announce("news", `Version ${number} is the current one again.`);
  } catch (error) {
    notify("news", "");
    announce("restore", error.message);
  }
  await showHistory();
}

// The editor gives the name as people see it, without what says which type it is.
async function rename(stem) {
  const { title } = configuration.config.document;
  const extension = title.slice(title.lastIndexOf("."));
  const name = stem.toLowerCase().endsWith(extension.toLowerCase()) ? stem : stem + extension;
  const headers = { "Content-Type": "application/json" };
  try {
    await asked(`/api/files/${self_.file}`, { method: "PATCH", headers, body: JSON.stringify({ name }) });
  } catch (error) {
    announce("rename", error.message);
  }
}

// A copy of what the editor shows, into the files of whoever asks for it.
async function saveAs({ fileType, title, url }) {
  try {
    const headers = { "Content-Type": "application/json" };
    const body = JSON.stringify({ file: self_.file, filetype: fileType, title, url });
    const copy = await asked("/api/onlyoffice/save-as", { method: "POST", headers, body });
    announce("news", `Saved as ${copy.name}, a new file of yours.`);
  } catch (error) {
    announce("copy", `No copy was saved. ${error.message}`);
  }
}

function events() {
  const handlers = {
    onRequestRefreshFile: goOn,
    onOutdatedVersion: () => location.reload(),
    onError: (event) => notify("editor", event.data.errorDescription || `The editor reports error ${event.data.errorCode}.`),
    onWarning: (event) => notify("editor", event.data.warningDescription || `The editor warns (${event.data.warningCode}).`),
    onRequestSaveAs: (event) => saveAs(event.data),
    onRequestHistory: () => { inHistory = true; showHistory(); },
    onRequestHistoryData: (event) => showVersion(event.data),
    // The editor has left the session to show the history: it takes a new one to come back.
    onRequestHistoryClose: () => refresh(reopen),
    onMetaChange: (event) => { document.title = `${event.data.title} – Docledger`; },
  };
  if (configuration.config.document.permissions.edit) {
    handlers.onRequestRestore = (event) => restore(event.data.version);
    handlers.onRequestRename = (event) => rename(event.data);
  }
  if (self_.sharing) handlers.onRequestSharingSettings = () => window.open(self_.sharing, "_blank", "noopener");
  return handlers;
}

function openEditor() {
  editor = new DocsAPI.DocEditor("editor", settings());
}

// What Docledger itself has stored, which is the only thing that counts.
async function status() {
  const key = configuration.config.document.key;
  const response = await fetch(`/api/documents/${key}${self_.query}`);
  const state = await response.json();
  if (response.status === 403) notify("share", state.message);
  if (!response.ok) return;
  if (key !== configuration.config.document.key) return; // the page has gone on meanwhile
  const line = document.getElementById("status");
  line.textContent = state.saved
    ? `Docledger has stored version ${state.saved_version} at ${new Date(state.saved).toLocaleTimeString()}.`
    : "Nothing has been stored from this session yet.";
  notify("reach", "");
  notify("share", "");
  notify("editor", "");
  notify("save", state.trouble ? `Your last changes are not saved: ${state.trouble}` : "");
  notify("conflict", state.conflict && !inHistory ? CONFLICT : "");
  if (inHistory && state.saved_version > listed) await showHistory(); // with what was typed before it was opened
  if (state.outdated && !inHistory && settled !== key && await goOn()) announce("news", REPLACED);
}

let asking = null;

function heard(fact) {
  const me = configuration.config.editorConfig.user.id;
  if (fact.type === "Removed") notify("access", `${fact.text} What was typed is kept.`);
  if (fact.type === "SentOut" && fact.data.user === me) notify("access", `${fact.text} ${AGAIN}`);
  soon();
}

// Of a burst of facts the last state counts; and while it is asked for, something else may happen.
function soon() {
  asking ??= setTimeout(async () => {
    asking = null;
    try {
      await status();
    } catch {
      notify("reach", "Docledger cannot be reached.");
    }
  }, BURST_SECONDS * 1000);
}

if (typeof DocsAPI === "undefined") {
  notify("editor", "The editor could not be loaded: this browser does not reach the Document Server.");
} else {
  openEditor();
  const separator = self_.query ? "&" : "?";
  live({
    query: `${self_.query}${separator}file=${self_.file}`,
    types: ["Opened", "SentOut", "SaveOffered", "Forcesaved", "Saved", "Closed", "Reopened", "Errored", "Resumed", "Reloaded", "VersionAdded", "Shared", "Removed"],
    heard,
    look: soon,
    quickSeconds: 3,
    slowSeconds: 15,
  });
}
