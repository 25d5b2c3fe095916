// Putting a list in another order: by pointer (mouse, pen, finger) on the grip, or by arrow keys on it.
"use strict";
(() => {
  let held = null; // { item, list, pointer }

  function say(words) {
    let live = document.querySelector("[data-arranged]");
    if (!live) {
      live = document.createElement("p");
      live.className = "hidden";
      live.setAttribute("role", "status");
      live.dataset.arranged = "";
      document.body.append(live);
    }
    live.textContent = words;
  }

  const items = (list) => [...list.children].filter((item) => item.querySelector("[data-grip]"));
  const named = (item) => item.querySelector("[data-grip]").getAttribute("aria-label").replace(/^Move /, "");

  // A list inside a form is sent with it; any other list has a form of its own, sent as soon as an item was put down.
  function settle(list) {
    if (list.hasAttribute("data-sort-local")) return;
    const form = list.parentElement.querySelector("[data-sort-form]");
    const order = items(list).map((item) => item.dataset.item);
    form.elements.order.value = order.join(form.elements.form.value === "page-order" ? "\u001f" : ",");
    form.requestSubmit();
  }

  function place(item, list) {
    const all = items(list);
    say(`${named(item)}, place ${all.indexOf(item) + 1} of ${all.length}`);
  }

  let waiting = null;
  function later(list) {
    clearTimeout(waiting);
    waiting = setTimeout(() => settle(list), 700);
  }

  document.addEventListener("keydown", (event) => {
    const grip = event.target.closest?.("[data-grip]");
    if (!grip || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
    event.preventDefault();
    const item = grip.closest("li");
    const list = item.parentElement;
    const next = event.key === "ArrowUp" ? item.previousElementSibling : item.nextElementSibling;
    if (!next || !next.querySelector("[data-grip]")) return;
    if (event.key === "ArrowUp") next.before(item); else next.after(item);
    grip.focus();
    place(item, list);
    if (!list.hasAttribute("data-sort-local")) later(list);
  });

  document.addEventListener("pointerdown", (event) => {
    const grip = event.target.closest?.("[data-grip]");
    if (!grip || event.button !== 0) return;
    const item = grip.closest("li");
    held = { item, list: item.parentElement, pointer: event.pointerId, before: items(item.parentElement).indexOf(item) };
    for (const open of held.list.querySelectorAll("details[open]")) open.open = false;
    grip.setPointerCapture(event.pointerId);
    item.classList.add("dragged");
  });
  document.addEventListener("pointermove", (event) => {
    if (!held || event.pointerId !== held.pointer) return;
    for (const other of items(held.list)) {
      if (other === held.item) continue;
      const box = other.getBoundingClientRect();
      if (event.clientY > box.top && event.clientY < box.bottom) {
        if (event.clientY < box.top + box.height / 2) other.before(held.item); else other.after(held.item);
        break;
      }
    }
  });
  function drop(event) {
    if (!held || event.pointerId !== held.pointer) return;
    const { item, list, before } = held;
    held = null;
    item.classList.remove("dragged");
    const at = items(list).indexOf(item);
    if (event.type === "pointercancel" || at === before) return;
    place(item, list);
    settle(list);
  }
  document.addEventListener("pointerup", drop);
  document.addEventListener("pointercancel", drop);
  // Put away a move by keys that has not been sent when the page goes.
  window.addEventListener("pagehide", () => clearTimeout(waiting));

  // --- what a field holds decides which other controls its form has ------------------------------------------------
  document.addEventListener("change", (event) => {
    const chosen = event.target.closest?.("[data-type]");
    if (!chosen) return;
    for (const part of chosen.form.querySelectorAll("[data-for]")) part.hidden = part.dataset.for !== chosen.value;
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches?.(".matrix select[data-level]")) event.target.dataset.level = event.target.value.split("|").at(-1);
  });
  document.addEventListener("reset", (event) => {
    setTimeout(() => {
      for (const select of event.target.querySelectorAll(".matrix select[data-level]")) select.dataset.level = select.value.split("|").at(-1);
    });
  });
  document.addEventListener("click", (event) => {
    const more = event.target.closest?.("[data-another]");
    if (!more) return;
    const list = more.previousElementSibling;
    const fresh = list.lastElementChild.cloneNode(true);
    for (const input of fresh.querySelectorAll("input")) input.value = "";
    list.append(fresh);
    fresh.querySelector("input:not([type=hidden])").focus();
  });
})();
