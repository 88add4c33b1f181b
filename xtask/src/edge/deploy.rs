//! What wrangler would deploy: bundled and minified by it, without a network and without an account.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::tools::Tools;
use crate::step::Step;

/// Most that Cloudflare takes of a Worker on the free plan, compressed.
const LIMIT_KIB: f64 = 3.0 * 1024.0;

/// Has wrangler make of the bundle what it would upload; gives a line that says how large that is.
///
/// # Errors
/// If wrangler refuses the bundle, or Cloudflare would.
pub(super) fn dry_run(edge: &Path, bundle: &Path, tools: &Tools) -> Result<String> {
    let mut wrangler = tools.wrangler();
    wrangler
        .args(["deploy", "--dry-run", "--outdir"])
        .arg(edge.join("dry-run"))
        .arg("--config")
        .arg(bundle.join("shell/wrangler.json"));
    let output = Step::new("edge: wrangler deploy --dry-run").capture(wrangler.current_dir(bundle))?;
    let line = output
        .lines()
        .find(|line| line.starts_with("Total Upload:"))
        .with_context(|| format!("wrangler says no size: {output}"))?;
    let compressed = compressed_kib(line).with_context(|| format!("no size in `{line}`"))?;
    ensure!(
        compressed <= LIMIT_KIB,
        "the Worker has {compressed} KiB compressed; Cloudflare takes {LIMIT_KIB} KiB: leave plugins out with `--plugins`"
    );
    Ok(format!(
        "what wrangler uploads, minified: {}",
        line.trim_start_matches("Total Upload:").trim()
    ))
}

/// The compressed size in such a line as `Total Upload: 2752.85 KiB / gzip: 953.31 KiB`.
fn compressed_kib(line: &str) -> Option<f64> {
    let (_, size) = line.split_once("gzip:")?;
    size.trim().strip_suffix("KiB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wranglers_size_is_read() {
        assert_eq!(
            compressed_kib("Total Upload: 2752.85 KiB / gzip: 953.31 KiB"),
            Some(953.31)
        );
        assert_eq!(compressed_kib("Total Upload: much"), None);
    }
}
