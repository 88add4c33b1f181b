// The Worker with one more plugin, which traps or never ends where a span's name asks for it. To the Worker it is like any
// other: an instance is made, called, and throws or doesn't come back.
import { plugins } from "./plugins.mjs";

const nothing = () => ({ signals: [], logs: [] });

class Session {
  static open() {
    return new Session();
  }

  observeSpans(batch) {
    const texts = new TextDecoder().decode(batch.common.strings.utf8);
    if (texts.includes("trap-now")) {
      throw new WebAssembly.RuntimeError("unreachable");
    }
    while (texts.includes("loop-now")) {
      // For ever.
    }
    return nothing();
  }

  tick() {
    return nothing();
  }

  snapshot() {
    return new Uint8Array([1]);
  }
}

const evil = {
  name: "evil",
  version: "0.1.0",
  digest: "00".repeat(32),
  contract: "0.1.0",
  reads: ["spans"],
  signals: [],
  configSchema: "{}",
  instantiate: () => ({ detector: { Session } }),
};

globalThis.aiaPlugins = [...plugins.filter((plugin) => plugin.name === "errors"), evil];

export { default, ProjectSession } from "./shell/shell.mjs";
