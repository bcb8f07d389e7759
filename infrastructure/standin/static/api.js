// DocsAPI of the stand-in Document Server: puts the editor's iframe into the page and speaks with it.
"use strict";

window.DocsAPI = window.DocsAPI || {};

window.DocsAPI.DocEditor = (function () {
  const VERSION = "9.3.0";
  const script = document.currentScript;

  function editorUrl() {
    const url = new URL("../standin/editor.html", script.src);
    url.searchParams.set("parentOrigin", window.location.origin);
    return url;
  }

  function DocEditor(placeholderId, config) {
    const placeholder = document.getElementById(placeholderId);
    if (!placeholder) throw new Error("DocEditor: no element with the id " + placeholderId);
    const given = config || {};
    const events = given.events || {};
    const url = editorUrl();
    const frame = document.createElement("iframe");
    const editor = {};

    frame.src = url.href;
    frame.title = "Document editor";
    frame.name = "frameEditor";
    frame.id = placeholderId;
    frame.width = given.width || "100%";
    frame.height = given.height || "100%";
    frame.style.border = "0";
    frame.allow = "clipboard-read; clipboard-write; fullscreen";

    function plain(value) {
      // Functions cannot be posted; only their names matter to the editor.
      const { events: handlers, ...rest } = value;
      const handled = Object.keys(handlers || events).filter((name) => typeof (handlers || events)[name] === "function");
      return { ...JSON.parse(JSON.stringify(rest)), handled };
    }

    function post(command, data) {
      if (frame.contentWindow) frame.contentWindow.postMessage({ standin: true, command, data }, url.origin);
    }

    function raise(name, data) {
      if (typeof events[name] !== "function") return false;
      const event = { target: editor };
      if (data !== undefined) event.data = data;
      events[name].call(editor, event);
      return true;
    }

    function heed(message) {
      if (message.source !== frame.contentWindow || message.origin !== url.origin) return;
      const { standin, event, data } = message.data || {};
      if (!standin) return;
      if (event === "onAppReady") post("init", plain(given));
      if (event === "outdatedAccepted") {
        if (!raise("onOutdatedVersion")) window.location.reload();
        return;
      }
      raise(event, data);
    }

    window.addEventListener("message", heed);
    placeholder.replaceWith(frame);

    editor.destroyEditor = function () {
      window.removeEventListener("message", heed);
      const empty = document.createElement("div");
      empty.id = placeholderId;
      frame.replaceWith(empty);
    };
    editor.refreshFile = (fresh) => post("refreshFile", plain(fresh || {}));
    editor.showMessage = (text) => post("showMessage", String(text));
    editor.denyEditingRights = (text) => post("denyEditingRights", String(text || ""));
    editor.refreshHistory = (history) => post("refreshHistory", history);
    editor.setHistoryData = (version) => post("setHistoryData", version);
    editor.requestClose = () => raise("onRequestClose");
    return editor;
  }

  DocEditor.version = () => VERSION;
  return DocEditor;
})();
