// What the page needs of LiteRT, in one script that loads nothing else: `litert.start`, `litert.loadAndCompile` and
// `litert.Tensor`.

import { loadAndCompile, loadLiteRt, Tensor } from "@litertjs/core";
import glue from "./build/glue.txt";

// Starts the runtime from the bytes of its WebAssembly. LiteRT wants to load a second script by its address: a page
// that was opened as a file has no other address for it than that of a blob.
async function start(wasmBinary) {
  self.Module = { wasmBinary };
  const address = URL.createObjectURL(new Blob([glue], { type: "text/javascript" }));
  await loadLiteRt(`${address}#glue.js`);
  URL.revokeObjectURL(address);
}

export { loadAndCompile, start, Tensor };
