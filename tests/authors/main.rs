//! Promise: a plugin author's first hour. The commands of `docs/writing-a-plugin.md` are run as they stand there, in a
//! folder laid out like a clone.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use aia_tests::binary;
use anyhow::{Context, Result, ensure};

/// Stands before each block of the guide that is followed.
const MARK: &str = "<!-- followed by tests/authors -->";

/// Blocks that the guide has; fewer would mean that a mark was lost.
const BLOCKS: usize = 7;

/// A folder like a clone: everything in it but what is built and made. Always the same one, since cargo builds anew what
/// lies elsewhere.
struct Checkout {
    folder: PathBuf,
}

fn workspace() -> Result<&'static Path> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().context("the crate lies in the workspace")
}

impl Checkout {
    fn new(name: &str) -> Result<Self> {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        for entry in std::fs::read_dir(workspace()?)? {
            let entry = entry?;
            let name = entry.file_name();
            if name != "target" && name != ".git" && name != "slow" {
                std::os::unix::fs::symlink(entry.path(), folder.join(name))?;
            }
        }
        Ok(Self { folder })
    }

    /// A shell's command, with the `aia` that was built beside this test in the path, and plugins built in a folder that
    /// stays warm.
    fn command(&self, program: &str) -> Result<Command> {
        let aia = binary()?;
        let mut path = aia
            .parent()
            .context("aia lies in a folder")?
            .as_os_str()
            .to_owned();
        if let Some(old) = std::env::var_os("PATH") {
            path.push(":");
            path.push(old);
        }
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            if is_of_the_outer_build(&name) {
                command.env_remove(name);
            }
        }
        command
            .current_dir(&self.folder)
            .env("PATH", path)
            .env(
                "CARGO_TARGET_DIR",
                Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugins"),
            )
            // Nothing is needed that isn't there: the new plugin begins with the versions of this workspace.
            .env("CARGO_NET_OFFLINE", "true");
        Ok(command)
    }

    /// Runs a script; both outputs together.
    fn run(&self, script: &str) -> Result<String> {
        let output = self.command("sh")?.args(["-eu", "-c", script]).output()?;
        let text = both(&output);
        ensure!(output.status.success(), "{} of:\n{script}\n{text}", output.status);
        Ok(text)
    }

    /// Runs a script that has to fail.
    fn fail(&self, script: &str) -> Result<String> {
        let output = self.command("sh")?.args(["-eu", "-c", script]).output()?;
        let text = both(&output);
        ensure!(!output.status.success(), "this went well:\n{script}\n{text}");
        Ok(text)
    }
}

