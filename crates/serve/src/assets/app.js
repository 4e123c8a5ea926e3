// Replaces the sections of a page by those that the server sends when they change, and filters rows. What did not change stays as it is:
// the focus, the place on the page, opened details, the boxes of the legend.
"use strict";
(() => {
  const byId = id => document.getElementById(id);
  const [filter, state, pause, connection, status] = ["filter", "state", "pause", "connection", "status"].map(byId);
  const kept = new Set(["open", "hidden", "tabindex"]); // Attributes that a reader changes.

  const sameKind = (one, other) => one.nodeType === other.nodeType && one.nodeName === other.nodeName;
  const update = (old, next) => {
    if (old.isEqualNode(next)) return;
    if (old.nodeType === Node.TEXT_NODE) { old.data = next.data; return; }
    if (old.nodeType !== Node.ELEMENT_NODE) { old.replaceWith(next); return; }
    for (const { name } of [...old.attributes]) if (!next.hasAttribute(name) && !kept.has(name)) old.removeAttribute(name);
    for (const { name, value } of next.attributes) if (old.getAttribute(name) !== value && !kept.has(name)) old.setAttribute(name, value);
    updateChildren(old, next);
  };
  const updateChildren = (old, next) => {
    const [have, want] = [[...old.childNodes], [...next.childNodes]];
    want.forEach((node, index) => {
      const found = have[index];
      if (!found) old.append(node);
      else if (sameKind(found, node)) update(found, node);
      else found.replaceWith(node);
    });
    have.slice(want.length).forEach(node => node.remove());
  };

  const applyFilter = () => {
    if (!filter) return; // The page of a run.
    const words = filter.value.trim().toLowerCase();
    for (const row of document.querySelectorAll("main tbody tr")) {
      const badges = [...row.querySelectorAll(".badge")].map(badge => badge.textContent);
      const isWanted = row.textContent.toLowerCase().includes(words) && (!state.value || badges.includes(state.value));
      row.hidden = !isWanted;
    }
  };
  filter?.addEventListener("input", applyFilter);
  state?.addEventListener("change", applyFilter);

  const say = (words, isLost) => {
    if (connection.textContent !== words) connection.textContent = words;
    connection.classList.toggle("lost", isLost);
  };
  let source = null;
  const close = () => { if (source) source.close(); source = null; };
  const open = () => {
    close();
    source = new EventSource(document.body.dataset.events);
    source.addEventListener("open", () => say("live", false));
    source.addEventListener("error", () => say("no connection: allconv serve has ended, or is busy", true));
    source.addEventListener("sections", event => {
      const { status: words, sections } = JSON.parse(event.data);
      if (status.textContent !== words) status.textContent = words;
      for (const [id, html] of Object.entries(sections)) {
        const old = byId(id);
        if (!old) continue;
        const next = document.createElement("section");
        next.id = id;
        next.innerHTML = html;
        update(old, next);
      }
      applyFilter();
    });
    source.addEventListener("gone", () => { close(); say("this run or study is no longer there", true); });
  };
  // Browsers keep few connections to one server: a page that nobody looks at gives its own back.
  const follow = () => {
    const isPaused = pause.getAttribute("aria-pressed") === "true";
    if (isPaused || document.hidden) {
      close();
      if (isPaused) say("paused", false);
    } else if (!source) {
      open();
    }
  };
  pause.addEventListener("click", () => {
    pause.setAttribute("aria-pressed", String(pause.getAttribute("aria-pressed") !== "true"));
    follow();
  });
  document.addEventListener("visibilitychange", follow);
  applyFilter();
  follow();
})();
