// The text editor of the blueprint: line numbers, a check by the server while somebody types, and the way to a mistake.
"use strict";
(() => {
  const PAUSE = 450;
  let timer = null;
  let asked = 0;

  const area = () => document.querySelector("[data-text]");

  function number(text) {
    const gutter = document.querySelector("[data-numbers]");
    if (!gutter) return;
    const wrong = Number(document.querySelector("#text-state [data-line]")?.dataset.line ?? 0);
    const rows = [];
    const count = text.value.split("\n").length;
    for (let line = 1; line <= count; line += 1) {
      const row = document.createElement(line === wrong ? "b" : "span");
      row.textContent = `${line}\n`;
      rows.push(row);
    }
    gutter.replaceChildren(...rows);
    gutter.scrollTop = text.scrollTop;
  }

  async function check(text) {
    const turn = (asked += 1);
    const form = new FormData();
    form.set("text", text.value);
    form.set("csrf_token", text.form.elements.csrf_token.value);
    try {
      const answer = await fetch(text.dataset.check, { method: "POST", body: form, headers: { Accept: "application/json" } });
      if (!answer.ok || turn !== asked) return null;
      const found = await answer.json();
      const drawn = new DOMParser().parseFromString(found.html, "text/html");
      document.querySelector("#text-state").replaceChildren(...drawn.body.children);
      number(text);
      return found.text;
    } catch {
      return null; // the studio cannot be reached; the text stays, and the next key asks again
    }
  }

  function goTo(text) {
    const state = document.querySelector("#text-state [data-line]");
    if (!state) return;
    const lines = text.value.split("\n");
    const line = Math.min(Number(state.dataset.line), lines.length);
    const from = lines.slice(0, line - 1).reduce((sum, row) => sum + row.length + 1, 0);
    const at = from + Math.max(0, Number(state.dataset.column) - 1);
    text.focus();
    text.setSelectionRange(at, Math.max(at, from + lines[line - 1].length));
    text.scrollTop = Math.max(0, (line - 6) * parseFloat(getComputedStyle(text).lineHeight));
  }

  document.addEventListener("input", (event) => {
    if (!event.target.matches?.("[data-text]")) return;
    number(event.target);
    clearTimeout(timer);
    timer = setTimeout(() => check(event.target), PAUSE);
  });
  document.addEventListener("scroll", (event) => {
    if (event.target.matches?.("[data-text]")) document.querySelector("[data-numbers]").scrollTop = event.target.scrollTop;
  }, true);
  document.addEventListener("keydown", (event) => {
    // Tab leaves the editor as it leaves every other control; Ctrl + Space is not taken. Enter keeps the indentation.
    if (event.key !== "Enter" || !event.target.matches?.("[data-text]") || event.ctrlKey || event.metaKey) return;
    const text = event.target;
    const line = text.value.slice(0, text.selectionStart).split("\n").at(-1);
    const indent = /^\s+/.exec(line)?.[0] ?? (/^entity /.test(line) ? "  " : "");
    if (!indent) return;
    event.preventDefault();
    text.setRangeText(`\n${indent}`, text.selectionStart, text.selectionEnd, "end");
    text.dispatchEvent(new Event("input", { bubbles: true }));
  });
  document.addEventListener("click", async (event) => {
    const text = area();
    if (!text) return;
    if (event.target.closest("[data-go-to]")) goTo(text);
    else if (event.target.closest("[data-reset-text]")) {
      text.value = text.dataset.stands;
      text.dispatchEvent(new Event("input", { bubbles: true }));
      text.focus();
    } else if (event.target.closest("[data-format]")) {
      const canonical = await check(text);
      if (canonical) {
        text.value = canonical;
        text.dispatchEvent(new Event("input", { bubbles: true }));
      } else goTo(text);
    }
  });
  window.startTexts = () => {
    const text = area();
    if (!text) return;
    number(text);
    check(text);
  };
})();
