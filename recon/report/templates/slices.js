// ---- slices

// right and down name the axes of a plane by their place in a shape (z, y, x)
const PLANES = {
  xy: { across: "z", n: 0, right: 2, down: 1, names: "x → y ↓" },
  xz: { across: "y", n: 1, right: 2, down: 0, names: "x → z ↓" },
  zy: { across: "x", n: 2, right: 1, down: 0, names: "y → z ↓" },
};
const methods = data.methods;
const [low, high, black, white] = data.window;
const code = (value) => Math.round((255 * (value - low)) / (high - low));
const grey = (level) => low + ((high - low) * level) / 255;
const state = { axis: "xy", at: {}, black: code(black), white: code(white), difference: false, reference: 0, cursor: null };
const sheets = new Map(); // "method axis" -> decoded picture
const panels = [];

function decode(index, axis) {
  const key = `${index} ${axis}`;
  if (!sheets.has(key)) {
    const picture = new Image();
    sheets.set(key, picture);
    picture.onload = draw;
    picture.src = methods[index].sheets[axis].picture;
  }
  const picture = sheets.get(key);
  return picture.complete && picture.naturalWidth ? picture : null;
}

const scratch = make("canvas").getContext("2d", { willReadFrequently: true });

// The 8-bit section at the slider's place, or null while its sheet is being decoded.
function section(index) {
  const sheet = methods[index].sheets[state.axis];
  const picture = decode(index, state.axis);
  if (!picture) return null;
  const here = place(index);
  const [width, height] = sheet.size;
  scratch.canvas.width = width;
  scratch.canvas.height = height;
  const left = (here % sheet.columns) * sheet.tile[0];
  const top = Math.floor(here / sheet.columns) * sheet.tile[1];
  scratch.drawImage(picture, left, top, width, height, 0, 0, width, height);
  const pixels = scratch.getImageData(0, 0, width, height).data;
  const levels = new Uint8Array(width * height);
  for (let i = 0; i < levels.length; i++) levels[i] = pixels[4 * i];
  return { levels, width, height };
}

const count = (axis) => Math.max(...methods.map((m) => m.at[axis].length));
const place = (index) => {
  const own = methods[index].at[state.axis].length;
  return own === count(state.axis) ? state.at[state.axis] : Math.round((state.at[state.axis] * (own - 1)) / Math.max(1, count(state.axis) - 1));
};

function build() {
  const holder = byId("panels");
  const across = methods.length <= 4 ? Math.max(2, methods.length) : methods.length <= 6 ? 3 : 4;
  document.documentElement.style.setProperty("--across", across);
  methods.forEach((method, index) => {
    const figure = make("figure");
    const frame = make("div", "frame");
    const canvas = make("canvas", "picture");
    canvas.setAttribute("role", "img");
    canvas.dataset.method = method.label;
    const panel = { frame, canvas, axes: make("span", "axes"), bar: make("span", "bar"), value: make("output"), shown: null };
    const lines = [make("i", "across"), make("i", "down")];
    frame.append(canvas, ...lines, panel.axes);
    if (index === 0) frame.append(panel.bar);
    const caption = make("figcaption");
    const name = make("b");
    const key = make("i", "key");
    key.style.background = method.colour;
    panel.name = make("span", "", method.label);
    name.append(key, panel.name);
    caption.append(name, panel.value);
    figure.append(frame, caption);
    holder.append(figure);
    frame.addEventListener("pointermove", (event) => {
      const box = frame.getBoundingClientRect();
      state.cursor = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
      mark();
    });
    frame.addEventListener("pointerleave", () => { state.cursor = null; mark(); });
    frame.addEventListener("click", jump);
    panel.lines = lines;
    panels.push(panel);
    const option = make("option", "", method.label);
    option.value = index;
    byId("reference").append(option);
  });
  for (const axis of Object.keys(PLANES)) {
    state.at[axis] = Math.floor(count(axis) / 2);
    byId(`tab-${axis}`).addEventListener("click", () => show(axis, state.at[axis]));
  }
  byId("position").addEventListener("input", (event) => show(state.axis, Number(event.target.value)));
  byId("difference").addEventListener("change", (event) => { state.difference = event.target.checked; draw(); });
  byId("reference").addEventListener("change", (event) => {
    state.reference = Number(event.target.value);
    state.difference = byId("difference").checked = true;
    draw();
  });
  for (const end of ["black", "white"]) {
    byId(end).value = state[end];
    byId(end).addEventListener("input", (event) => {
      state[end] = Number(event.target.value);
      if (state.white <= state.black) state[end === "black" ? "white" : "black"] = end === "black" ? state.black + 1 : state.white - 1;
      byId("black").value = state.black;
      byId("white").value = state.white;
      draw();
    });
  }
  byId("auto").addEventListener("click", () => {
    [state.black, state.white] = [code(black), code(white)];
    byId("black").value = state.black;
    byId("white").value = state.white;
    draw();
  });
  document.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    const typing = event.target.closest && event.target.closest("input:not(#position), select, textarea, summary");
    // Up and down scroll the page unless the slider has the focus.
    const vertical = event.key === "ArrowUp" || event.key === "ArrowDown";
    if (!step || typing || event.altKey || event.ctrlKey || event.metaKey || (vertical && event.target.id !== "position")) return;
    event.preventDefault();
    show(state.axis, state.at[state.axis] + step * (event.shiftKey ? 10 : 1));
  });
  window.addEventListener("hashchange", fromAddress);
  window.addEventListener("resize", draw);
}

