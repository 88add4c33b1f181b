// The Worker with a bucket that fails when it is told to: POST /fail and POST /work.
import { plugins } from "./plugins.mjs";
import Shell, { ProjectSession } from "./shell/shell.mjs";

globalThis.aiaPlugins = plugins;

let fails = false;

/** The bucket, whose puts fail while they are to. */
function faulty(bucket) {
  return new Proxy(bucket, {
    get(target, name) {
      if (name === "put" && fails) {
        return () => Promise.reject(new Error("put: we encountered an internal error (10001)"));
      }
      const value = Reflect.get(target, name, target);
      return typeof value === "function" && name !== "constructor" ? value.bind(target) : value;
    },
  });
}

export default class extends Shell {
  constructor(context, env) {
    super(context, { ...env, BUCKET: faulty(env.BUCKET) });
  }

  fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/fail" || pathname === "/work") {
      fails = pathname === "/fail";
      return new Response();
    }
    return super.fetch(request);
  }
}

export { ProjectSession };
