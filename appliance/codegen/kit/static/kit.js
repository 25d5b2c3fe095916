// Comfort on top of pages that work without it. No framework, no inline code.
(() => {
  "use strict";
  const root = document.documentElement;
  root.classList.add("js");

  const menu = document.querySelector(".menu-button");
  const side = document.getElementById("side");
  if (menu && side) {
    menu.hidden = false;
    menu.addEventListener("click", () => {
      const open = side.classList.toggle("open");
      menu.setAttribute("aria-expanded", String(open));
      if (open) side.querySelector("a")?.focus();
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && side.classList.contains("open")) {
        side.classList.remove("open");
        menu.setAttribute("aria-expanded", "false");
        menu.focus();
      }
    });
  }

  document.querySelector("[data-focus]")?.focus();
  for (const button of document.querySelectorAll("[data-dismiss]")) {
    button.hidden = false;
    button.addEventListener("click", () => button.closest("[data-toast]").remove());
  }

  for (const button of document.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }

  // What is wider than the screen starts at the present.
  const startAtNow = () => {
    for (const wide of document.querySelectorAll("[data-start-at]")) wide.scrollLeft = wide.scrollWidth * Number(wide.dataset.startAt) / 100 - wide.clientWidth / 2;
  };
  startAtNow();
  document.addEventListener("htmx:afterSettle", startAtNow);

  // "/" goes to the search box, as in many applications.
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    const search = document.getElementById("q");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && search) {
      event.preventDefault();
      search.focus();
      search.select();
    }
  });

  // A form that was changed asks before it is left; a form that was sent is not sent twice.
  for (const form of document.querySelectorAll("form[data-guard]")) {
    let changed = form.ownerDocument.querySelector(".problems") !== null;
    form.addEventListener("input", () => { changed = true; });
    form.addEventListener("submit", (event) => {
      const button = form.querySelector("button[type=submit]");
      if (button.getAttribute("aria-busy") === "true") { event.preventDefault(); return; }
      changed = false;
      button.setAttribute("aria-busy", "true");
    });
    window.addEventListener("beforeunload", (event) => { if (changed) event.preventDefault(); });
    window.addEventListener("pageshow", () => form.querySelector("button[type=submit]").removeAttribute("aria-busy"));
  }

  // The question before deleting opens in a dialog instead of a page.
  document.addEventListener("click", async (event) => {
    const link = event.target.closest("a.danger-quiet[href$='/delete']");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    let section = null;
    try {
      const answer = await fetch(link.href);
      section = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("section.ask");
    } catch { section = null; }
    if (!section) { location.assign(link.href); return; }
    const dialog = document.createElement("dialog");
    const heading = document.createElement("h2");
    heading.id = "ask-title";
    heading.textContent = section.querySelector("h1").textContent;
    section.querySelector("h1").replaceWith(heading);
    dialog.setAttribute("aria-labelledby", "ask-title");
    dialog.append(section);
    document.body.append(dialog);
    dialog.querySelector("a.primary")?.addEventListener("click", (click) => { click.preventDefault(); dialog.close(); });
    dialog.addEventListener("close", () => { dialog.remove(); link.focus(); });
    dialog.showModal();
  });

  // A long select gets a search box (ARIA 1.2 combobox pattern); the select stays and is what is sent.
  const searchable = (select) => {
    const options = [...select.options].filter((option) => option.value);
    const input = document.createElement("input");
    const list = document.createElement("ul");
    const wrap = document.createElement("div");
    let active = -1, shown = [];
    wrap.className = "combo";
    list.id = `${select.id}-list`;
    list.hidden = true;
    for (const [name, value] of Object.entries({ type: "text", role: "combobox", autocomplete: "off", "aria-expanded": "false", "aria-autocomplete": "list", "aria-controls": list.id, placeholder: `Search ${options.length} entries` })) input.setAttribute(name, value);
    for (const name of ["aria-describedby", "aria-invalid", "aria-required"]) if (select.hasAttribute(name)) input.setAttribute(name, select.getAttribute(name));
    list.setAttribute("role", "listbox");
    input.id = select.id;
    select.id = `${input.id}-select`;
    select.hidden = true;
    input.value = select.selectedOptions[0]?.value ? select.selectedOptions[0].textContent : "";
    select.before(wrap);
    wrap.append(input, list);
    const mark = (index) => {
      active = index;
      [...list.children].forEach((item, at) => item.setAttribute("aria-selected", String(at === index)));
      input.setAttribute("aria-activedescendant", list.children[index]?.id ?? "");
      list.children[index]?.scrollIntoView({ block: "nearest" });
    };
    const close = () => { list.hidden = true; input.setAttribute("aria-expanded", "false"); active = -1; };
    const choose = (option) => { select.value = option.value; input.value = option.textContent; close(); select.dispatchEvent(new Event("input", { bubbles: true })); };
    const show = (text) => {
      const words = text.toLowerCase().trim();
      shown = options.filter((option) => option.textContent.toLowerCase().includes(words)).slice(0, 100);
      list.replaceChildren(...shown.map((option, index) => {
        const item = document.createElement("li");
        item.id = `${list.id}-${index}`;
        item.setAttribute("role", "option");
        item.textContent = option.textContent;
        item.addEventListener("mousedown", (event) => { event.preventDefault(); choose(option); });
        return item;
      }));
      list.hidden = shown.length === 0;
      input.setAttribute("aria-expanded", String(!list.hidden));
      mark(shown.length ? 0 : -1);
    };
    input.addEventListener("focus", () => input.select());
    input.addEventListener("click", () => show(""));
    input.addEventListener("input", () => { select.value = ""; show(input.value); });
    input.addEventListener("blur", () => {
      close();
      const exact = options.find((option) => option.textContent === input.value);
      if (exact) select.value = exact.value; else if (input.value && !select.value) input.value = "";
    });
    input.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        if (list.hidden) show(""); else mark((active + (event.key === "ArrowDown" ? 1 : shown.length - 1)) % shown.length);
      } else if (event.key === "Enter" && !list.hidden && active >= 0) {
        event.preventDefault();
        choose(shown[active]);
      } else if (event.key === "Escape") close();
    });
  };
  document.querySelectorAll("select[data-searchable]").forEach(searchable);
})();