fn both(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// What cargo sets for this test is no business of the cargo that an author would call; which toolchain it is and where
/// its registry lies are.
fn is_of_the_outer_build(name: &OsString) -> bool {
    let name = name.to_string_lossy();
    let kept = ["CARGO_HOME", "CARGO", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"];
    (name.starts_with("CARGO") || name.starts_with("RUST") || name.starts_with("AIA_"))
        && !kept.contains(&&*name)
}

/// A block of commands, and the lines that the guide shows below it.
struct Block {
    commands: String,
    shown: Vec<String>,
}

fn blocks(guide: &str) -> Result<Vec<Block>> {
    let mut blocks = Vec::new();
    for part in guide.split(MARK).skip(1) {
        let (commands, rest) = fenced(part, "sh").context("a mark stands before a block of commands")?;
        // What is shown stands right below.
        let shown = rest
            .trim_start()
            .starts_with("```text")
            .then(|| fenced(rest, "text"))
            .flatten();
        blocks.push(Block {
            commands,
            shown: shown
                .map(|(text, _)| text.lines().map(str::to_owned).collect())
                .unwrap_or_default(),
        });
    }
    Ok(blocks)
}

fn fenced<'a>(text: &'a str, language: &str) -> Option<(String, &'a str)> {
    let (_, rest) = text.split_once(&format!("```{language}\n"))?;
    let (block, rest) = rest.split_once("```")?;
    Some((block.to_owned(), rest))
}

/// Whether a line of the guide was printed: word by word in this order, with `…` for anything.
fn is_in(shown: &str, printed: &str) -> bool {
    printed.lines().any(|line| {
        let mut rest = line;
        shown.split_whitespace().filter(|word| *word != "…").all(|word| {
            let found = rest.split_once(word);
            rest = found.map_or("", |(_, after)| after);
            found.is_some()
        })
    })
}

#[test]
fn the_guide_is_followed_literally() -> Result<()> {
    let guide = std::fs::read_to_string(workspace()?.join("docs/writing-a-plugin.md"))?;
    let blocks = blocks(&guide)?;
    ensure!(blocks.len() == BLOCKS, "{} blocks are marked", blocks.len());
    let clone = Checkout::new("guide")?;
    // One shell, as a person has: a block begins where the one before has ended.
    let mut before = String::new();
    for block in &blocks {
        let printed = clone.run(&format!("{before}{}", block.commands))?;
        for line in &block.shown {
            ensure!(
                is_in(line, &printed),
                "the guide shows `{line}`, but\n{}\nprints\n{printed}",
                block.commands
            );
        }
        // Only where one is counts for the blocks that follow.
        for line in block.commands.lines().filter(|line| line.starts_with("cd ")) {
            before.push_str(line);
            before.push('\n');
        }
    }
    Ok(())
}

#[test]
fn what_is_built_has_no_path_of_this_machine() -> Result<()> {
    let clone = Checkout::new("paths")?;
    clone.run("aia plugin new slow --kind detector && aia plugin build slow")?;
    let bytes = std::fs::read(clone.folder.join("slow/slow.wasm"))?;
    let text = String::from_utf8_lossy(&bytes);
    let home = std::env::var("HOME").unwrap_or_else(|_| "/root".to_owned());
    let here = workspace()?.to_string_lossy().into_owned();
    let tmp = env!("CARGO_TARGET_TMPDIR").to_owned();
    for path in [home, here, tmp] {
        ensure!(!text.contains(&path), "the component tells {path}");
    }
    Ok(())
}

#[test]
fn every_kind_builds_and_passes_its_tests_and_a_mistake_is_found() -> Result<()> {
    let clone = Checkout::new("kinds")?;
    for (kind, case) in [("reporter", "payment"), ("analyst", "bad-release")] {
        clone.run(&format!(
            "aia plugin new my-{kind} --kind {kind} && cd my-{kind} && cargo test && aia plugin build"
        ))?;
        let tested = clone.run(&format!("aia plugin test my-{kind}"))?;
        ensure!(is_in(&format!("{case} passed"), &tested), "{tested}");
    }

    clone.run("aia plugin new slow --kind detector")?;
    let file = clone.folder.join("slow/src/lib.rs");
    let source = std::fs::read_to_string(&file)?;
    let forgets = source.replace(
        "snapshot::encode(1, &self.seen)",
        "snapshot::encode(1, &BTreeMap::<String, Requests>::new())",
    );
    ensure!(forgets != source, "the template's snapshot looks otherwise");
    std::fs::write(&file, forgets)?;
    let failed = clone.fail("aia plugin test slow")?;
    ensure!(
        failed.contains("restored from its snapshot it gives other signals")
            && failed.contains("1 of 1 cases failed"),
        "{failed}"
    );
    std::fs::write(&file, source.replace("} answers slowly", "} is slow"))?;
    let failed = clone.fail("aia plugin test slow")?;
    ensure!(
        failed.contains("-    \"title\": \"checkout answers slowly\"")
            && failed.contains("+    \"title\": \"checkout is slow\""),
        "{failed}"
    );
    std::fs::write(&file, "fn broken(")?;
    let failed = clone.fail("aia plugin build slow")?;
    ensure!(failed.contains("cargo cannot build the plugin"), "{failed}");
    Ok(())
}
