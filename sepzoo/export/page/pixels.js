// From a picture to a network's input, as sepzoo does it in Python: what Pillow's resizing computes, in the same whole
// numbers, so that both see the same pixels.

"use strict";

// How an interpolation weighs pixels by their distance, and how far it reaches.
const FILTERS = {
  bilinear: { reach: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { reach: 2, weight: bicubic },
  lanczos: { reach: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};
const BITS = 22; // behind the point of a weight
const LONG = 16; // a picture that would become more than this many times the pixels that are seen
const MARGIN = 4; // pixels to each side that an interpolation looks at, and one to spare

function bicubic(distance) {
  const x = Math.abs(distance);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
}

function sinc(x) {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}

// The pixels that a network sees: resized and cut in the middle.
// picture: {data, width, height} of 4 channels, as a canvas has it; network: as the page says it.
// Returns height x width x channels of 0 … 255, red first.
function seenPixels(picture, network) {
  const source = inChannels(picture, network.channels);
  const size = [network.width, network.height];
  const scale = Math.max(...[1, 0].map((axis) => roundEven(size[axis] / network.crop_fraction) / extent(source, axis)));
  const whole = [0, 1].map((axis) => Math.max(size[axis], roundEven(extent(source, axis) * scale)));
  const first = [0, 1].map((axis) => Math.floor((whole[axis] - size[axis]) / 2));
  const axes = [0, 1].map((axis) =>
    whole[0] * whole[1] > LONG * size[0] * size[1]
      ? seenAlone(extent(source, axis), whole[axis], first[axis], size[axis])
      : { start: 0, length: extent(source, axis), from: 0, to: extent(source, axis), steps: whole[axis],
          first: first[axis], count: size[axis] },
  );
  return network.interpolation === "nearest" ? nearest(source, axes) : resampled(source, axes, FILTERS[network.interpolation]);
}

function extent(source, axis) {
  return axis === 0 ? source.width : source.height;
}

// One axis of a picture of which but a small part is seen: that part, with what an interpolation looks at around it.
function seenAlone(length, whole, first, count) {
  const step = length / whole;
  const [from, to] = [first * step, (first + count) * step];
  const margin = MARGIN * Math.max(step, 1);
  const start = Math.max(0, Math.floor(from - margin));
  const stop = Math.min(length, Math.ceil(to + margin));
  return { start, length: stop - start, from: Math.fround(from - start), to: Math.fround(Math.min(to, stop) - start),
           steps: count, first: 0, count };
}

// To the nearest whole number, of two equally near ones to the even one, as Python rounds.
function roundEven(value) {
  const below = Math.floor(value);
  if (value - below !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}

// Grey by the weights that Pillow has, in its whole numbers, or colours; without their opacity.
function inChannels(picture, channels) {
  const { data, width, height } = picture;
  const found = new Uint8Array(width * height * channels);
  for (let from = 0, to = 0; from < data.length; from += 4) {
    if (channels === 1) {
      found[to++] = (data[from] * 19595 + data[from + 1] * 38470 + data[from + 2] * 7471 + 0x8000) >> 16;
    } else {
      found[to++] = data[from];
      found[to++] = data[from + 1];
      found[to++] = data[from + 2];
    }
  }
  return { data: found, width, height, channels };
}

// For each pixel to make along an axis: the first that counts, and the weights of those from it on.
function weightsOf(axis, filter) {
  const scale = Math.fround(axis.to - axis.from) / axis.steps;
  const stretch = Math.max(scale, 1);
  const reach = filter.reach * stretch;
  return Array.from({ length: axis.count }, (_, index) => {
    const centre = axis.from + (axis.first + index + 0.5) * scale;
    const begin = Math.max(0, Math.trunc(centre - reach + 0.5));
    const end = Math.min(axis.length, Math.trunc(centre + reach + 0.5));
    const plain = [];
    for (let at = begin; at < end; at++) plain.push(filter.weight((at - centre + 0.5) * (1 / stretch)));
    const sum = plain.reduce((total, weight) => total + weight, 0) || 1;
    const weights = Int32Array.from(plain, (weight) => Math.trunc((weight / sum) * 2 ** BITS + (weight / sum < 0 ? -0.5 : 0.5)));
    return { begin: axis.start + begin, weights };
  });
}

// Along one axis, then along the other; what comes between is whole numbers of 0 … 255 too. Along the columns first
// where that leaves less to do along the rows, as Pillow does since its version 13.
function resampled(source, axes, filter) {
  const taps = axes.map((axis) => weightsOf(axis, filter));
  const [less, lower] = axes.map((axis) => axis.length - axis.steps);
  const first = lower > 0 && lower > 2 * less ? 1 : 0;
  const second = 1 - first;
  const last = taps[second][taps[second].length - 1];
  const begin = taps[second][0].begin;
  const between = along({ ...source, first: [0, 0] }, first, taps[first], begin, last.begin + last.weights.length - begin);
  return along(between, second, taps[second], 0, taps[first].length).data;
}

// The picture resampled along an axis (0: its rows, 1: its columns), as far as `count` lines from `begin` on go.
function along(image, axis, taps, begin, count) {
  const { data, channels } = image;
  const [width, height] = axis === 0 ? [taps.length, count] : [count, taps.length];
  const strides = [channels, image.width * channels];
  const found = new Uint8ClampedArray(width * height * channels);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const tap = taps[axis === 0 ? x : y];
      const line = begin + (axis === 0 ? y : x) - image.first[1 - axis];
      const start = (tap.begin - image.first[axis]) * strides[axis] + line * strides[1 - axis];
      for (let channel = 0; channel < channels; channel++) {
        found[to++] = weighed(data, start + channel, strides[axis], tap.weights);
      }
    }
  }
  return { data: found, width, channels, first: axis === 0 ? [0, begin] : [begin, 0] };
}

function weighed(data, start, stride, weights) {
  let sum = 1 << (BITS - 1);
  for (let index = 0, at = start; index < weights.length; index++, at += stride) sum += data[at] * weights[index];
  return sum >> BITS;
}

function nearest(source, axes) {
  const [columns, rows] = axes.map((axis) => {
    const scale = Math.fround(axis.to - axis.from) / axis.steps;
    const places = [];
    for (let index = 0, at = axis.from + scale * 0.5; index < axis.first + axis.count; index++, at += scale) {
      if (index >= axis.first) places.push(axis.start + Math.min(axis.length - 1, Math.trunc(at)));
    }
    return places;
  });
  const { channels } = source;
  const found = new Uint8ClampedArray(rows.length * columns.length * channels);
  let to = 0;
  for (const y of rows) {
    for (const x of columns) {
      for (let channel = 0; channel < channels; channel++) found[to++] = source.data[(y * source.width + x) * channels + channel];
    }
  }
  return found;
}

// Pixels as the numbers that the network takes: what each value becomes in each channel, Python has computed.
function asInput(pixels, network) {
  const { table, order } = network;
  const channels = order.length;
  const found = new table.constructor(pixels.length);
  for (let at = 0; at < pixels.length; at += channels) {
    for (let channel = 0; channel < channels; channel++) {
      found[at + channel] = table[pixels[at + order[channel]] * channels + channel];
    }
  }
  return found;
}

// The probability of each class of what the network gave: real numbers again where it gave whole ones; one
// probability alone stands for two classes.
function asProbabilities(values, network) {
  const { scale, zero_point: zeroPoint, kind } = network.output;
  const found = Array.from(values, (value) => (scale ? Math.fround((value - zeroPoint) * scale) : value));
  return kind === "sigmoid" ? [Math.fround(1 - found[0]), found[0]] : found;
}

// The numbers of the likeliest classes, best first.
function likeliest(probabilities, count) {
  return [...probabilities.keys()].sort((a, b) => probabilities[b] - probabilities[a] || a - b).slice(0, count);
}
