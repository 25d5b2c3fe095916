// Colours a blueprint: text in, spans out. Never builds markup from text.
"use strict";
window.Blueprint = (() => {
  const KEYWORDS = new Set(["app", "about", "role", "entity", "access", "page", "example"]);
  const WORDS = /("(?:[^"\\]|\\.)*")|([A-Za-z_]+)|([^"A-Za-z_]+)/g;
  const TYPES = new Set(["text", "longtext", "number", "money", "boolean", "date", "datetime", "time", "email", "phone",
    "url", "person", "file", "image", "choice", "ref", "required", "unique", "default"]);

  function span(className, text) {
    const node = document.createElement("span");
    node.className = className;
    node.textContent = text;
    return node;
  }

  function line(text) {
    const row = document.createElement("span");
    row.className = "bp-line";
    const indented = /^\s/.test(text);
    let first = true;
    for (const match of text.matchAll(WORDS)) {
      const word = match[0];
      if (match[1]) row.append(span("bp-string", word));
      else if (match[2] && first && !indented && KEYWORDS.has(word)) row.append(span("bp-key", word));
      else if (match[2] && indented && TYPES.has(word)) row.append(span("bp-type", word));
      else row.append(document.createTextNode(word));
      if (match[2]) first = false;
    }
    row.append(document.createTextNode("\n"));
    return row;
  }

  function render(pre, text) {
    const lines = text.split("\n");
    if (lines.at(-1) === "") lines.pop();
    pre.replaceChildren(...lines.map(line));
  }

  return { render };
})();
