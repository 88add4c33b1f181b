//! Writes the seeds of a target into a folder, for libFuzzer to begin with.

use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(target), Some(folder)) = (arguments.next(), arguments.next()) else {
        return Err("usage: seeds TARGET FOLDER".into());
    };
    let folder = PathBuf::from(folder);
    std::fs::create_dir_all(&folder)?;
    for (number, seed) in aia_fuzz_checks::seeds(&target.to_string_lossy())
        .into_iter()
        .enumerate()
    {
        std::fs::write(folder.join(format!("seed-{number}")), seed)?;
    }
    Ok(())
}
