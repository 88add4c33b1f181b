// What Cloudflare starts. The plugins are in a file that is written with each bundle; the Rust finds them by this name.
import { plugins } from "./plugins.mjs";

globalThis.aiaPlugins = plugins;

export { default, ProjectSession } from "./shell/shell.mjs";
