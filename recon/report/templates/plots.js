// ---- plots

function ticks(from, to) {
  const rough = (to - from) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((f) => f * power).find((s) => s >= rough);
  const found = [];
  for (let i = Math.ceil(from / step); i * step <= to + 1e-9 * step; i++) found.push(i * step);
  return found;
}

function logTicks(from, to) {
  const found = [];
  const decades = Math.log10(to / from);
  for (let power = Math.floor(Math.log10(from)); power <= Math.log10(to); power++) {
    for (const factor of decades > 2.5 ? [1] : decades > 1 ? [1, 2, 5] : [1, 1.5, 2, 3, 4, 5, 7]) {
      const value = factor * 10 ** power;
      if (value >= from && value <= to) found.push(value);
    }
  }
  return found;
}

function plot(figure) {
  const spec = JSON.parse(figure.dataset.plot);
  const width = Math.max(300, figure.clientWidth - 28);
  const [height, left, right, top, bottom] = [Math.round(Math.min(300, 0.62 * width)), 58, 12, 12, 42];
  const [log, logx] = [Boolean(spec.log), Boolean(spec.logx)];
  const xs = spec.lines.flatMap((l) => l.x);
  const ys = spec.lines.flatMap((l) => l.y).filter((v) => v !== null && (!log || v > 0));
  if (!ys.length) return;
  let [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  if (spec.zero) y0 = Math.min(0, y0);
  for (const [level] of log ? spec.levels || [] : []) [y0, y1] = [Math.min(y0, level), Math.max(y1, level)];
  if (spec.range) [y0, y1] = [Math.min(y0, spec.range[0]), Math.max(y1, spec.range[1])];
  if (x1 === x0) x1 = x0 + 1;
  if (log) [y0, y1] = [y0 / 1.1, y1 * 1.1];
  else {
    const pad = 0.06 * (y1 - y0) || Math.abs(y1) || 1;
    [y0, y1] = [y0 >= 0 && y0 < pad ? 0 : y0 - pad, y1 + pad];
  }
  const partX = (x) => (logx ? Math.log(x / x0) / Math.log(x1 / x0) : (x - x0) / (x1 - x0));
  const toX = (x) => left + (width - left - right) * partX(x);
  const part = (y) => (log ? Math.log(y / y0) / Math.log(y1 / y0) : (y - y0) / (y1 - y0));
  const toY = (y) => height - bottom - (height - top - bottom) * part(y);

  const title = make("h3", "", spec.title);
  const drawing = svgOf("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${spec.title}: ${spec.y} over ${spec.x}` });
  const text = (x, y, words, anchor, more) => {
    const element = svgOf("text", { x, y, "text-anchor": anchor, ...more });
    element.textContent = words;
    drawing.append(element);
  };
  for (const y of log ? logTicks(y0, y1) : ticks(y0, y1)) {
    drawing.append(svgOf("line", { class: "grid", x1: left, x2: width - right, y1: toY(y), y2: toY(y) }));
    text(left - 7, toY(y) + 4, short(y), "end");
  }
  for (const x of logx ? logTicks(x0, x1) : ticks(x0, x1)) {
    drawing.append(svgOf("line", { class: "grid", x1: toX(x), x2: toX(x), y1: top, y2: height - bottom }));
    text(toX(x), height - bottom + 17, short(x), "middle");
  }
  drawing.append(svgOf("line", { class: "axis", x1: left, x2: width - right, y1: height - bottom, y2: height - bottom }));
  text((left + width - right) / 2, height - 7, spec.x, "middle");
  text(13, (top + height - bottom) / 2, spec.y, "middle", { transform: `rotate(-90 13 ${(top + height - bottom) / 2})` });
  const labels = []; // over the lines
  for (const [level, words] of spec.levels || []) {
    drawing.append(svgOf("line", { class: "mark", x1: left, x2: width - right, y1: toY(level), y2: toY(level) }));
    labels.push(() => text(width - right - 4, toY(level) - 4, words, "end"));
  }
  for (const [x, words] of spec.marks || []) {
    if (x < x0 || x > x1) continue;
    drawing.append(svgOf("line", { class: "mark", x1: toX(x), x2: toX(x), y1: top, y2: height - bottom }));
    const late = partX(x) > 0.75;
    labels.push(() => text(toX(x) + (late ? -4 : 4), height - bottom - 6, words, late ? "end" : "start"));
  }
  for (const line of spec.lines) {
    let [path, pen] = ["", "M"];
    line.x.forEach((x, i) => {
      const y = line.y[i];
      if (y === null || (log && y <= 0)) { pen = "M"; return; }
      path += `${pen}${toX(x).toFixed(1)} ${toY(y).toFixed(1)}`;
      pen = "L";
    });
    drawing.append(svgOf("path", { class: line.dashed ? "line dashed" : "line", d: path, stroke: line.colour }));
    line.x.forEach((x, i) => {
      const y = line.y[i];
      if (line.dots && y !== null && !(log && y <= 0)) drawing.append(svgOf("circle", { class: "dot", cx: toX(x), cy: toY(y), r: 2.8, fill: line.colour }));
    });
  }
  for (const write of labels) write();
  const cursor = svgOf("line", { class: "axis", y1: top, y2: height - bottom, visibility: "hidden" });
  drawing.append(cursor);
  const keys = make("div", "keys");
  const values = spec.lines.map((line) => {
    const entry = make("span");
    const dot = make("i", "key");
    dot.style.background = line.colour;
    const value = make("span");
    entry.append(dot, line.label, value);
    keys.append(entry);
    return value;
  });
  drawing.addEventListener("pointermove", (event) => {
    const box = drawing.getBoundingClientRect();
    const along = (((event.clientX - box.left) / box.width) * width - left) / (width - left - right);
    const x = logx ? x0 * (x1 / x0) ** along : x0 + (x1 - x0) * along;
    let at = x;
    spec.lines.forEach((line, k) => {
      const nearest = line.x.reduce((best, v, i) => (Math.abs(v - x) < Math.abs(line.x[best] - x) ? i : best), 0);
      if (k === 0) at = line.x[nearest];
      values[k].textContent = line.y[nearest] === null ? "" : `  ${short(line.y[nearest])}`;
    });
    for (const end of ["x1", "x2"]) cursor.setAttribute(end, toX(at));
    cursor.setAttribute("visibility", "visible");
  });
  drawing.addEventListener("pointerleave", () => {
    cursor.setAttribute("visibility", "hidden");
    for (const value of values) value.textContent = "";
  });
  figure.append(title, keys, drawing);
}

if (methods.length) {
  build();
  spectra();
  if (!fromAddress()) show("xz", state.at.xz);
}
for (const figure of document.querySelectorAll(".plot")) plot(figure);
