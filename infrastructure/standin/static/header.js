// The header: what leads back to the integrator, and what the page may do.
"use strict";

const RIGHTS = {
  edit: "Ready",
  review: "Ready. You review: what you type would be a suggestion",
  comment: "Opened for comments, which the stand-in does not have",
  fill: "Opened to be filled in, which the stand-in cannot do",
  view: "Opened for viewing",
};

// `raise` speaks to the integrator, whose page handles the events in `handled`.
function header(raise, handled, config) {
  const element = (id) => document.getElementById(id);
  const { title = "Document" } = config.document;
  const { goback } = config.editorConfig.customization;
  const renaming = element("renaming");

  element("back").hidden = !goback;
  if (goback) {
    element("back").href = goback.url;
    element("back").target = goback.blank === false ? "_parent" : "_blank";
  }
  element("share").hidden = !handled.includes("onRequestSharingSettings");
  element("share").onclick = () => raise("onRequestSharingSettings");
  element("rename").hidden = !handled.includes("onRequestRename");
  element("rename").onclick = () => {
    renaming.returnValue = "";
    element("new-name").value = withoutExtension(element("title").textContent);
    renaming.showModal();
  };
  renaming.onclose = () => {
    if (renaming.returnValue === "rename") raise("onRequestRename", element("new-name").value);
  };
  element("title").textContent = title;
}

function withoutExtension(title) {
  const dot = title.lastIndexOf(".");
  return dot > 0 ? title.slice(0, dot) : title;
}
