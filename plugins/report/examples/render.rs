//! Writes a report of an invented incident, to be looked at: `cargo run -p aia-plugin-report --example render -- FOLDER`
//! makes `report.html` and `report.md` there. A second word is printed as the watermark.

#[path = "../tests/document/report.rs"]
mod report;

use std::error::Error;
use std::path::Path;
use std::{env, fs};

use aia_plugin_report::IncidentReport;
use aia_plugin_sdk::Reporter as _;

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = env::args().skip(1);
    let folder = words.next().ok_or("say a folder")?;
    let watermark = words.next().unwrap_or_default();
    fs::create_dir_all(&folder)?;
    let report = report::report(&str::to_owned);
    for (name, format) in [("report.html", "text/html"), ("report.md", "text/markdown")] {
        let document = IncidentReport::render(&report, format, &watermark)?;
        fs::write(Path::new(&folder).join(name), document.bytes)?;
    }
    Ok(())
}
