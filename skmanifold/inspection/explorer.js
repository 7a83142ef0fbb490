"use strict";
// Text from the data is inserted as text (textContent), never as markup, and never passed
// to the plotting library, which would interpret markup.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const element = (id) => document.getElementById(id);
  const make = (tag, textContent, properties = {}) =>
    Object.assign(document.createElement(tag), { textContent, ...properties });

  function decodeBytes(text) {
    const characters = atob(text);
    const bytes = new Uint8Array(characters.length);
    for (let i = 0; i < characters.length; i++) bytes[i] = characters.charCodeAt(i);
    return bytes.buffer;
  }
  const numbers = (text) => new Float32Array(decodeBytes(text));

  const n = data.n;
  const x = numbers(data.x);
  const y = numbers(data.y);
  const target = data.target;
  const values =
    target.kind === "classes"
      ? new Int32Array(decodeBytes(target.values))
      : target.kind === "continuous"
        ? numbers(target.values)
        : null;

  const round = (value) => String(Number(value.toPrecision(4)));

  // of days since 1970
  const isoDate = (days) =>
    new Date(Math.floor(days) * 86400000).toISOString().slice(0, 10);
  const quantity = target.dates ? isoDate : round;

  function label(i) {
    if (target.kind === "classes") return target.labels[values[i]];
    if (target.kind === "continuous") {
      return Number.isNaN(values[i]) ? "missing" : quantity(values[i]);
    }
    return null;
  }

  // metadata columns, null if missing
  const columns = data.names || [];
  const namesOf = (i) =>
    columns.map(([, texts]) => texts[i] ?? null).filter((text) => text !== null);

  // -- colors and markers of all samples

  function mixed(low, high, share) {
    return low.map((part, i) => Math.round(part + (high[i] - part) * share));
  }
  // where a value lies on the scale, from 0 to 1
  function shareOfScale(value) {
    const knots = target.knots;
    if (!knots) return (value - target.low) / (target.high - target.low || 1);
    let after = knots.findIndex((knot) => knot > value);
    if (after < 0) after = knots.length - 1;
    if (after === 0) return 0;
    const step = knots[after] - knots[after - 1];
    const within = Math.min(1, (value - knots[after - 1]) / step);
    return (after - 1 + within) / (knots.length - 1);
  }
  function shade(value) {
    if (!Number.isFinite(value)) return target.missing;
    const place = shareOfScale(value) * (target.scale.length - 1);
    const at = Math.max(0, Math.min(target.scale.length - 2, Math.floor(place)));
    const parts = mixed(target.scale[at], target.scale[at + 1], place - at);
    return `rgb(${parts.join(",")})`;
  }
  const colors = new Array(n);
  const symbols = new Array(n);
  for (let i = 0; i < n; i++) {
    symbols[i] = "circle";
    if (!target.kind) {
      colors[i] = target.color;
    } else if (target.kind === "classes") {
      colors[i] = target.colors[values[i]];
      symbols[i] = target.symbols[values[i]];
    } else {
      colors[i] = shade(values[i]);
    }
  }
  const oneSymbol = symbols.every((symbol) => symbol === symbols[0]);

  // -- state: shown (row numbers), selected and hovered samples

  const classShown = (target.labels || []).map(() => true);
  let shown = [];
  const selected = new Set();
  let located = null;

  const isShown = (i) => target.kind !== "classes" || classShown[values[i]];

  function filter() {
    shown = [];
    for (let i = 0; i < n; i++) if (isShown(i)) shown.push(i);
    const all = n.toLocaleString("en");
    element("status").textContent =
      shown.length === n
        ? `${all} samples`
        : `${shown.length.toLocaleString("en")} of ${all} samples`;
  }

  // -- the plot

  const plot = element("plot");
  const webgl = (() => {
    const context = document.createElement("canvas").getContext("webgl");
    if (context === null) return false;
    const lose = context.getExtension("WEBGL_lose_context");
    if (lose) lose.loseContext();
    return true;
  })();
  const type = webgl ? "scattergl" : "scatter";
  const size = n > 20000 ? 3 : n > 5000 ? 4 : n > 1000 ? 5 : 7;

  function traces() {
    const points = {
      type,
      mode: "markers",
      x: shown.map((i) => x[i]),
      y: shown.map((i) => y[i]),
      hoverinfo: "none",
      marker: {
        size,
        opacity: 0.85,
        color: shown.map((i) => colors[i]),
        symbol: oneSymbol ? symbols[0] : shown.map((i) => symbols[i]),
      },
      selected: { marker: { opacity: 1 } },
      unselected: { marker: { opacity: 0.12 } },
    };
    if (selected.size > 0) {
      points.selectedpoints = [];
      shown.forEach((i, at) => selected.has(i) && points.selectedpoints.push(at));
    }
    // without WebGL: a single marker above all points
    const ring = {
      type: "scatter",
      mode: "markers",
      x: located === null ? [] : [x[located]],
      y: located === null ? [] : [y[located]],
      hoverinfo: "skip",
      marker: {
        size: size + 13,
        color: "#000",
        symbol: "circle-open",
        line: { width: 2, color: "#000" },
      },
      selected: { marker: { opacity: 1 } },
      unselected: { marker: { opacity: 1 } },
    };
    return [points, ring];
  }

  function axis(numbersOf, other) {
    let low = Infinity;
    let high = -Infinity;
    for (const value of numbersOf) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
    const margin = 0.04 * (high - low) || 1;
    return {
      range: [low - margin, high + margin],
      showgrid: false,
      zeroline: false,
      showticklabels: false,
      ...other,
    };
  }

  const layout = {
    dragmode: "pan",
    hovermode: "closest",
    hoverdistance: 12,
    showlegend: false,
    uirevision: "kept",
    selectionrevision: 0,
    margin: { l: 10, r: 10, t: 34, b: 10 },
    xaxis: axis(x, {}),
    yaxis: axis(y, { scaleanchor: "x", scaleratio: 1 }),
  };
  const config = {
    responsive: true,
    scrollZoom: true,
    displaylogo: false,
    displayModeBar: true,
    modeBarButtons: [
      ["pan2d", "zoom2d", "lasso2d", "select2d"],
      ["zoomIn2d", "zoomOut2d", "resetScale2d", "toImage"],
    ],
  };

  function draw() {
    return Plotly.react(plot, traces(), layout, config);
  }

  // A lasso is outdated once the points have changed. Removing it triggers a selection
  // event of the plotting library, which is ignored.
  let redrawing = false;
  function redraw() {
    layout.selections = [];
    layout.selectionrevision += 1;
    layout.dragmode = plot._fullLayout.dragmode;
    redrawing = true;
    return draw().finally(() => {
      redrawing = false;
      showSelection();
    });
  }

  // -- images: tiles of sheets, decoded on demand

  function tiles(sprites) {
    if (!sprites) return null;
    const loaded = new Map();
    const latest = new WeakMap();
    return (i, canvas, largest) => {
      const { width, height } = sprites;
      const sheet = Math.floor(i / sprites.per_sheet);
      const at = i % sprites.per_sheet;
      const left = (at % sprites.columns) * width;
      const top = Math.floor(at / sprites.columns) * height;
      latest.set(canvas, i);
      if (!loaded.has(sheet)) {
        const image = new Image();
        image.src = sprites.sheets[sheet];
        loaded.set(sheet, image);
      }
      const image = loaded.get(sheet);
      const zoom = Math.max(1, Math.floor(largest / Math.max(width, height)));
      const paint = () => {
        if (latest.get(canvas) !== i) return;
        Object.assign(canvas, { width, height, hidden: false });
        canvas.style.width = `${width * zoom}px`;
        canvas.style.height = `${height * zoom}px`;
        canvas.dataset.tile = i;
        const pen = canvas.getContext("2d");
        pen.drawImage(image, left, top, width, height, 0, 0, width, height);
      };
      if (image.complete) paint();
      else image.addEventListener("load", paint, { once: true });
    };
  }
  const sampleTile = tiles(data.images);
  const decodedTile = tiles(data.decode && data.decode.images);

  // -- one sample: in the panel, and next to the pointer

  function facts(i) {
    const rows = [["row", String(i)]];
    for (const [name, texts] of columns) {
      if ((texts[i] ?? null) !== null) rows.push([name, texts[i]]);
    }
    if (target.kind) rows.push([target.kind === "classes" ? "class" : "value", label(i)]);
    return rows;
  }

  function showSample(i) {
    const list = element("sample-facts");
    list.replaceChildren();
    for (const [name, value] of facts(i)) {
      list.append(make("dt", name), make("dd", value));
    }
    list.dataset.row = i;
    element("sample-hint").hidden = true;
    if (sampleTile) sampleTile(i, element("sample-image"), 112);
  }

  const tip = element("tip");
  function showTip(i, event) {
    element("tip-text").textContent = facts(i)
      .map(([name, value]) => `${name} ${value}`)
      .join(", ");
    if (sampleTile) sampleTile(i, element("tip-image"), 64);
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    // next to the pointer, but not over the panel
    const edge = plot.getBoundingClientRect().right;
    const right = event.clientX + 16 + box.width < edge;
    const below = event.clientY + 16 + box.height < window.innerHeight;
    tip.style.left = `${event.clientX + (right ? 16 : -16 - box.width)}px`;
    tip.style.top = `${event.clientY + (below ? 16 : -16 - box.height)}px`;
    tip.dataset.row = i;
  }

  // -- decoded sample at the grid point nearest to the pointer

  function nearest(grid, value) {
    const step = (grid.high - grid.low) / (grid.n - 1) || 1;
    const at = Math.round((value - grid.low) / step);
    return at < 0 || at >= grid.n ? null : at;
  }

  function profile(canvas, row) {
    const width = 114;
    const height = 112;
    canvas.width = width;
    canvas.height = height;
    canvas.style.imageRendering = "auto";
    const { low, high } = data.decode;
    const pen = canvas.getContext("2d");
    pen.strokeStyle = "#332288";
    pen.lineWidth = 1.5;
    pen.beginPath();
    row.forEach((value, k) => {
      const across = row.length > 1 ? k / (row.length - 1) : 0.5;
      const up = (value - low) / (high - low || 1);
      pen.lineTo(4 + across * (width - 8), height - 4 - up * (height - 8));
    });
    pen.stroke();
  }

  // up to this many features are shown as numbers, more as a curve
  const FEW = 8;
  const profiles = data.decode && data.decode.rows ? numbers(data.decode.rows) : null;
  function decodeAt(px, py) {
    const { x: gx, y: gy } = data.decode;
    const column = nearest(gx, px);
    const row = nearest(gy, py);
    const place = element("decoded-place");
    const canvas = element("decoded-image");
    if (column === null || row === null) {
      place.textContent = "Outside of the grid.";
      return;
    }
    const at = row * gx.n + column;
    const node = (grid, k) => grid.low + (k * (grid.high - grid.low)) / (grid.n - 1);
    place.textContent = `at (${round(node(gx, column))}, ${round(node(gy, row))})`;
    canvas.dataset.node = at;
    if (decodedTile) {
      decodedTile(at, canvas, 112);
      return;
    }
    const width = data.decode.n_features;
    const values = Array.from(profiles.subarray(at * width, (at + 1) * width));
    if (width > FEW) {
      profile(canvas, values);
    } else {
      canvas.hidden = true;
      const lines = values.map((value, k) => `${k}: ${round(value)}`);
      element("decoded-values").textContent = lines.join("\n");
    }
  }

  // -- selection

  function showSelection() {
    const empty = selected.size === 0;
    element("export").disabled = element("clear").disabled = empty;
    let hidden = 0;
    for (const i of selected) hidden += isShown(i) ? 0 : 1;
    const count = (value) => value.toLocaleString("en");
    element("selection-count").textContent = empty
      ? "Draw a lasso around points; with Shift, add to them."
      : `${count(selected.size)} selected` + (hidden ? `, ${count(hidden)} hidden` : "");
  }

  function quoted(text) {
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  }

  function exportSelection() {
    const head = ["index", ...columns.map(([name]) => quoted(name))];
    if (target.kind) head.push("label");
    const lines = [head.join(",")];
    for (const i of [...selected].sort((a, b) => a - b)) {
      const cells = [String(i)];
      for (const [, texts] of columns) cells.push(quoted(texts[i] ?? ""));
      // full precision, unlike on screen
      if (target.kind === "continuous") {
        const exact = target.dates ? isoDate : String;
        cells.push(Number.isNaN(values[i]) ? "" : exact(values[i]));
      } else if (target.kind) cells.push(quoted(label(i)));
      lines.push(cells.join(","));
    }
    const blob = new Blob([`${lines.join("\r\n")}\r\n`], { type: "text/csv" });
    const href = URL.createObjectURL(blob);
    make("a", "", { href, download: "selection.csv" }).click();
    setTimeout(() => URL.revokeObjectURL(href), 10000);
  }

  element("export").addEventListener("click", exportSelection);
  element("clear").addEventListener("click", () => {
    selected.clear();
    showSelection();
    redraw();
  });

  // -- search and classes

  function locate(i) {
    located = i;
    if (!isShown(i)) {
      classShown[values[i]] = true;
      listClasses();
      filter();
    }
    showSample(i);
    redraw().then(() => {
      const move = {};
      for (const [name, place] of [
        ["xaxis", x[i]],
        ["yaxis", y[i]],
      ]) {
        const [low, high] = plot._fullLayout[name].range;
        if (place < low || place > high) {
          const half = (high - low) / 2;
          move[`${name}.range`] = [place - half, place + half];
        }
      }
      if (Object.keys(move).length) Plotly.relayout(plot, move);
    });
  }

  const query = () => element("search").value.trim().toLowerCase();
  const matches = (text) => text.toLowerCase().includes(query());

  function search() {
    const results = element("results");
    results.replaceChildren();
    const text = query();
    if (text !== "") {
      const rows = [];
      if (/^\d+$/.test(text) && Number(text) < n) rows.push(Number(text));
      for (let i = 0; columns.length && i < n && rows.length < 50; i++) {
        if (namesOf(i).some(matches) && i !== rows[0]) rows.push(i);
      }
      for (const i of rows) {
        const names = namesOf(i);
        const caption = names.length ? `row ${i}: ${names.join(", ")}` : `row ${i}`;
        const item = make("li");
        item.append(make("button", caption, { type: "button", onclick: () => locate(i) }));
        results.append(item);
      }
    }
    if (target.kind === "classes") listClasses();
  }

  function update() {
    filter();
    listClasses();
    redraw();
  }

  const counts = (target.labels || []).map(() => 0);
  if (target.kind === "classes") for (const code of values) counts[code] += 1;

  // A row number is not a class, unless a class has that name.
  function listed() {
    const all = target.labels.map((_, code) => code);
    const found = all.filter((code) => matches(target.labels[code]));
    return found.length || columns.length ? found : all;
  }

  function listClasses() {
    const list = element("class-list");
    list.replaceChildren();
    for (const code of listed()) {
      const change = () => {
        classShown[code] = box.checked;
        filter();
        redraw();
      };
      const single = () => {
        classShown.fill(false);
        classShown[code] = true;
        update();
      };
      const checked = classShown[code];
      const box = make("input", "", { type: "checkbox", checked, onchange: change });
      const mark = make("span", target.glyphs[code]);
      mark.style.color = target.colors[code];
      const name = make("span", target.labels[code], { className: "name" });
      const text = counts[code].toLocaleString("en");
      const count = make("span", text, { className: "count" });
      const button = { type: "button", className: "only", onclick: single };
      const only = make("button", "only", button);
      const item = make("li");
      const labeled = make("label");
      labeled.append(box, mark, name, count);
      item.append(labeled, only);
      list.append(item);
    }
  }

  function setListed(value) {
    for (const code of listed()) classShown[code] = value;
    update();
  }
  element("show-all").addEventListener("click", () => setListed(true));
  element("hide-all").addEventListener("click", () => setListed(false));
  element("search").addEventListener("input", search);
  element("search").addEventListener("keydown", (event) => {
    const first = element("results").querySelector("button");
    if (event.key === "Enter" && first) first.click();
  });
  const wanted = ["row number"];
  for (const [name] of columns) wanted.push(name);
  if (target.kind === "classes") wanted.push("class");
  element("search").placeholder = wanted.join(", ");

  // -- start

  element("classes").hidden = target.kind !== "classes";
  element("decoded").hidden = !data.decode;
  if (target.kind === "classes") listClasses();
  if (target.kind === "continuous") {
    element("scale").hidden = false;
    const stops = target.scale.map((parts) => `rgb(${parts.join(",")})`);
    element("scale-bar").style.background = `linear-gradient(to right, ${stops.join(",")})`;
    element("scale-low").textContent = quantity(target.low);
    element("scale-high").textContent = quantity(target.high);
    if (target.knots) {
      const middle = (target.knots.length - 1) / 2;
      const sides = [Math.floor(middle), Math.ceil(middle)].map((i) => target.knots[i]);
      element("scale-middle").textContent = quantity((sides[0] + sides[1]) / 2);
    }
    element("scale-hint").hidden = !target.knots;
  }
  filter();
  draw().then(() => {
    plot.on("plotly_hover", (event) => {
      const point = event.points.find((one) => one.curveNumber === 0);
      if (!point) return;
      const i = shown[point.pointNumber];
      showSample(i);
      showTip(i, event.event);
    });
    plot.on("plotly_unhover", () => {
      tip.hidden = true;
    });
    let adding = false;
    plot.addEventListener("mousedown", (event) => (adding = event.shiftKey), true);
    plot.on("plotly_selected", (event) => {
      if (!event || redrawing) return;
      const before = selected.size;
      if (!adding) selected.clear();
      for (const point of event.points) {
        if (point.curveNumber === 0) selected.add(shown[point.pointNumber]);
      }
      showSelection();
      // the plotting library forgets the selection when it redraws
      if (adding && before) redraw();
    });
    plot.on("plotly_deselect", () => {
      if (redrawing) return;
      selected.clear();
      showSelection();
    });
    if (data.decode) {
      plot.addEventListener("mousemove", (event) => {
        const box = plot.querySelector(".nsewdrag").getBoundingClientRect();
        const across = event.clientX - box.left;
        const down = event.clientY - box.top;
        if (across < 0 || down < 0 || across > box.width || down > box.height) return;
        const { xaxis, yaxis } = plot._fullLayout;
        decodeAt(xaxis.p2d(across), yaxis.p2d(down));
      });
    }
    if (!webgl) {
      element("status").textContent += "; no WebGL here, so drawing is slow";
    }
    document.body.dataset.ready = "true";
  });
})();
