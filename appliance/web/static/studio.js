// The studio's own behaviour: drafts, ideas, the two sides, the frame. Events are delegated, so swapped parts just work.
"use strict";
(() => {
  const $ = (selector, from = document) => from.querySelector(selector);
  const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];
  const page = { side: null, role: "", device: "desktop" };

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
    slot.textContent = left < 0 ? `${(-left).toLocaleString("en")} characters too many` : (left < 400 ? `${left} characters left` : slot.dataset.else ?? "");
    slot.classList.toggle("over", left < 0);
  }

  // --- on a narrow screen, the conversation or the app ----------------------------------------------------------
  const narrow = window.matchMedia("(max-width: 60rem)");
  function showSide(side, { focus = false } = {}) {
    if (!$(".switch")) return;
    page.side = side;
    for (const tab of $$("[data-side]")) {
      const on = tab.dataset.side === side;
      tab.setAttribute("aria-selected", String(on));
      tab.tabIndex = on ? 0 : -1;
      if (on && focus) tab.focus();
    }
    $("#panel-talk").hidden = narrow.matches && side !== "talk";
    $("#panel-stage").hidden = narrow.matches && side !== "stage";
  }
  function startSide() {
    const talking = $("#turn") || $('[data-build]:not([data-state="done"])');
    showSide(page.side || (talking ? "talk" : "stage"));
  }
  narrow.addEventListener("change", () => showSide(page.side));

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
      const area = $(hit.dataset.fillInto || "#request");
      if (!area) { location.assign(`${location.pathname.replace(/\/proposals\/.*/, "")}?words=${encodeURIComponent(hit.dataset.fill)}`); return; }
      if (narrow.matches) showSide("talk");
      area.value = hit.dataset.fill;
      area.dispatchEvent(new Event("input", { bubbles: true }));
      area.focus();
    } else if ((hit = on("[data-side]"))) showSide(hit.dataset.side);
    else if ((hit = on("[data-device]"))) setDevice(hit.dataset.device);
    else if (on("[data-reload]")) reloadFrame();
    else if (on("[data-dismiss]")) $("#notice").replaceChildren();
    else if ((hit = on("[data-change-words]"))) {
      const form = hit.closest("form");
      (form.querySelector("textarea:not([hidden])") || form.querySelector("input:not([type=hidden])"))?.focus();
      $("#sensitive").replaceChildren();
    }
    else if ((hit = on("[data-focus]"))) {
      if (narrow.matches) showSide("talk");
      const area = $(hit.dataset.focus);
      area.focus();
      area.setSelectionRange(area.value.length, area.value.length);
    }
    for (const pop of $$("details.pop[open]")) if (!pop.contains(event.target)) pop.open = false;
    for (const menu of $$("details.me[open]")) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-view-as]")) { page.role = event.target.value; reloadFrame(); }
  });
  document.addEventListener("input", (event) => {
    const find = event.target.dataset?.find;
    if (find) {
      const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const item of document.querySelector(find).children) {
        const text = item.textContent.toLowerCase();
        item.hidden = !words.every((word) => text.includes(word));
        shown += item.hidden ? 0 : 1;
      }
      event.target.closest("section").querySelector("[data-found]").hidden = shown > 0;
      return;
    }
    const form = event.target.closest("form[data-draft]");
    if (!form || event.target.tagName !== "TEXTAREA") return;
    $("#sensitive", form)?.replaceChildren();
    store(draftKey(form), event.target.value);
    count(event.target);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.matches(".composer textarea")) {
      event.preventDefault();
      event.target.form.requestSubmit();
    }
    if (event.key === "Escape") for (const menu of $$("details.me[open], details.pop[open]")) { menu.open = false; $("summary", menu).focus(); }
    if (event.target.matches("[role=tab]") && ["ArrowLeft", "ArrowRight"].includes(event.key)) {
      event.preventDefault();
      showSide(event.target.dataset.side === "talk" ? "stage" : "talk", { focus: true });
    }
  });

  // --- htmx: forget sent drafts, go on where somebody was, say when the service cannot be reached ---------------
  const polled = (event) => event.target.hasAttribute?.("hx-trigger");
  document.addEventListener("htmx:beforeRequest", (event) => { if (!polled(event)) $("#notice").replaceChildren(); });
  document.addEventListener("htmx:afterRequest", (event) => {
    const form = event.target.closest?.("form[data-draft]");
    if (form && event.detail.successful && !form.matches('[hx-target="#turn-slot"]')) store(draftKey(form), "");
    if (event.detail.successful) $("[data-unreachable]")?.remove();
    if (form && event.detail.successful) $("#sensitive", form)?.replaceChildren();
    if (event.detail.successful && event.target.dataset?.focusAfter) page.focus = event.target.dataset.focusAfter;
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    const talk = $("[data-scroll]");
    if (event.target.id === "sensitive") $("[data-sensitive-said]")?.focus();
    if (talk && !$("#turn")) talk.scrollTop = talk.scrollHeight;
    if (page.focus) { document.getElementById(page.focus)?.focus(); page.focus = null; }
    tellTurn();
  });
  document.addEventListener("htmx:sendError", () => {
    if ($("[data-unreachable]")) return;
    const box = document.createElement("div");
    box.className = "notice";
    box.dataset.unreachable = "";
    const words = document.createElement("p");
    words.textContent = "The studio cannot be reached right now. What you typed is still here; it goes on by itself as soon as the studio is back.";
    box.append(words);
    $("#notice").replaceChildren(box);
  });

  // What was asked in words stays in the box until there is an answer to it.
  function tellTurn() {
    const turn = $("#turn");
    const state = turn ? `${turn.dataset.turnState} ${turn.dataset.words}` : "";
    if (state === page.turn) return;
    page.turn = state;
    const live = $("[data-say]");
    if (live && turn) live.textContent = turn.dataset.words;
    if (!turn) return;
    if (turn.dataset.turnState === "answered") {
      const form = $('form[hx-target="#turn-slot"]');
      if (form) { store(draftKey(form), ""); $("textarea", form).value = ""; count($("textarea", form)); }
    }
    if (narrow.matches) showSide("talk");
    const scroll = $("[data-scroll]");
    if (scroll) scroll.scrollTop = turn.offsetTop - 12;
  }

  // --- a form that is drawn anew after each change (hx-sync) must not take away what somebody is just writing ----
  const unsent = new WeakSet();
  const written = (control) => control.form?.matches("[hx-sync]") && control.matches("input:not([type=checkbox]):not([type=radio]), textarea");
  document.addEventListener("input", (event) => {
    if (!written(event.target)) return;
    unsent.add(event.target.form);
    window.htmx.trigger(event.target.form, "htmx:abort");
  });
  document.addEventListener("htmx:beforeRequest", (event) => unsent.delete(event.target));
  document.addEventListener("focusout", (event) => {
    // What was written and taken back again causes no change of its own, but an answer was thrown away for it.
    const form = event.target.form;
    if (form && written(event.target)) setTimeout(() => unsent.has(form) && form.isConnected && window.htmx.trigger(form, "change"), 50);
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
      const done = fresh.querySelector('[data-build][data-state="done"]');
      for (const part of [".crumb", ".parts"]) document.querySelector(part).replaceWith(drawn.querySelector(part));
      document.querySelector("#bench").replaceWith(fresh);
      window.htmx.process(fresh);
      page.side = failed || !done ? "talk" : "stage";
      history.replaceState(null, "", location.pathname);
      start();
      const live = $("[data-say]");
      if (live) live.textContent = $("[data-ending]")?.textContent.trim().replace(/\s+/g, " ") ?? "";
    } catch {
      location.reload();
    }
  }
  document.addEventListener("build-ended", () => setTimeout(redraw, 350));

  function start() {
    for (const pre of $$("pre[data-blueprint]")) window.Blueprint.render(pre, pre.textContent);
    restoreDrafts();
    page.role = $("[data-view-as]")?.value ?? "";
    startSide();
    setDevice(page.device);
    const scroll = $("[data-scroll]");
    if (scroll) scroll.scrollTop = scroll.scrollHeight;
    tellTurn();
    $(".parts [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
    window.startTexts();
    window.followBuild();
  }
  start();
})();
