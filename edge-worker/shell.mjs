// Binds the Rust to Cloudflare's classes.
//
// The Rust is built without unwinding: a panic is a trap, and a module that trapped is in no known state. So after one,
// everything of Rust begins anew: the module is instantiated again before the next call, and a Durable Object's Rust half
// is made again from the state and environment that Cloudflare gave it. What was in memory is lost; what is in R2 or in
// the object's storage isn't. Calls that were waiting when another one trapped fail.
import { WorkerEntrypoint } from "cloudflare:workers";
import * as rust from "./index.js";

const state = rust.__worker_init_state();

/** Instantiates the module again if it trapped. */
function revive() {
  if (state.criticalError) {
    console.error("the Worker's module trapped and begins anew");
    rust.__wbg_reset_state();
    state.criticalError = false;
    state.instanceId += 1;
  }
}

/** Remembers a trap. Those of plugins are caught by the Rust and don't come here. */
function noticed(error) {
  if (error instanceof WebAssembly.RuntimeError) {
    console.error("the Worker's module trapped:", error.stack ?? String(error));
    state.criticalError = true;
  }
  return error;
}

// A trap outside of a call, such as in a task that was left to `waitUntil`.
addEventListener("error", (event) => noticed(event.error));

/** A function whose traps are noticed. */
async function guarded(call) {
  revive();
  try {
    return await call();
  } catch (error) {
    throw noticed(error);
  }
}

export default class extends WorkerEntrypoint {
  fetch(request) {
    return guarded(() => rust.fetch.call(this, request, this.env, this.ctx));
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

  #call(method, ...args) {
    return guarded(() => {
      if (this.#instanceId !== state.instanceId) {
        this.#instance = new rust.ProjectSession(...this.#arguments);
        this.#instanceId = state.instanceId;
      }
      return this.#instance[method](...args);
    });
  }

  fetch(request) {
    return this.#call("fetch", request);
  }

  alarm() {
    return this.#call("alarm");
  }
}
