// Says every moment in the reader's own zone and language. The server has said it in UTC.
"use strict";

const CLOCKS = {
  "": { dateStyle: "medium", timeStyle: "medium" },
  day: { dateStyle: "medium" },
  date: { day: "numeric", month: "short" },
  minute: { hour: "2-digit", minute: "2-digit" },
  second: { hour: "2-digit", minute: "2-digit", second: "2-digit" },
};

function said(iso, style = "") {
  return new Date(iso).toLocaleString(undefined, CLOCKS[style]);
}

function localize(root) {
  for (const time of root.querySelectorAll("time[datetime]:not([title])")) {
    time.title = time.textContent;
    time.textContent = said(time.dateTime, time.dataset.style);
  }
  for (const title of root.querySelectorAll("title[data-at]")) {
    const { at, until } = title.dataset;
    const words = title.textContent.slice(0, title.textContent.lastIndexOf(" · "));
    title.textContent = `${words} · ${said(at)}${until ? ` – ${said(until)}` : ""}`;
  }
  for (const label of root.querySelectorAll("text[data-at]")) {
    label.textContent = said(label.dataset.at, label.dataset.style);
  }
}

// What a filter is asked for is UTC; what is shown and typed is the reader's own time.
function local(input) {
  if (!input.value) return;
  const moment = new Date(`${input.value}Z`);
  const shifted = new Date(moment.getTime() - moment.getTimezoneOffset() * 60000);
  input.value = shifted.toISOString().slice(0, 19);
}

for (const form of document.querySelectorAll(".filters")) {
  const moments = form.querySelectorAll("input[type=datetime-local]");
  moments.forEach(local);
  form.querySelectorAll(".zone").forEach((zone) => zone.remove());
  form.addEventListener("formdata", (event) => {
    for (const input of moments) {
      if (input.value) event.formData.set(input.name, new Date(input.value).toISOString());
    }
    for (const name of [...event.formData.keys()]) {
      if (!event.formData.get(name)) event.formData.delete(name);
    }
  });
}
localize(document);
