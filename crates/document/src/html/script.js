// Makes the figures answer: what lies under the pointer is said beside it, wheel and keys zoom, dragging moves. Nothing on the page needs it.
"use strict";
(() => {
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  tip.setAttribute("aria-hidden", "true"); // Screen readers have the titles themselves.
  document.body.append(tip);
  function* path(element) {
    for (let node = element; node && node.tagName !== "svg"; node = node.parentNode) yield node;
  }
  // The browser's own tooltip would come a second later and say the same: the text moves from the title to an attribute.
  for (const title of document.querySelectorAll("svg title")) {
    const mark = title.parentNode;
    if (mark.tagName === "svg") continue;
    mark.dataset.says = title.textContent;
    mark.setAttribute("aria-label", title.textContent);
    title.remove();
  }
  const saying = element => [...path(element)].find(node => node.dataset && node.dataset.says);
  document.addEventListener("pointermove", event => {
    const mark = event.target.closest && event.target.closest("svg") ? saying(event.target) : null;
    tip.hidden = !mark;
    if (!mark) return;
    tip.textContent = mark.dataset.says;
    const left = ease(event.clientX + 14, 8, Math.max(8, innerWidth - tip.offsetWidth - 8));
    tip.style.transform = `translate(${left}px, ${event.clientY + 16}px)`;
  });
  const ease = (value, low, high) => Math.min(Math.max(value, low), high);
  for (const svg of document.querySelectorAll("figure svg")) {
    const whole = svg.viewBox.baseVal;
    const [width, height] = [whole.width, whole.height];
    let view = [0, 0, width, height];
    const show = () => {
      view[2] = ease(view[2], width / 12, width);
      view[3] = (view[2] / width) * height;
      view[0] = ease(view[0], 0, width - view[2]);
      view[1] = ease(view[1], 0, height - view[3]);
      svg.setAttribute("viewBox", view.map(part => part.toFixed(2)).join(" "));
      svg.classList.toggle("zoomed", view[2] < width);
    };
    const zoom = (factor, x, y) => {
      const size = ease(view[2] * factor, width / 12, width);
      view[0] += (view[2] - size) * x;
      view[1] += (view[3] - (size / width) * height) * y;
      view[2] = size;
      show();
    };
    const reset = () => { view = [0, 0, width, height]; show(); };
    const share = event => {
      const box = svg.getBoundingClientRect();
      return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    };
    svg.tabIndex = 0;
    svg.addEventListener("wheel", event => {
      if (!event.ctrlKey && !event.metaKey && document.activeElement !== svg) return; // The page must scroll.
      event.preventDefault();
      zoom(event.deltaY > 0 ? 1.2 : 1 / 1.2, ...share(event));
    }, { passive: false });
    svg.addEventListener("dblclick", event => (view[2] < width ? reset() : zoom(1 / 3, ...share(event))));
    svg.addEventListener("pointerdown", event => {
      if (view[2] >= width) return;
      svg.setPointerCapture(event.pointerId);
      const [x, y] = share(event);
      const [left, top] = view;
      const move = event => {
        const [nowX, nowY] = share(event);
        view[0] = left - (nowX - x) * view[2];
        view[1] = top - (nowY - y) * view[3];
        show();
      };
      svg.addEventListener("pointermove", move);
      svg.addEventListener("pointerup", () => svg.removeEventListener("pointermove", move), { once: true });
    });
    svg.addEventListener("keydown", event => {
      const step = view[2] / 8;
      const keys = {
        "+": () => zoom(1 / 1.4, 0.5, 0.5), "=": () => zoom(1 / 1.4, 0.5, 0.5), "-": () => zoom(1.4, 0.5, 0.5), "0": reset, Escape: reset,
        ArrowLeft: () => { view[0] -= step; show(); }, ArrowRight: () => { view[0] += step; show(); },
        ArrowUp: () => { view[1] -= step; show(); }, ArrowDown: () => { view[1] += step; show(); },
      };
      if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key.startsWith("Arrow") && view[2] >= width) return;
      event.preventDefault();
      keys[event.key]();
    });
  }
  // The series under the pointer, or of the focused row, stands out: the marks of all others fade.
  const seriesOf = element => [...element.classList].find(name => /^a\d+$/.test(name));
  const inSeries = [...document.querySelectorAll("figure svg [class]")].filter(seriesOf);
  const seriesAt = target => {
    const row = target.closest("tr");
    const mark = row ? row.querySelector("th > [class^=a]") : target.closest("[class^=a]");
    return mark && seriesOf(mark);
  };
  const raise = series => inSeries.forEach(mark => mark.classList.toggle("faded", !!series && !mark.classList.contains(series)));
  for (const event of ["pointerover", "focusin"]) document.addEventListener(event, ({ target }) => raise(target.closest && seriesAt(target)));
  document.addEventListener("focusout", () => raise(null));
  const hint = document.createElement("p");
  hint.className = "hint";
  hint.textContent = "Figures: double-click or + and − zoom, dragging or the arrow keys move, 0 shows all.";
  document.querySelector("figure")?.append(hint);
  // Columns sort by their numbers, or else by their text; the first number of a cell counts, with its magnitude.
  const scale = { k: 1e3, M: 1e6, G: 1e9, T: 1e12 };
  const number = words => {
    const found = words.replaceAll("−", "-").replaceAll(",", "").match(/^[^\d+-]*([+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)\s*([kMGT](?![a-z]))?/);
    return found ? Number(found[1]) * (scale[found[2]] || 1) : NaN;
  };
  for (const table of document.querySelectorAll("table")) {
    const body = table.tBodies[0];
    if (!body || body.rows.length < 3) continue;
    for (const row of body.rows) if (row.querySelector("th > [class^=a]")) row.tabIndex = 0;
    if (body.rows.length > 12) {
      const filter = document.createElement("input");
      Object.assign(filter, { type: "search", className: "filter", placeholder: "Show rows with …" });
      filter.setAttribute("aria-label", "Show only rows with this text");
      filter.addEventListener("input", () => {
        const words = filter.value.trim().toLowerCase();
        for (const row of body.rows) row.hidden = !row.textContent.toLowerCase().includes(words);
      });
      (table.closest(".scroll") || table).before(filter);
    }
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const sort = () => {
        const descends = head.getAttribute("aria-sort") === "ascending";
        const keyed = [...body.rows].map(row => {
          const words = row.cells[column].textContent.trim();
          return [words, head.classList.contains("text") ? NaN : number(words), row];
        });
        const isEmpty = ([words]) => words === "" || words === "–";
        keyed.sort((one, other) => {
          if (isEmpty(one) || isEmpty(other)) return isEmpty(one) - isEmpty(other); // Last in either order.
          const known = !Number.isNaN(one[1]) && !Number.isNaN(other[1]);
          const order = known ? one[1] - other[1] : one[0].localeCompare(other[0]);
          return descends ? -order : order;
        });
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", descends ? "descending" : "ascending");
        body.append(...keyed.map(([, , row]) => row));
      };
      head.classList.add("sorts");
      head.tabIndex = 0;
      head.title = "Sort by this column";
      head.addEventListener("click", sort);
      head.addEventListener("keydown", event => { if (event.key === "Enter") sort(); });
    });
  }
})();
