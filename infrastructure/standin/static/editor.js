// The editor page of the stand-in: a text area that a server keeps in step with everybody else's.
"use strict";

(function () {
  const RECONNECT = 1000; // milliseconds
  const element = (id) => document.getElementById(id);
  const area = element("text");
  const parentOrigin = new URLSearchParams(window.location.search).get("parentOrigin") || "*";

  let config = null;
  let handled = [];
  let socket = null;
  let over = false; // nothing more will come: refused, outdated or destroyed
  let ready = false;
  let everChanged = false;
  let epoch = null;
  let ground = { text: "", number: 0 }; // what the server knows this page to have
  let flying = 0; // texts sent and not yet acknowledged
  let certain = ""; // what the server had for sure before those
  let panel = null; // the version history, while it is open

  function raise(event, data) {
    if (window.parent !== window) window.parent.postMessage({ standin: true, event, data }, parentOrigin);
  }

  function say(text) {
    element("status").textContent = text;
  }

  // The real server's texts carry line breaks as markup; here nothing is ever parsed as HTML.
  const asText = (text) => text.replaceAll("<br>", "\n");

  function show(title, text, after) {
    const dialog = element("dialog");
    element("dialog-title").textContent = title;
    element("dialog-text").textContent = asText(text);
    dialog.onclose = after || null;
    if (!dialog.open) dialog.showModal();
  }

  function send(message) {
    if (socket && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
  }

  function setText(text) {
    if (text === area.value) return;
    const before = area.value;
    const [start, end, scroll] = [area.selectionStart, area.selectionEnd, area.scrollTop];
    area.value = text;
    area.setSelectionRange(moved(start, before, text), moved(end, before, text));
    area.scrollTop = scroll;
  }

  // While a text is under way the next waits, unless there is no time: the server knows what we sent last.
  function offer(atOnce) {
    const text = area.value;
    if (!ready || area.readOnly || text === ground.text || (flying && !atOnce)) return;
    send({ type: "text", text, ground: flying ? null : ground.number });
    ground = { text, number: null };
    flying += 1;
  }

  function adopt(text, number) {
    const merged = merge(ground.text, area.value, text);
    ground = { text, number };
    certain = text;
    setText(merged);
    offer(false);
  }

  function opened(message) {
    const again = ready;
    const editable = message.mode === "edit";
    // Nobody knows whether the server got what was under way: rather twice than not at all.
    if (flying && message.text !== ground.text) ground.text = certain;
    ready = true;
    flying = 0;
    if (message.token) config.token = message.token;
    area.hidden = message.text === null;
    area.disabled = false;
    area.readOnly = !editable;
    area.placeholder = "";
    element("save").disabled = !editable;
    element("history").disabled = false;
    element("copy").disabled = false;
    element("submit").hidden = !message.filling;
    if (message.text === null) {
      const kind = (config.document.fileType || "unknown").toUpperCase();
      element("unreadable").textContent = `${kind} file, ${message.size} bytes.\nThe stand-in cannot edit this type.`;
      element("unreadable").hidden = false;
    } else if (again && everChanged && message.epoch !== epoch) {
      // The server lost its memory; what was typed here is all there is.
      ground = { text: message.text, number: message.number };
      offer(false);
    } else if (again) {
      adopt(message.text, message.number);
    } else {
      ground = { text: message.text, number: message.number };
      certain = message.text;
      area.value = message.text;
      area.setSelectionRange(0, 0);
    }
    epoch = message.epoch;
    say(RIGHTS[message.rights]);
    if (!again) {
      raise("onInfo", { mode: message.mode });
      raise("onDocumentReady");
      if (editable) area.focus();
    }
  }

  function acknowledged(message) {
    flying -= 1;
    if (flying) return;
    adopt(message.text === undefined ? ground.text : message.text, message.number);
    if (!flying) {
      say("All changes saved");
      raise("onDocumentStateChange", false);
    }
  }

  function outdated() {
    over = true;
    if (handled.includes("onRequestRefreshFile")) {
      raise("onRequestRefreshFile");
      return;
    }
    const text = "The file version has been changed. The page will be reloaded.";
    show("Version changed", text, () => raise("outdatedAccepted"));
  }

  function failed(message) {
    over = true;
    area.disabled = true;
    area.placeholder = "";
    element("save").disabled = true;
    say("Error");
    raise("onError", { errorCode: message.code, errorDescription: message.text });
    show("Error", message.text);
  }

  function lockUp(text) {
    area.readOnly = true;
    element("save").disabled = true;
    say("Opened for viewing");
    show("Warning", text);
  }

  const heeds = {
    opened,
    ack: acknowledged,
    text: (message) => flying || adopt(message.text, message.number),
    users: (message) => {
      const items = message.users.map((user) => {
        const item = document.createElement("li");
        item.textContent = user.name;
        return item;
      });
      element("users").replaceChildren(...items);
    },
    saved: () => say("Saved to storage"),
    copy: (message) => raise("onRequestSaveAs", message.data),
    warning: (message) => {
      raise("onWarning", { warningCode: message.code, warningDescription: message.text });
      show("Warning", message.text);
    },
    error: failed,
    outdated,
    dropped: () => lockUp("The file cannot be accessed right now."),
    meta: (message) => {
      element("title").textContent = message.title;
      raise("onMetaChange", { title: message.title });
    },
    ping: () => send({ type: "pong" }),
  };

  function connect() {
    const url = new URL("../../../../standin/socket", window.location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    url.search = "";
    const own = new WebSocket(url);
    socket = own;
    own.onopen = () => send(config);
    own.onmessage = (event) => {
      const message = JSON.parse(event.data);
      if (own === socket && Object.hasOwn(heeds, message.type)) heeds[message.type](message);
    };
    own.onclose = () => {
      if (own !== socket || over) return;
      area.disabled = true;
      say("Connection is lost. Trying again…");
      window.setTimeout(() => own === socket && connect(), RECONNECT);
    };
  }

  // Like the real editor: whoever looks at old versions has left the editing.
  function openHistory() {
    offer(true);
    over = true;
    socket.close();
    element("users").replaceChildren();
    area.readOnly = true;
    element("save").disabled = element("history").disabled = element("copy").disabled = true;
    element("submit").hidden = true;
    panel = historyPanel(raise, (name) => handled.includes(name), (text, trouble) => {
      area.hidden = false;
      element("unreadable").hidden = true;
      area.value = text;
      say(trouble ? asText(trouble) : "An old version, for viewing");
    });
    raise("onRequestHistory");
  }

  function start(given) {
    config = given;
    panel = null;
    element("versions").hidden = true;
    element("history").disabled = element("copy").disabled = true;
    element("submit").hidden = true;
    handled = given.handled || handled;
    over = ready = everChanged = false;
    flying = 0;
    config.document = config.document || {};
    config.editorConfig = { customization: {}, ...config.editorConfig };
    const { customization } = config.editorConfig;
    header(raise, handled, config);
    element("history").hidden = !handled.includes("onRequestHistory");
    element("copy").hidden = !handled.includes("onRequestSaveAs");
    element("close").hidden = !(customization.close && handled.includes("onRequestClose"));
    const theme = /dark|night/.test(customization.uiTheme || "") ? "dark" : /light|white/.test(customization.uiTheme || "") ? "light" : "";
    if (theme) document.documentElement.dataset.theme = theme;
    element("dialog").onclose = null;
    element("dialog").close();
    connect();
  }

  function save() {
    if (!ready || area.readOnly) return;
    offer(true);
    send({ type: "save" });
  }

  // Real forms tell each of their fields; here they are who sends it and what it says.
  function submit() {
    const user = (config.editorConfig || {}).user || {};
    const fields = [{ key: "Name", type: "text", value: user.name || "" }];
    if (!area.hidden) fields.push({ key: "Text", type: "text", value: area.value });
    offer(true);
    send({ type: "submit", data: fields });
  }

  window.addEventListener("message", (message) => {
    if (message.source !== window.parent || (parentOrigin !== "*" && message.origin !== parentOrigin)) return;
    const { standin, command, data } = message.data || {};
    if (!standin) return;
    if (command === "init" && !config) start(data);
    if (command === "refreshFile") {
      const old = socket;
      socket = null;
      if (old) old.close();
      start(data);
    }
    if (command === "refreshHistory" && panel) panel.refresh(data);
    if (command === "setHistoryData" && panel) panel.receive(data);
    if (command === "showMessage") show("Message", data);
    if (command === "denyEditingRights") lockUp(data || "You do not have the rights to edit this file.");
  });

  area.addEventListener("input", () => {
    everChanged = true;
    say("Saving…");
    raise("onDocumentStateChange", true);
    offer(false);
  });
  element("save").addEventListener("click", save);
  element("copy").addEventListener("click", () => { offer(true); send({ type: "save as" }); });
  element("submit").addEventListener("click", submit);
  element("history").addEventListener("click", openHistory);
  element("close").addEventListener("click", () => raise("onRequestClose"));
  window.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "s") {
      event.preventDefault();
      save();
    }
  });
  window.addEventListener("pagehide", () => offer(true));
  raise("onAppReady");
})();
