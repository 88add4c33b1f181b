//! Prints how well templates are mined from the sets of a folder: `cargo run --release -p aia-eval --example logs DIR`.
//! With a second folder, it writes there what each line was taken for.

use std::error::Error;
use std::fmt::Write;
use std::path::Path;

use aia_eval::logs;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("which folder?")?;
    println!("{}", logs::evaluate(Path::new(&folder))?);
    if let Some(out) = arguments.next() {
        for set in logs::sets(Path::new(&folder))? {
            let contents: Vec<&str> = set.lines.iter().map(|line| line.content.as_str()).collect();
            let mut text = String::new();
            for (line, (id, template)) in set.lines.iter().zip(logs::mine(&contents)) {
                writeln!(text, "{}\t{id:016x}\t{template}\t{}", line.event_id, line.content)?;
            }
            std::fs::write(Path::new(&out).join(format!("{}.tsv", set.name)), text)?;
        }
    }
    Ok(())
}
