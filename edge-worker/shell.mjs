// Binds the Rust to Cloudflare's classes.
//
// The Rust is built without unwinding: a panic is a trap, and a module that trapped is in no known state. So after one,
// everything of Rust begins anew: the module is instantiated again before the next call, and a Durable Object's Rust half
// is made again from the state and environment that Cloudflare gave it. What was in memory is lost; what is in R2 or in
// the object's storage isn't. Calls that the module was busy with would never end, so they fail at once: a client comes
// again.
import { WorkerEntrypoint } from "cloudflare:workers";
import * as rust from "./index.js";

const state = rust.__worker_init_state();

/** How to end each call that the module is busy with. */
const waiting = new Set();

/** Instantiates the module again if it trapped. */
function revive() {
  if (state.criticalError) {
    console.error("the Worker's module trapped and begins anew");
    rust.__wbg_reset_state();
    state.criticalError = false;
    state.instanceId += 1;
  }
}

/** A trap outside of what a call awaits, which most are: Rust's futures are polled from a queue of their own. Traps of
 * plugins are caught by the Rust and don't come here. */
function trapped(error) {
  if (error instanceof WebAssembly.RuntimeError) {
    state.criticalError = true;
    const calls = [...waiting];
    waiting.clear();
    for (const fail of calls) {
      fail(error);
    }
  }
}

addEventListener("error", (event) => trapped(event.error));

/** Calls into the module; fails if it traps meanwhile. */
async function called(call) {
  revive();
  const { promise, resolve, reject } = Promise.withResolvers();
  waiting.add(reject);
  try {
    Promise.resolve(call()).then(resolve, reject);
    return await promise;
  } catch (error) {
    trapped(error);
    throw error;
  } finally {
    waiting.delete(reject);
  }
}

export default class extends WorkerEntrypoint {
  async fetch(request) {
    try {
      return await called(() => rust.fetch.call(this, request, this.env, this.ctx));
    } catch (error) {
      console.error(error.stack ?? String(error));
      // What OTLP's clients come again for.
      return new Response("the Worker failed", { status: 503, headers: { "retry-after": "1" } });
    }
  }
}

/** A Durable Object whose Rust half is made again after a trap. */
export class ProjectSession {
  #arguments;
  #instance;
  #instanceId;

  constructor(...args) {
    this.#arguments = args;
  }

  #called(method, ...args) {
    return called(() => {
      if (this.#instanceId !== state.instanceId) {
        this.#instance = new rust.ProjectSession(...this.#arguments);
        this.#instanceId = state.instanceId;
      }
      return this.#instance[method](...args);
    });
  }

  fetch(request) {
    return this.#called("fetch", request);
  }

  alarm() {
    return this.#called("alarm");
  }
}