// A click takes the other two planes to the place that was clicked.
function jump() {
  if (!state.cursor) return;
  const plane = PLANES[state.axis];
  for (const [axis, other] of Object.entries(PLANES)) {
    const part = other.n === plane.right ? state.cursor[0] : other.n === plane.down ? state.cursor[1] : null;
    if (part !== null) state.at[axis] = Math.min(count(axis) - 1, Math.max(0, Math.floor(part * count(axis))));
  }
}

function show(axis, position) {
  state.axis = axis;
  state.at[axis] = Math.min(count(axis) - 1, Math.max(0, position));
  const slider = byId("position");
  slider.max = count(axis) - 1;
  slider.value = state.at[axis];
  for (const name of Object.keys(PLANES)) byId(`tab-${name}`).setAttribute("aria-selected", String(name === axis));
  try { history.replaceState(null, "", `#${axis}=${state.at[axis]}`); } catch { /* some browsers refuse it on file:// */ }
  draw();
}

function fromAddress() {
  const found = /^#(xy|xz|zy)=(\d+)$/.exec(location.hash);
  if (found) show(found[1], Number(found[2]));
  return Boolean(found);
}

function draw() {
  const plane = PLANES[state.axis];
  const longest = methods.reduce((a, b) => (b.at[state.axis].length > a.at[state.axis].length ? b : a));
  const index = longest.at[state.axis][state.at[state.axis]];
  const text = `${plane.across} = ${index} of ${longest.shape[plane.n]}`;
  byId("position-name").textContent = `${plane.across} section`;
  byId("position-text").textContent = text;
  byId("position").setAttribute("aria-valuetext", text);
  const sections = methods.map((_, i) => section(i));
  const from = sections[state.reference];
  const table = new Uint8ClampedArray(256);
  for (let i = 0; i < 256; i++) table[i] = (255 * (i - state.black)) / (state.white - state.black);
  panels.forEach((panel, i) => {
    const method = methods[i];
    const here = sections[i];
    const shape = [method.shape[plane.right], method.shape[plane.down]];
    panel.frame.style.aspectRatio = `${shape[0]} / ${Math.max(shape[1], shape[0] / 6)}`;
    panel.axes.textContent = plane.names;
    if (!here || (state.difference && !from)) return;
    panel.shown = here;
    paint(panel, here, state.difference && i !== state.reference ? from : null, table);
    const minus = state.difference && i !== state.reference;
    panel.name.textContent = minus ? `${method.label} − ${methods[state.reference].label}` : method.label;
    panel.canvas.setAttribute("aria-label", `${panel.name.textContent}, ${state.axis} plane, ${text}`);
    panel.canvas.style.imageRendering = panel.frame.clientWidth * devicePixelRatio > 1.5 * here.width ? "pixelated" : "auto";
  });
  scaleBar(plane);
  legend();
  mark();
}

// Grey, or for a difference blue (less) over black to orange (more), full at half the grey window.
function paint(panel, here, from, table) {
  const context = panel.canvas.getContext("2d");
  if (panel.canvas.width !== here.width || panel.canvas.height !== here.height) {
    panel.canvas.width = here.width;
    panel.canvas.height = here.height;
  }
  const image = context.createImageData(here.width, here.height);
  const comparable = from && from.levels.length === here.levels.length && from.width === here.width;
  let check = 2166136261; // FNV-1a of what is shown, for tests and for the curious
  for (let i = 0; i < here.levels.length; i++) {
    let [red, green, blue] = [0, 0, 0];
    if (!from) red = green = blue = table[here.levels[i]];
    else if (comparable) {
      const part = (2 * (here.levels[i] - from.levels[i])) / (state.white - state.black);
      [red, green, blue] = signed(part);
    }
    image.data[4 * i] = red;
    image.data[4 * i + 1] = green;
    image.data[4 * i + 2] = blue;
    image.data[4 * i + 3] = 255;
    check = Math.imul(check ^ ((red << 16) | (green << 8) | blue), 16777619);
  }
  context.putImageData(image, 0, 0);
  panel.canvas.dataset.picture = (check >>> 0).toString(16);
  panel.frame.title = from && !comparable ? "not on the same grid: no difference can be shown" : "";
}

