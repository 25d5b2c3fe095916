// Follows a build: server-sent events in, the same marks on the page that a reload would show.
"use strict";
(() => {
  const TITLES = { plan: "Writing the blueprint …", write: "Writing the code …", verify: "Checking that it works …",
    save: "Saving the version …", start: "Starting your app …" };

  function seconds(value) {
    if (value < 0.1) return "< 0.1 s";
    if (value < 10) return `${value.toFixed(1)} s`;
    if (value < 60) return `${Math.round(value)} s`;
    return `${Math.floor(value / 60)} min ${Math.floor(value % 60)} s`;
  }

  // What is told is what builds usually take here, so it is told roughly.
  function wait(value) {
    if (!value) return "";
    return value < 90 ? `, about ${Math.max(10, Math.round(value / 10) * 10)} s` : `, about ${Math.round(value / 60)} min`;
  }

  function checkItem(text, passed) {
    const item = document.createElement("li");
    item.className = passed ? "pass" : "fail";
    const sign = document.createElement("span");
    sign.className = "sign";
    sign.setAttribute("aria-hidden", "true");
    const words = document.createElement("span");
    words.textContent = text;
    item.append(sign, words);
    return item;
  }

  class Live {
    constructor(card) {
      this.card = card;
      this.pre = document.querySelector("[data-blueprint][data-live]");
      this.text = this.pre ? this.pre.textContent : "";
      this.checks = [...card.querySelectorAll("[data-check-list] li")].map((item) => item.className === "pass");
      this.since = {};
      this.spent = {};
      this.showName();
      this.timer = setInterval(() => this.tick(), 100);
      this.source = new EventSource(`/api/builds/${card.dataset.build}/events?after=${card.dataset.last}`);
      this.source.onmessage = (message) => this.take(JSON.parse(message.data));
      this.source.onerror = () => this.connected(false);
      this.source.onopen = () => this.connected(true);
    }

    // The build goes on without us; the browser connects again by itself and gets what it missed.
    connected(here) {
      const slot = this.card.querySelector("[data-lost]");
      if (slot) slot.hidden = here;
    }

    stage(name) { return this.card.querySelector(`[data-stage="${CSS.escape(name)}"]`); }

    tick() {
      for (const [name, start] of Object.entries(this.since)) {
        const slot = this.stage(name)?.querySelector("[data-time]");
        if (slot) slot.textContent = seconds((this.spent[name] || 0) + (performance.now() - start) / 1000);
      }
    }

    take(event) {
      if (event.seq <= Number(this.card.dataset.last)) return;
      this.card.dataset.last = event.seq;
      const handler = { "build.queued": "queued", "build.started": "started", "stage.started": "stageStarted",
        "stage.finished": "stageFinished", "blueprint.text": "blueprintText", "blueprint.reset": "blueprintReset",
        check: "check", "repair.started": "repair", note: "repair", "build.done": "end", "build.failed": "end",
        "build.cancelled": "end" }[event.type];
      if (handler) this[handler](event);
    }

    queued(event) {
      const slot = this.card.querySelector("[data-queued]");
      slot.hidden = false;
      slot.querySelector("[data-queued-text]").textContent =
        event.position <= 1 ? "Starting …" : `Waiting: ${event.position - 1} before yours${wait(event.seconds)}`;
    }

    started() { this.card.querySelector("[data-queued]").hidden = true; }

    stageStarted(event) {
      const item = this.stage(event.stage);
      if (!item) return;
      item.className = "now";
      this.since[event.stage] = performance.now();
      const title = document.querySelector("[data-writing-title]");
      if (title) title.textContent = TITLES[event.stage] || event.title;
      if (event.stage === "verify") { this.checks = []; this.showChecks(); }
    }

    stageFinished(event) {
      const item = this.stage(event.stage);
      if (!item) return;
      this.spent[event.stage] = (this.spent[event.stage] || 0) + event.seconds;
      delete this.since[event.stage];
      item.className = "done";
      item.querySelector("[data-time]").textContent = seconds(this.spent[event.stage]);
    }

    blueprintText(event) {
      this.text += event.text;
      this.showName();
      if (!this.pre) return;
      const atEnd = this.pre.scrollHeight - this.pre.scrollTop - this.pre.clientHeight < 80;
      window.Blueprint.render(this.pre, this.text);
      if (atEnd) this.pre.scrollTop = this.pre.scrollHeight;
    }

    showName() {
      const name = /^app "((?:[^"\\]|\\.)+)"/.exec(this.text)?.[1];
      if (name && this.card.dataset.fresh !== undefined) for (const slot of document.querySelectorAll("[data-name]")) slot.textContent = name;
    }

    blueprintReset() { this.text = ""; }

    check(event) {
      this.checks.push(event.passed);
      this.card.querySelector("[data-check-list]").append(checkItem(event.text, event.passed));
      this.showChecks();
    }

    showChecks() {
      const box = this.card.querySelector("[data-checks]");
      box.hidden = this.checks.length === 0;
      if (!this.checks.length) { box.querySelector("[data-check-list]").replaceChildren(); box.open = true; }
      const passed = this.checks.filter(Boolean).length;
      box.querySelector("[data-check-count]").textContent = `${passed} of ${this.checks.length} checks passed`;
      const list = box.querySelector("[data-check-list]");
      list.scrollTop = list.scrollHeight;
    }

    repair(event) {
      const note = document.createElement("p");
      note.className = "note";
      note.textContent = event.text;
      this.card.querySelector("[data-notes]").append(note);
    }

    end() {
      this.close();
      document.dispatchEvent(new CustomEvent("build-ended"));
    }

    close() { this.source.close(); clearInterval(this.timer); }
  }

  let live = null;
  window.followBuild = () => {
    live?.close();
    live = null;
    const card = document.querySelector('[data-build][data-state="queued"], [data-build][data-state="running"]');
    if (card) live = new Live(card);
  };
  window.addEventListener("pagehide", () => live?.close());
})();
