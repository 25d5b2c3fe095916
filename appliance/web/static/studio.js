// The studio's own behaviour: drafts, ideas, tabs, the frame, dialogs. Events are delegated, so swapped parts just work.
"use strict";
(() => {
  const $ = (selector, from = document) => from.querySelector(selector);
  const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];
  const page = { tab: null, role: "", device: "desktop" };

  // --- what somebody typed is never lost: drafts stay in this browser until they are sent -----------------------
  function draftKey(form) { return `draft:${form.dataset.draft}`; }
  function store(key, value) {
    try { value ? sessionStorage.setItem(key, value) : sessionStorage.removeItem(key); } catch { /* private window */ }
  }
  function restoreDrafts() {
    for (const form of $$("form[data-draft]")) {
      const area = $("textarea", form);
      let kept = null;
      try { kept = sessionStorage.getItem(draftKey(form)); } catch { /* private window */ }
      if (kept && !area.disabled && (form.dataset.draft === "new-app" ? !area.value : true)) area.value = kept;
      count(area);
    }
  }
  function count(area) {
    const slot = $("[data-count]", area.form ?? document);
    if (!slot || !area.dataset.limit) return;
    const left = Number(area.dataset.limit) - area.value.length;
    slot.textContent = left < 0 ? `${(-left).toLocaleString("en")} characters too many` : (left < 400 ? `${left} characters left` : "");
    slot.classList.toggle("over", left < 0);
  }

  // --- tabs -----------------------------------------------------------------------------------------------------
  const narrow = window.matchMedia("(max-width: 60rem)");
  function showTab(name, { focus = false } = {}) {
    const tabs = $$("[data-tab]");
    if (!tabs.length) return;
    if (!tabs.some((tab) => tab.dataset.tab === name) || (name === "build" && !narrow.matches)) name = "preview";
    page.tab = name;
    for (const tab of tabs) {
      const on = tab.dataset.tab === name;
      tab.setAttribute("aria-selected", String(on));
      tab.tabIndex = on ? 0 : -1;
      if (on && focus) tab.focus();
    }
    for (const panel of $$("[data-panel]")) {
      panel.hidden = panel.dataset.panel === "build" ? narrow.matches && name !== "build" : panel.dataset.panel !== name;
    }
    const tools = $("[data-tools]");
    if (tools) tools.hidden = name !== "preview";
  }
  function startTab() {
    const wanted = location.hash.slice(1);
    const atWork = $("[data-build]") && !$('[data-build][data-state="done"]');
    showTab(wanted || page.tab || (narrow.matches && atWork ? "build" : "preview"));
  }
  narrow.addEventListener("change", () => showTab(page.tab));
  window.addEventListener("hashchange", () => showTab(location.hash.slice(1)));

  // --- the running app ------------------------------------------------------------------------------------------
  function frameAddress() {
    const frame = $("iframe[data-base]");
    return frame && frame.dataset.base + (page.role ? `?role=${encodeURIComponent(page.role)}` : "");
  }
  function reloadFrame() {
    const frame = $("iframe[data-base]");
    if (!frame) return;
    frame.src = frameAddress();
    const link = $("[data-open]");
    if (link) link.href = frameAddress();
  }
  function setDevice(device) {
    page.device = device;
    $("[data-frame-wrap]")?.classList.toggle("phone", device === "phone");
    for (const button of $$("[data-device]")) button.setAttribute("aria-pressed", String(button.dataset.device === device));
  }

  // --- one delegated listener per kind of event -----------------------------------------------------------------
  document.addEventListener("click", (event) => {
    const on = (selector) => event.target.closest(selector);
    let hit;
    if ((hit = on("[data-fill]"))) {
      const area = $("#request");
      area.value = hit.dataset.fill;
      area.dispatchEvent(new Event("input", { bubbles: true }));
      area.focus();
    } else if ((hit = on("[data-tab]"))) {
      history.replaceState(null, "", `#${hit.dataset.tab}`);
      showTab(hit.dataset.tab);
    } else if ((hit = on("[data-device]"))) setDevice(hit.dataset.device);
    else if (on("[data-reload]")) reloadFrame();
    else if ((hit = on("[data-dialog]"))) document.getElementById(hit.dataset.dialog)?.showModal();
    else if (on("[data-close]")) on("dialog")?.close();
    else if (on("[data-dismiss]")) $("#notice").replaceChildren();
    else if ((hit = on("[data-focus]"))) {
      if (narrow.matches) showTab("build");
      const area = $(hit.dataset.focus);
      area.focus();
      area.setSelectionRange(area.value.length, area.value.length);
    } else if ((hit = on("[data-edit-blueprint]"))) {
      showTab("blueprint");
      const area = $("#blueprint-text");
      area.value = hit.dataset.editBlueprint;
      area.focus();
    }
    for (const menu of $$("details.me[open]")) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-view-as]")) { page.role = event.target.value; reloadFrame(); }
  });
  document.addEventListener("input", (event) => {
    const form = event.target.closest("form[data-draft]");
    if (!form || event.target.tagName !== "TEXTAREA") return;
    store(draftKey(form), event.target.value);
    count(event.target);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.matches(".composer textarea")) {
      event.preventDefault();
      event.target.form.requestSubmit();
    }
    if (event.key === "Escape") for (const menu of $$("details.me[open]")) { menu.open = false; $("summary", menu).focus(); }
    if (event.target.matches("[role=tab]") && ["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) {
      const tabs = $$("[data-tab]").filter((tab) => tab.offsetParent !== null);
      const at = tabs.indexOf(event.target);
      const next = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: tabs.length - 1 }[event.key];
      event.preventDefault();
      showTab(tabs[(next + tabs.length) % tabs.length].dataset.tab, { focus: true });
    }
  });

  // --- htmx: forget sent drafts, say when the service cannot be reached -----------------------------------------
  document.addEventListener("htmx:beforeRequest", () => $("#notice").replaceChildren());
  document.addEventListener("htmx:afterRequest", (event) => {
    const form = event.target.closest?.("form[data-draft]");
    if (form && event.detail.successful) store(draftKey(form), "");
    if (event.detail.failed) $("dialog[open]")?.close();
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    const line = Number($("[data-line]", event.target)?.dataset.line ?? 0);
    const area = $("#blueprint-text");
    if (!line || !area || $("#panel-blueprint").hidden) return;
    const lines = area.value.split("\n");
    const from = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
    area.focus();
    area.setSelectionRange(from, from + (lines[line - 1] ?? "").length);
  });
  document.addEventListener("htmx:sendError", () => {
    const box = document.createElement("div");
    box.className = "notice";
    const words = document.createElement("p");
    words.textContent = "The studio cannot be reached right now. What you typed is still here; try again in a moment.";
    box.append(words);
    $("#notice").replaceChildren(box);
  });

  // --- when a build ends, the server draws the page again; only the workbench is replaced -----------------------
  async function redraw() {
    try {
      const answer = await fetch(location.pathname, { headers: { Accept: "text/html" } });
      const drawn = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = drawn.querySelector("#bench");
      if (!answer.ok || !fresh) throw new Error("unexpected answer");
      const failed = fresh.querySelector('[data-build][data-state="failed"], [data-build][data-state="cancelled"]');
      document.title = drawn.title;
      document.querySelector(".crumb").replaceWith(drawn.querySelector(".crumb"));
      document.querySelector("#bench").replaceWith(fresh);
      window.htmx.process(fresh);
      if (narrow.matches) page.tab = failed ? "build" : "preview";
      history.replaceState(null, "", location.pathname);
      start();
    } catch {
      location.reload();
    }
  }
  document.addEventListener("build-ended", () => setTimeout(redraw, 350));

  function start() {
    for (const pre of $$("pre[data-blueprint]")) window.Blueprint.render(pre, pre.textContent);
    restoreDrafts();
    startTab();
    setDevice(page.device);
    const scroll = $("[data-scroll]");
    if (scroll) scroll.scrollTop = scroll.scrollHeight;
    window.followBuild();
  }
  start();
})();
