// A script in the place of the Worker: does to a plugin what a test asks for, and gives back what came of it.
//
// POST { plugin, calls: [[NAME, ...ARGUMENTS], …] }. The names are `describe`, `open` (a new instance, as each session has),
// and the methods of a session; `facts` is what the bundle says of the plugin. `trap` in an answer says that a call ended in
// something else than its `result`. What JSON can't hold is { "$u8" | "$u32" | "$u64": "LITTLE ENDIAN IN BASE64" } for typed
// arrays, { "$int": "DECIMAL" } for 64-bit integers, { "$f64": "BITS IN HEX" } for doubles that are no integers, and an
// absent key for what is undefined.
import { plugins } from "./plugins.mjs";

const ARRAYS = { $u8: Uint8Array, $u32: Uint32Array, $u64: BigUint64Array };

function decoded(_, value) {
  const [tag] = value !== null && typeof value === "object" ? Object.keys(value) : [];
  if (tag in ARRAYS) {
    return new ARRAYS[tag](Uint8Array.fromBase64(value[tag]).buffer);
  }
  if (tag === "$int") {
    return BigInt(value.$int);
  }
  return value;
}

function encoded(_, value) {
  if (typeof value === "bigint") {
    return { $int: value.toString() };
  }
  if (typeof value === "number" && (!Number.isSafeInteger(value) || Object.is(value, -0))) {
    return { $f64: new BigUint64Array(Float64Array.of(value).buffer)[0].toString(16) };
  }
  if (ArrayBuffer.isView(value)) {
    const [tag] = Object.entries(ARRAYS).find(([, array]) => value instanceof array);
    return { [tag]: new Uint8Array(value.buffer, value.byteOffset, value.byteLength).toBase64() };
  }
  return value;
}

/** Runs the calls in order. A trap ends the instance, and so the calls. */
function run({ plugin: name, calls }) {
  const plugin = plugins.find((plugin) => plugin.name === name);
  const answers = [];
  let session;
  for (const [call, ...given] of calls) {
    try {
      if (call === "facts") {
        const { instantiate, ...facts } = plugin;
        answers.push({ ok: facts });
      } else if (call === "describe") {
        answers.push({ ok: plugin.instantiate().manifest.describe() });
      } else if (call === "open") {
        const [config, snapshot] = given;
        session = plugin.instantiate().detector.Session.open(config, snapshot ?? undefined);
        answers.push({ ok: null });
      } else {
        answers.push({ ok: session[call](...given) });
      }
    } catch (error) {
      if (error instanceof Error) {
        answers.push({ trap: `${error.name}: ${error.message}` });
        break;
      }
      answers.push({ err: error });
    }
  }
  return answers;
}

export default {
  async fetch(request) {
    if (request.method === "GET") {
      return Response.json(plugins.map((plugin) => plugin.name));
    }
    const answers = run(JSON.parse(await request.text(), decoded));
    return new Response(JSON.stringify(answers, encoded), { headers: { "content-type": "application/json" } });
  },
};
