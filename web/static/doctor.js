// Says that the doctor is looking, since an examination takes its time.
"use strict";

document.getElementById("examine").addEventListener("submit", (event) => {
  event.target.querySelector("button").disabled = true;
  document.getElementById("examined").textContent = "Looking at everything…";
});
