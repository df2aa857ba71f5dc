// The page: starts the runtime, takes pictures from a drop, the clipboard, the file dialog or the camera, shows answers.

"use strict";

const SHOWN = 5; // classes
const element = (id) => document.getElementById(id);
const network = JSON.parse(element("sepzoo-network").textContent);
const ready = start().catch((problem) => {
  say(`This browser cannot run the network: ${problem.message}`, "wrong");
  throw problem;
});
let queue = ready; // pictures wait for those before them: the runtime answers one at a time
ready.catch(() => {}); // it is said; what waits says its own

async function start() {
  if (!self.WebAssembly || !self.DecompressionStream) throw new Error("it lacks WebAssembly or DecompressionStream");
  network.table = new { float32: Float32Array, uint8: Uint8Array, int8: Int8Array }[network.dtype](bytesOf(network.table).buffer);
  const packed = new Blob([bytesOf(element("sepzoo-runtime").textContent)]);
  const wasm = await new Response(packed.stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
  await litert.start(wasm);
  const model = await litert.loadAndCompile(bytesOf(element("sepzoo-model").textContent), { accelerator: "wasm" });
  for (const id of ["sepzoo-runtime", "sepzoo-model"]) element(id).remove();
  const size = network.height * network.width * network.channels;
  await run(model, new network.table.constructor(size)); // the first time is slower than all others
  say("Ready");
  return model;
}

function bytesOf(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

async function run(model, values) {
  const tensor = new litert.Tensor(values, [1, network.height, network.width, network.channels]);
  let outputs = [];
  try {
    outputs = await model.run(tensor);
    return outputs[0].toTypedArray().slice();
  } finally {
    for (const each of [tensor, ...outputs]) each.delete();
  }
}

// What the network says of an image, a video or a bitmap: {probabilities, preparing, running}, times in milliseconds.
async function classify(source, width, height) {
  const model = await ready;
  const begin = performance.now();
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(source, 0, 0);
  const values = asInput(seenPixels(context.getImageData(0, 0, width, height), network), network);
  const prepared = performance.now();
  const probabilities = asProbabilities(await run(model, values), network);
  return { probabilities, preparing: prepared - begin, running: performance.now() - prepared };
}

async function classifyFile(file, card) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  } catch {
    throw new Error(`expected a picture. Received: ${file.name || "something else"}, which this browser cannot show.`);
  }
  try {
    show(card, await classify(bitmap, bitmap.width, bitmap.height));
  } finally {
    bitmap.close();
  }
}

// Answers to files, each in a card of its own, the newest on top.
function take(files) {
  const cards = [...files].map((file) => [file, newCard(file.name || "pasted picture", pictureOf(file))]);
  element("results").prepend(...cards.map(([, card]) => card));
  element("clear").hidden = element("clear").hidden && cards.length === 0;
  for (const [file, card] of cards) {
    queue = queue
      .catch(() => {})
      .then(() => classifyFile(file, card))
      .catch((problem) => fail(card, problem));
  }
}

function pictureOf(file) {
  const image = new Image();
  image.alt = "";
  image.src = URL.createObjectURL(file);
  image.onerror = () => image.replaceWith(document.createElement("div"));
  return image;
}

function made(tag, name, text) {
  const found = document.createElement(tag);
  if (name) found.className = name;
  if (text) found.textContent = text;
  return found;
}

function newCard(title, picture) {
  const card = made("article");
  const said = made("div");
  said.append(made("h2", "", title), made("ol"), made("p", "time", "waiting …"));
  card.append(picture, said);
  return card;
}

function show(card, { probabilities, preparing, running }) {
  const rows = likeliest(probabilities, SHOWN).map((index) => {
    const row = made("li");
    const bar = made("div", "bar");
    const track = made("div", "track");
    const label = network.labels ? network.labels[index] : `class ${index}`;
    row.dataset.index = index;
    row.dataset.probability = probabilities[index];
    bar.style.width = `${100 * probabilities[index]}%`;
    track.append(bar);
    row.append(made("span", "", label), track, made("output", "", `${(100 * probabilities[index]).toFixed(1)} %`));
    row.title = label;
    return row;
  });
  card.querySelector("ol").replaceChildren(...rows);
  card.querySelector(".time").textContent = `${running.toFixed(1)} ms, and ${preparing.toFixed(0)} ms to resize`;
  card.dataset.done = "yes";
}

function fail(card, problem) {
  card.querySelector(".time").textContent = problem.message;
  card.querySelector(".time").classList.add("wrong");
  card.dataset.done = "failed";
}

function say(text, kind = "") {
  element("status").textContent = text;
  element("status").className = kind;
}

// The camera: one card whose answers follow what it sees.
let camera = null;

async function startCamera() {
  const devices = navigator.mediaDevices;
  if (!devices) throw new Error("this browser gives pages that were opened as a file no camera");
  const stream = await devices.getUserMedia({ video: { facingMode: "environment" } });
  const video = made("video");
  Object.assign(video, { srcObject: stream, muted: true, playsInline: true });
  await video.play();
  const card = newCard("camera", video);
  element("results").prepend(card);
  camera = { stream, card };
  element("camera").textContent = "Stop the camera";
  const mine = camera;
  while (camera === mine) {
    show(card, await classify(video, video.videoWidth, video.videoHeight));
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

function stopCamera() {
  if (!camera) return;
  for (const track of camera.stream.getTracks()) track.stop();
  camera.card.remove();
  camera = null;
  element("camera").textContent = "Use the camera";
}

element("files").addEventListener("change", (event) => {
  take(event.target.files);
  event.target.value = "";
});
element("camera").addEventListener("click", () => {
  if (camera) return stopCamera();
  return startCamera().catch((problem) => {
    stopCamera();
    say(`No camera: ${problem.message}`, "wrong");
  });
});
element("clear").addEventListener("click", () => {
  for (const image of element("results").querySelectorAll("img")) URL.revokeObjectURL(image.src);
  stopCamera();
  element("results").replaceChildren();
  element("clear").hidden = true;
});
for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    element("drop").classList.toggle("over", kind === "dragenter" || kind === "dragover");
    if (kind === "drop") taken(event.dataTransfer);
  });
}
document.addEventListener("paste", (event) => taken(event.clipboardData));

function taken(data) {
  if (data.files.length) take(data.files);
  else say("Expected a picture's file: a page that loads nothing cannot follow an address.", "wrong");
}