function signed(part) {
  const size = Math.min(1, Math.abs(part));
  const end = part < 0 ? [90, 180, 255] : [255, 160, 60];
  return end.map((c) => Math.round(16 * (1 - size) + c * size));
}

function legend() {
  const [from, to] = [grey(state.black), grey(state.white)];
  const half = (to - from) / 2;
  byId("legend-low").textContent = short(state.difference ? -half : from);
  byId("legend-high").textContent = short(state.difference ? half : to);
  byId("legend-unit").textContent = data.unit;
  byId("legend-bar").style.background = state.difference
    ? `linear-gradient(to right, rgb(${signed(-1)}), rgb(${signed(0)}), rgb(${signed(1)}))`
    : "linear-gradient(to right, #000, #fff)";
}

function scaleBar(plane) {
  const voxel = methods[0].voxel_nm;
  const width = methods[0].shape[plane.right] * (voxel || 1);
  const power = 10 ** Math.floor(Math.log10(width / 4));
  const length = [5, 2, 1].map((f) => f * power).find((v) => v <= width / 4) || power;
  panels[0].bar.style.width = `${(100 * length) / width}%`;
  panels[0].bar.textContent = voxel ? (length >= 1000 ? `${length / 1000} µm` : `${Number(length.toPrecision(3))} nm`) : `${length} px`;
}

function mark() {
  panels.forEach((panel) => {
    panel.frame.classList.toggle("marked", Boolean(state.cursor));
    panel.value.textContent = "";
    if (!state.cursor) return;
    const [u, v] = state.cursor;
    panel.lines[0].style.top = `${100 * v}%`;
    panel.lines[1].style.left = `${100 * u}%`;
    const here = panel.shown;
    if (!here) return;
    const at = Math.min(here.height - 1, Math.max(0, Math.floor(v * here.height))) * here.width + Math.min(here.width - 1, Math.max(0, Math.floor(u * here.width)));
    const level = here.levels[at];
    const from = panels[state.reference].shown;
    if (state.difference && panel !== panels[state.reference] && from) {
      const minus = from.levels.length === here.levels.length ? ((high - low) * (level - from.levels[at])) / 255 : null;
      panel.value.textContent = minus === null ? "not on one grid" : `${minus > 0 ? "+" : ""}${short(minus)}`;
      return;
    }
    panel.value.textContent = `${level === 0 ? "≤ " : level === 255 ? "≥ " : ""}${short(grey(level))}`;
  });
}

// ---- spectra

function spectra() {
  methods.forEach((method) => {
    const figure = make("figure");
    const frame = make("div", "frame");
    frame.style.aspectRatio = "1";
    frame.style.cursor = "default";
    const picture = make("img");
    picture.src = method.fourier;
    picture.alt = `Fourier magnitude of ${method.label}`;
    frame.append(picture);
    if (method.wedge) {
      const drawing = svgOf("svg", { viewBox: "-0.5 -0.5 1 1", preserveAspectRatio: "none", "aria-hidden": "true" });
      drawing.append(svgOf("path", { d: method.wedge.path }));
      for (const [x1, y1, x2, y2] of method.wedge.lines) drawing.append(svgOf("line", { x1, y1, x2, y2 }));
      frame.append(drawing);
    }
    frame.append(make("span", "axes", "kx → kz ↓"));
    const caption = make("figcaption");
    const name = make("b");
    const key = make("i", "key");
    key.style.background = method.colour;
    name.append(key, make("span", "", method.label));
    caption.append(name, make("output", "", method.known ? "lines as for the views" : method.wedge ? `wedge ${short(method.wedge.width_deg)}°` : "no wedge"));
    figure.append(frame, caption);
    byId("spectra").append(figure);
  });
  byId("wedge").addEventListener("change", (event) => {
    for (const drawing of byId("spectra").querySelectorAll("svg")) drawing.style.display = event.target.checked ? "" : "none";
  });
}
