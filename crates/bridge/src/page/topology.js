// Agents, their sockets, and who talks to whom: a table and a graph of it, looked at anew as long as they are seen.
"use strict";

const EVERY = 2000; // ms
const NODE = { width: 150, height: 44, across: 130, down: 28 };
const SVG = "http://www.w3.org/2000/svg";
const system = (id) => document.getElementById(id);
const authorized = (path) => {
  const token = new URLSearchParams(location.search).get("token");
  return token ? `${path}?token=${encodeURIComponent(token)}` : path;
};

let last = null; // what was seen before, for rates

const key = (agent, alias) => JSON.stringify([agent, alias]);

// What each socket did a second since the last look.
const rates = (topology, at) => {
  const passed = new Map();
  for (const { name, sockets } of topology.agents)
    for (const { alias, sent, received } of sockets) passed.set(key(name, alias), [sent.passed, received.passed]);
  const before = last;
  last = { at, passed };
  return (agent, alias) => {
    const then = before?.passed.get(key(agent, alias));
    const now = passed.get(key(agent, alias));
    if (!then || !now) return null;
    return now.map((n, i) => Math.max(0, (n - then[i]) / ((at - before.at) / 1000)));
  };
};

const short = (n) => n === null ? "" : n >= 1e6 ? `${(n / 1e6).toFixed(1)} M` : n >= 1e4 ? `${(n / 1e3).toFixed(0)} k` : n >= 100 || Number.isInteger(n) ? n.toFixed(0) : n.toFixed(1);

const fill = (topology, rate) => {
  const rows = topology.agents.flatMap((agent) => {
    const lines = agent.sockets.length ? agent.sockets : [null];
    return lines.map((socket, i) => {
      const row = document.createElement("tr");
      const first = i === 0;
      const name = row.appendChild(document.createElement("th"));
      name.scope = "row";
      name.textContent = first ? agent.name : "";
      row.insertCell().textContent = first ? agent.state : "";
      if (agent.state !== "running") row.className = "bad";
      const [out, come] = (socket && rate(agent.name, socket.alias)) ?? [null, null];
      const cells = socket
        ? [`${socket.alias} (${socket.kind.replace("_", " ")})`, socket.endpoint, socket.peers ?? "", short(out), short(come),
          socket.sent.waiting + socket.received.waiting, socket.sent.dropped + socket.received.dropped]
        : ["none", "", "", "", "", "", ""];
      for (const text of cells) row.insertCell().textContent = text;
      return row;
    });
  });
  system("agents").replaceChildren(...rows);
};

// In which column an agent stands: right of all that it hears from; circles end where they began.
const columns = (topology) => {
  const from = new Map(topology.agents.map((it) => [it.name, []]));
  for (const { from: { agent }, to } of topology.links) if (agent !== to.agent) from.get(to.agent)?.push(agent);
  const found = new Map();
  const column = (name, above) => {
    if (found.has(name)) return found.get(name);
    if (above.has(name)) return -1;
    above.add(name);
    const at = Math.max(-1, ...from.get(name).map((it) => column(it, above))) + 1;
    above.delete(name);
    found.set(name, at);
    return at;
  };
  for (const name of from.keys()) column(name, new Set());
  return found;
};

const element = (name, attributes, ...children) => {
  const it = document.createElementNS(SVG, name);
  for (const [name, value] of Object.entries(attributes)) it.setAttribute(name, value);
  it.append(...children);
  return it;
};

const draw = (topology, rate) => {
  const column = columns(topology);
  const filled = [];
  const places = new Map(topology.agents.map(({ name }) => {
    const x = column.get(name);
    const y = filled[x] ?? 0;
    filled[x] = y + 1;
    return [name, { x: x * (NODE.width + NODE.across) + 8, y: y * (NODE.height + NODE.down) + 8 }];
  }));
  const socket = ({ agent, alias }) => topology.agents.find((it) => it.name === agent)?.sockets.find((it) => it.alias === alias);
  const links = topology.links.map(({ from, to }) => {
    const [a, b] = [places.get(from.agent), places.get(to.agent)];
    const [x1, y1] = [a.x + NODE.width, a.y + NODE.height / 2];
    const [x2, y2] = [b.x, b.y + NODE.height / 2];
    const bend = Math.max(NODE.across / 2, Math.abs(x2 - x1) / 3);
    const path = `M${x1},${y1} C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2 - 4},${y2}`;
    const dropped = (socket(from)?.sent.dropped ?? 0) + (socket(to)?.received.dropped ?? 0);
    // What the end did that is connected: it has no other link.
    const out = (socket(to)?.is_bound ? rate(from.agent, from.alias)?.[0] : rate(to.agent, to.alias)?.[1]) ?? null;
    const text = `${out === null ? "" : `${short(out)}/s`}${dropped ? `, ${short(dropped)} dropped` : ""}`;
    const title = element("title", {}, `${from.agent} ${from.alias} to ${to.agent} ${to.alias}: ${text || "nothing yet"}`);
    return element("g", { class: dropped ? "link bad" : "link" },
      element("path", { d: path, "marker-end": "url(#arrow)" }),
      element("text", { x: (x1 + x2) / 2, y: (y1 + y2) / 2 - 6 }, text), title);
  });
  const nodes = topology.agents.map(({ name, state, sockets }) => {
    const { x, y } = places.get(name);
    const middle = x + NODE.width / 2;
    const cut = (text) => text.length > 20 ? `${text.slice(0, 19)}…` : text;
    return element("g", { class: state === "running" ? "node" : "node bad" },
      element("rect", { x, y, width: NODE.width, height: NODE.height, rx: 6 }),
      element("text", { x: middle, y: y + 19, class: "name" }, cut(name)),
      element("text", { x: middle, y: y + 35 }, cut(state)),
      element("title", {}, `${name}: ${state}, ${sockets.length} sockets`));
  });
  const arrow = element("defs", {}, element("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto-start-reverse" },
    element("path", { d: "M0,0 L8,4 L0,8 z" })));
  const width = Math.max(1, filled.length) * (NODE.width + NODE.across) - NODE.across + 16;
  const height = Math.max(1, ...filled.map((it) => it ?? 0)) * (NODE.height + NODE.down) - NODE.down + 16;
  const graph = system("graph");
  graph.setAttribute("viewBox", `0 0 ${width} ${height}`);
  graph.style.width = `${width}px`;
  graph.replaceChildren(arrow, ...links, ...nodes);
  const n = topology.agents.length;
  const failed = topology.agents.filter((it) => it.state !== "running").length;
  system("graph-text").textContent = `${n} ${n === 1 ? "agent" : "agents"}, ${topology.links.length} connections${failed ? `, ${failed} not running` : ""}`;
};

const look = async () => {
  let is_there = true;
  try {
    const answer = await fetch(authorized("topology"));
    // Nobody is observed here: the page is about messages alone.
    is_there = answer.status !== 404;
    if (answer.ok) {
      const topology = await answer.json();
      const rate = rates(topology, performance.now());
      fill(topology, rate);
      draw(topology, rate);
    } else if (is_there) {
      system("graph-text").textContent = (await answer.json()).error;
    }
  } catch {
    system("graph-text").textContent = "the bridge does not answer";
  }
  system("system").hidden = !is_there;
  if (is_there) setTimeout(() => document.hidden ? document.addEventListener("visibilitychange", look, { once: true }) : look(), EVERY);
};

look();
