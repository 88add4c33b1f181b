// Runs a bundle on this machine: real workerd, with an R2 bucket and Durable Objects kept in a folder.
//
//   node serve.mjs --tools FOLDER --bundle FOLDER --persist FOLDER [--vars FILE] [--port NUMBER]
//
// --tools is the folder with the npm packages. --vars is a JSON object of secrets. Prints one line of JSON when it is
// ready, everything else to standard error, and ends when standard input does: with whoever started it.
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { parseArgs } from "node:util";

const { values: given } = parseArgs({
  options: {
    bundle: { type: "string" },
    persist: { type: "string" },
    port: { type: "string", default: "0" },
    tools: { type: "string" },
    vars: { type: "string" },
  },
});
for (const name of ["bundle", "persist", "tools"]) {
  if (given[name] === undefined) {
    console.error(`--${name} is missing`);
    process.exit(2);
  }
}

const { Log, LogLevel, Miniflare } = createRequire(path.join(path.resolve(given.tools), "package.json"))("miniflare");
const bundle = path.resolve(given.bundle);
const settings = JSON.parse(readFileSync(path.join(bundle, "shell/wrangler.json"), "utf8"));
const [bucket] = settings.r2_buckets;
// What they protect lies in a folder of this machine, behind a port of this machine.
const credentials = { accessKeyId: "local", secretAccessKey: "local-secret" };

/** Log lines to standard error: standard output is the line that says how to reach us. */
class StderrLog extends Log {
  log(message) {
    process.stderr.write(`${message}\n`);
  }
}

const byName = (list, name, value) => Object.fromEntries((list ?? []).map((item) => [item[name], value(item)]));
const sqlite = new Set((settings.migrations ?? []).flatMap((migration) => migration.new_sqlite_classes ?? []));
const miniflare = new Miniflare({
  log: new StderrLog(LogLevel.INFO),
  host: "127.0.0.1",
  port: Number(given.port),
  handleRuntimeStdio: (out, err) => {
    out.pipe(process.stderr);
    err.pipe(process.stderr);
  },
  name: settings.name,
  rootPath: bundle,
  modulesRoot: bundle,
  modules: true,
  scriptPath: path.join(bundle, "entry.mjs"),
  modulesRules: [
    { type: "ESModule", include: ["**/*.mjs", "**/*.js"] },
    { type: "CompiledWasm", include: ["**/*.wasm"] },
  ],
  compatibilityDate: settings.compatibility_date,
  compatibilityFlags: settings.compatibility_flags,
  bindings: given.vars && existsSync(given.vars) ? JSON.parse(readFileSync(given.vars, "utf8")) : {},
  r2Buckets: byName(settings.r2_buckets, "binding", (item) => ({ id: item.bucket_name, s3Credentials: credentials })),
  durableObjects: byName(settings.durable_objects?.bindings, "name", (item) => ({
    className: item.class_name,
    useSQLite: sqlite.has(item.class_name),
  })),
  ratelimits: byName(settings.ratelimits, "name", ({ namespace_id, simple }) => ({ namespace_id, simple })),
  cf: false,
  telemetry: { enabled: false },
  defaultPersistRoot: path.resolve(given.persist),
});

process.stdin.resume();
process.stdin.on("end", async () => {
  await miniflare.dispose();
  process.exit(0);
});

const url = (await miniflare.ready).origin;
const line = {
  url,
  s3: { endpoint: `${url}/cdn-cgi/local/r2/s3`, bucket: bucket.bucket_name, region: "auto", ...credentials },
};
process.stdout.write(`${JSON.stringify(line)}\n`);
