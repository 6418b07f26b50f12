"use strict";
(function () {
  const root = document.documentElement, tip = document.getElementById("tip");

  // Theme: follows the system until it is switched.
  const button = document.getElementById("theme");
  button.hidden = false;
  button.onclick = function () {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  };

  // Each scenario has its charts and evidence packed: JSON by name, deflated, in base64.
  const packs = new Map();
  function unpack(section) {
    if (!packs.has(section)) {
      const bytes = Uint8Array.from(atob(section.querySelector(".packed").textContent), function (c) { return c.charCodeAt(0); });
      const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
      packs.set(section, new Response(plain).json());
    }
    return packs.get(section);
  }

  // A part is drawn once, when it comes near the view or its details are opened.
  async function draw(part) {
    const name = part.dataset.part;
    if (!name) return;
    near.unobserve(part);
    delete part.dataset.part;
    try {
      part.innerHTML = (await unpack(part.closest("section")))[name];
      enliven(part);
    } catch (e) { part.textContent = "This browser cannot draw it: " + e; }
    part.classList.remove("unseen");
  }
  const near = new IntersectionObserver(function (seen) {
    seen.forEach(function (s) { if (s.isIntersecting) draw(s.target); });
  }, { rootMargin: "1200px" });
  document.querySelectorAll(".part").forEach(function (p) { near.observe(p); });
  document.addEventListener("toggle", function (e) {
    const part = e.target.open && e.target.querySelector(":scope > .part");
    if (part) draw(part);
  }, true);

  // A link to evidence opens it; a print has what was drawn.
  function reveal() {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    if (target && target.tagName === "DETAILS") target.open = true;
  }
  addEventListener("hashchange", reveal);
  reveal();
  addEventListener("beforeprint", function () {
    document.querySelectorAll("details:not(:has(> .part[data-part]))").forEach(function (d) { d.open = true; });
  });

  // The legend's switches work by style alone; the script counts them.
  const boxes = Array.from(document.querySelectorAll(".legend input")), shown = document.getElementById("shown");
  function countShown() {
    if (shown) shown.textContent = ": " + boxes.filter(function (b) { return b.checked; }).length + " of " + boxes.length;
  }
  boxes.forEach(function (b) { b.onchange = countShown; });
  countShown();

  // Commands to copy. A page from a file may have no clipboard: then the text is selected.
  document.querySelectorAll(".copy").forEach(function (button) {
    const code = button.parentNode.querySelector("code");
    button.hidden = false;
    button.onclick = function () {
      getSelection().selectAllChildren(code);
      const copied = navigator.clipboard ? navigator.clipboard.writeText(code.textContent) : Promise.reject();
      copied.catch(function () { if (!document.execCommand("copy")) throw 0; }).then(
        function () { button.textContent = "Copied"; },
        function () { button.textContent = "Selected"; });
      setTimeout(function () { button.textContent = "Copy"; }, 1500);
    };
  });

  // Values under the pointer, read back from the drawn lines.
  function axis(text) {
    const p = text.split(","), kind = p[0], lo = +p[1], hi = +p[2], from = +p[3], to = +p[4];
    const bend = { log: Math.log10, log1p: function (v) { return Math.log10(1 + v); }, nines: function (v) { return -Math.log10(1 - v); }, linear: function (v) { return v; } }[kind];
    const back = { log: function (v) { return Math.pow(10, v); }, log1p: function (v) { return Math.pow(10, v) - 1; }, nines: function (v) { return 1 - Math.pow(10, -v); }, linear: function (v) { return v; } }[kind];
    return { from: from, to: to, unit: p[5], value: function (at) { return back(bend(lo) + (bend(hi) - bend(lo)) * (at - from) / (to - from)); } };
  }
  function three(v) { return String(+v.toPrecision(3)); }
  function words(v, unit) {
    if (unit === "quantile") return "p" + +(100 * v).toFixed(v > 0.999 ? 3 : v > 0.99 ? 2 : 1);
    if (unit === "count") return v < 10 ? three(v) : Math.round(v).toLocaleString("en");
    return v <= 0 ? "0 s" : v < 1e-3 ? three(v * 1e6) + " µs" : v < 1 ? three(v * 1e3) + " ms" : three(v) + " s";
  }
  function enliven(part) { part.querySelectorAll("svg.chart").forEach(addValues); }
  function addValues(svg) {
    const NS = svg.namespaceURI, x = axis(svg.dataset.x), y = axis(svg.dataset.y);
    const title = svg.querySelector("title");
    svg.setAttribute("aria-label", title.textContent);
    svg.querySelectorAll("title").forEach(function (t) { t.remove(); }); // the tip says more
    const lines = Array.from(svg.querySelectorAll("path.ln"), function (path) {
      const points = Array.from(path.getAttribute("d").matchAll(/[ML]([\d.]+) ([\d.]+)/g), function (m) { return [+m[1], +m[2]]; });
      return { path: path, points: points };
    });
    const cursor = svg.appendChild(document.createElementNS(NS, "path"));
    cursor.setAttribute("class", "cursor");
    svg.addEventListener("pointermove", function (e) {
      const at = (e.clientX - svg.getBoundingClientRect().left) * 640 / svg.getBoundingClientRect().width;
      if (at < x.from || at > x.to) return leave();
      tip.replaceChildren();
      const head = x.value(at);
      tip.append(x.unit === "time" ? head.toFixed(1) + " s" : words(head, x.unit));
      lines.forEach(function (l) {
        if (!l.points.length || getComputedStyle(l.path).display === "none") return;
        const p = l.points.reduce(function (a, b) { return Math.abs(b[0] - at) < Math.abs(a[0] - at) ? b : a; });
        if (Math.abs(p[0] - at) > 14) return;
        const row = tip.appendChild(document.createElement("div")), sw = row.appendChild(document.createElementNS(NS, "svg"));
        sw.setAttribute("class", "sw");
        sw.setAttribute("viewBox", "0 0 28 8");
        const stroke = sw.appendChild(document.createElementNS(NS, "path"));
        stroke.setAttribute("class", l.path.getAttribute("class"));
        stroke.setAttribute("d", "M2 4H26");
        row.appendChild(document.createElement("span")).textContent = l.path.dataset.n;
        row.appendChild(document.createElement("b")).textContent = words(y.value(p[1]), y.unit);
      });
      cursor.setAttribute("d", "M" + at + " " + y.from + "V" + y.to);
      tip.hidden = false;
      tip.style.left = Math.min(e.clientX + 16, innerWidth - tip.offsetWidth - 8) + "px";
      tip.style.top = Math.min(e.clientY + 16, innerHeight - tip.offsetHeight - 8) + "px";
    });
    function leave() { tip.hidden = true; cursor.removeAttribute("d"); }
    svg.addEventListener("pointerleave", leave);
  }
})();
