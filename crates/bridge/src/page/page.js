// Live messages of the hub: EventSource comes back by itself, with the cursor of the last one.
"use strict";

const MOST = 500; // rows that are kept
const $ = (id) => document.getElementById(id);
const token = new URLSearchParams(location.search).get("token");
const url = (path) => token ? `${path}?token=${encodeURIComponent(token)}` : path;

let total = 0;
let isPaused = false;
let held = []; // what came while it was paused

const state = (is, text) => { $("state").dataset.is = is; $("state").textContent = text; };

const wanted = (row) => row.textContent.toLowerCase().includes($("filter").value.toLowerCase());

const show = (row) => {
  row.hidden = !wanted(row);
  $("messages").prepend(row);
  while ($("messages").rows.length > MOST) $("messages").lastElementChild.remove();
  tell();
};

const tell = () => {
  const waiting = held.length ? `, ${held.length} while paused` : "";
  $("count").textContent = `${total} ${total === 1 ? "message" : "messages"}${waiting}`;
  $("none").hidden = $("messages").rows.length > 0;
};

const add = (cells, kind) => {
  const row = document.createElement("tr");
  if (kind) row.className = kind;
  for (const text of cells) row.insertCell().textContent = text;
  if (isPaused) { held = [...held, row].slice(-MOST); tell(); } else show(row);
};

const typeOf = (text) => { try { return String(JSON.parse(text).type ?? ""); } catch { return ""; } };

const source = new EventSource(url("events"));
source.onopen = () => state("live", "live");
source.onerror = () => state("lost", "lost; trying again");
source.onmessage = ({ data, lastEventId }) => {
  total += 1;
  add([lastEventId.split(":")[1], typeOf(data), data]);
};
source.addEventListener("gap", ({ data }) => {
  const { missed } = JSON.parse(data);
  add(["", "gap", missed === null ? "The bridge was started anew: messages may be missing here." : `${missed} messages are missing here.`], "gap");
});

const pause = () => {
  isPaused = !isPaused;
  $("pause").setAttribute("aria-pressed", String(isPaused));
  if (!isPaused) { held.splice(0).forEach(show); tell(); }
};

const send = async () => {
  $("sent").textContent = "sending";
  const body = new URLSearchParams({ message: $("text").value });
  try {
    const answer = await fetch(url("messages"), { method: "POST", body });
    $("sent").textContent = answer.ok ? "sent" : (await answer.json()).error;
  } catch {
    $("sent").textContent = "the bridge does not answer";
  }
};

$("pause").onclick = pause;
$("clear").onclick = () => { held = []; $("messages").replaceChildren(); tell(); };
$("filter").oninput = () => { for (const row of $("messages").rows) row.hidden = !wanted(row); };
$("find").onsubmit = (event) => event.preventDefault();
$("send").onsubmit = (event) => { event.preventDefault(); send(); };
document.addEventListener("keydown", (event) => {
  const isTyping = ["INPUT", "TEXTAREA"].includes(event.target.tagName);
  if (event.key === "Enter" && event.ctrlKey && event.target === $("text")) send();
  if (event.key === "p" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) pause();
  if (event.key === "/" && !isTyping) { event.preventDefault(); $("filter").focus(); }
});
