// Cards move by drag, or from the menu on each card; the server decides, and a refused card goes back.
(() => {
  "use strict";
  const news = document.getElementById("board-news");
  const board = () => document.querySelector(".board");
  let held = null;

  const tell = (text, bad) => {
    news.textContent = "";
    requestAnimationFrame(() => { news.textContent = text; });
    const flash = document.getElementById("flash");
    const toast = document.createElement("div");
    toast.className = `toast ${bad ? "problem" : "success"}`;
    toast.setAttribute("data-toast", "");
    toast.append(Object.assign(document.createElement("span"), { textContent: text }));
    flash.replaceChildren(toast);
    if (bad) toast.setAttribute("role", "alert"); else setTimeout(() => toast.remove(), 5000);
  };

  const recount = (lane, by) => {
    const count = lane.querySelector(".count");
    count.dataset.count = String(Number(count.dataset.count) + by);
    count.textContent = count.dataset.count;
    lane.querySelector(".none-here").hidden = lane.querySelector(".ticket") !== null;
  };

  const rename = (card, from, to) => {
    // The menu offers every other column: the one it came from takes the place of the one it is in.
    const button = [...card.querySelectorAll(".mover button")].find((item) => item.value === to.dataset.key);
    if (!button) return;
    button.value = from.dataset.key;
    button.textContent = from.querySelector("h2").textContent.trim();
  };

  const move = async (card, lane) => {
    const from = card.closest(".lane");
    if (!lane || lane === from || card.classList.contains("busy")) return;
    const next = card.nextElementSibling;
    const list = from.querySelector(".cards");
    const focused = card.contains(document.activeElement);
    card.querySelector(".mover")?.removeAttribute("open");
    lane.querySelector(".cards").prepend(card);
    card.classList.add("busy");
    recount(from, -1);
    recount(lane, 1);
    let message = "", ok = false, version = "";
    try {
      const body = new URLSearchParams({ csrf_token: board().dataset.token, id: card.dataset.rowId, value: lane.dataset.key, version: card.dataset.version });
      const answer = await fetch(board().dataset.move, { method: "POST", body, headers: { accept: "application/json" } });
      if ((answer.headers.get("content-type") || "").includes("json")) {
        const said = await answer.json();
        ok = answer.ok;
        message = said.message;
        version = said.version;
      } else {
        const text = new DOMParser().parseFromString(await answer.text(), "text/html");
        message = text.querySelector("main p")?.textContent || String(answer.status);
      }
    } catch { message = board().dataset.offline; }
    card.classList.remove("busy");
    if (ok) {
      card.dataset.version = String(version);
      for (const input of card.querySelectorAll("input[name=version]")) input.value = version;
      rename(card, from, lane);
      card.classList.add("landed");
      setTimeout(() => card.classList.remove("landed"), 1200);
    } else {
      list.insertBefore(card, next);
      recount(from, 1);
      recount(lane, -1);
    }
    if (focused) { card.querySelector(".mover summary")?.focus(); card.scrollIntoView({ block: "nearest", inline: "nearest" }); }
    tell(message, !ok);
  };

  document.addEventListener("submit", (event) => {
    const form = event.target.closest(".mover form");
    if (!form || !event.submitter) return;
    event.preventDefault();
    const lane = [...document.querySelectorAll(".lane")].find((item) => item.dataset.key === event.submitter.value);
    move(form.closest(".ticket"), lane);
  });
  document.addEventListener("keydown", (event) => {
    const menu = event.target.closest(".mover");
    if (!menu) return;
    if (event.key === "Escape" && menu.open) { menu.open = false; menu.querySelector("summary").focus(); }
    if (menu.open && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      const items = [...menu.querySelectorAll("button")];
      const at = items.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
      items[(at + items.length) % items.length].focus();
    }
  });
  document.addEventListener("toggle", (event) => {
    if (!event.target.matches?.(".mover") || !event.target.open) return;
    for (const other of document.querySelectorAll(".mover[open]")) if (other !== event.target) other.open = false;
  }, true);
  document.addEventListener("click", (event) => {
    if (!event.target.closest(".mover")) for (const open of document.querySelectorAll(".mover[open]")) open.open = false;
  });

  document.addEventListener("dragstart", (event) => {
    held = event.target.closest?.(".ticket[draggable=true]");
    if (!held) return;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", held.querySelector(".what").textContent);
    held.classList.add("held");
  });
  document.addEventListener("dragover", (event) => {
    const lane = event.target.closest?.(".lane");
    if (!held || !lane) return;
    event.preventDefault();
    for (const other of document.querySelectorAll(".lane.over")) if (other !== lane) other.classList.remove("over");
    lane.classList.add("over");
  });
  document.addEventListener("drop", (event) => {
    const lane = event.target.closest?.(".lane");
    if (held && lane) { event.preventDefault(); move(held, lane); }
  });
  document.addEventListener("dragend", () => {
    held?.classList.remove("held");
    held = null;
    for (const lane of document.querySelectorAll(".lane.over")) lane.classList.remove("over");
  });
})();
