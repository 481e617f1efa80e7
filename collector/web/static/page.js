"use strict";
// What follows # never reaches the server by itself: it is put into the form and taken from the address.
for (const form of document.querySelectorAll("form[data-from-fragment]")) {
  const code = location.hash.slice(1);
  if (code) {
    form.elements[form.dataset.fromFragment].value = code;
    history.replaceState(null, "", location.pathname);
    form.requestSubmit();
  }
}

const live = document.getElementById("live");
if (live) {
  const source = new EventSource("/api/v1/events");
  const show = (one) => {
    const row = one.site ? null : document.querySelector(`tr[data-system="${CSS.escape(one.system)}"]`);
    if (!row) return;
    const state = row.querySelector("[data-state]");
    const name = one.state.replace("_", " ");
    if (state.dataset.state !== one.state) live.textContent = `${row.cells[0].textContent} is ${name}.`;
    state.dataset.state = one.state;
    state.textContent = name;
    row.querySelector("[data-since]").textContent = (one.since || "-").replace("T", " ").slice(0, 16);
  };
  source.addEventListener("snapshot", (event) => JSON.parse(event.data).states.forEach(show));
  source.addEventListener("state", (event) => show(JSON.parse(event.data)));
  source.addEventListener("incident", () => {
    document.getElementById("changed").textContent = "An incident has changed since: load the page again to see it.";
  });
  source.addEventListener("error", () => { live.textContent = "Not live: the connection is lost and tried again."; });
}
