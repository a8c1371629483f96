//! `readme`: the Rust code of README.md is the code of the examples.
//!
//! Before a block stands `<!-- code: examples/hello.rs#hello -->`; the block is what the file
//! has between `// README: begin hello` and `// README: end hello`, without its indentation.

use std::fs;

use crate::{
    command,
    failure::{Failure, Outcome},
};

const FENCE: &str = "```";
const DIFFERS: &str =
    "README.md: its code is not the examples' code; `cargo xtask readme` rewrites it";

/// The task.
pub(crate) fn run(args: &[&str]) -> Outcome {
    let checks = match args {
        [] => false,
        ["--check"] => true,
        _ => {
            return Err(Failure::Usage("readme: takes nothing or --check".to_owned()));
        }
    };
    println!("readme: README.md against the examples");
    let root = command::root();
    let read = |file: &str| fs::read_to_string(root.join(file)).map_err(|e| format!("{file}: {e}"));
    let is = read("README.md").map_err(Failure::finding)?;
    let should_be = rewritten(&is, read).map_err(Failure::finding)?;
    if is == should_be {
        return Ok(());
    }
    if checks {
        return Err(Failure::finding(DIFFERS));
    }
    fs::write(root.join("README.md"), should_be).map_err(|e| Failure::finding(e.to_string()))
}

/// `readme` with the code of the examples that `read` gives by path.
///
/// # Errors
/// A sentence that names the block, the file or the marker that is missing.
fn rewritten(
    readme: &str,
    read: impl Fn(&str) -> Result<String, String>,
) -> Result<String, String> {
    let mut text = String::new();
    let mut lines = readme.lines().enumerate();
    let mut source: Option<&str> = None;
    while let Some((at, line)) = lines.next() {
        text += line;
        text += "\n";
        if let Some(named) = marker(line) {
            source = Some(named);
        } else if line.starts_with("```rust") {
            let named = source.take().ok_or_else(|| unmarked(at + 1))?;
            let (file, id) = named.split_once('#').ok_or_else(|| unmarked(at))?;
            text += &region(file, &read(file)?, id)?;
            let has_end = lines.by_ref().any(|(_, line)| line == FENCE);
            has_end.then_some(()).ok_or_else(|| format!("README.md:{}: no end", at + 1))?;
            text += "```\n";
        }
    }
    Ok(text)
}

fn marker(line: &str) -> Option<&str> {
    line.strip_prefix("<!-- code: ")?.strip_suffix(" -->")
}

fn unmarked(line: usize) -> String {
    format!("README.md:{line}: Rust code without `<!-- code: examples/NAME.rs#ID -->` above it")
}

/// What `text` has between the marks of `id`, as far left as it goes.
fn region(file: &str, text: &str, id: &str) -> Result<String, String> {
    let is_mark = |line: &str, word: &str| line.trim() == format!("// README: {word} {id}");
    let mut lines = text.lines().skip_while(|line| !is_mark(line, "begin"));
    lines.next().ok_or_else(|| format!("{file}: no line `// README: begin {id}`"))?;
    let mut inside = Vec::new();
    loop {
        match lines.next() {
            Some(line) if is_mark(line, "end") => break,
            Some(line) => inside.push(line),
            None => return Err(format!("{file}: no line `// README: end {id}`")),
        }
    }
    let indents = inside.iter().filter(|it| !it.trim().is_empty());
    let indent = indents.map(|it| it.len() - it.trim_start().len()).min().unwrap_or(0);
    let lines = inside.iter().map(|it| it.get(indent..).unwrap_or_default().to_owned() + "\n");
    Ok(lines.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = "//! A.\nfn main() {\n    // README: begin a\n    if b {\n\n        c();\n    }\n    // README: end a\n}\n";

    fn rewrite(readme: &str) -> Result<String, String> {
        rewritten(readme, |file| match file {
            "examples/a.rs" => Ok(EXAMPLE.to_owned()),
            other => Err(format!("{other}: not there")),
        })
    }

    #[test]
    fn a_block_becomes_the_marked_region() {
        let before = "# A\n<!-- code: examples/a.rs#a -->\n```rust\nold\n```\nend\n";
        let after =
            "# A\n<!-- code: examples/a.rs#a -->\n```rust\nif b {\n\n    c();\n}\n```\nend\n";
        assert_eq!(rewrite(before).as_deref(), Ok(after));
        assert_eq!(rewrite(after).as_deref(), Ok(after));
    }

    #[test]
    fn other_blocks_stay_as_they_are() {
        let text = "```console\n$ cargo xtask test\n```\n";
        assert_eq!(rewrite(text).as_deref(), Ok(text));
    }

    #[test]
    fn rust_code_needs_a_marker() {
        assert!(rewrite("```rust\nb\n```\n").unwrap_err().starts_with("README.md:1: Rust code"));
    }

    #[test]
    fn what_is_missing_is_named() {
        let block = |source: &str| format!("<!-- code: {source} -->\n```rust\n```\n");
        let missing = |source: &str| rewrite(&block(source)).unwrap_err();
        assert_eq!(missing("examples/b.rs#a"), "examples/b.rs: not there");
        assert_eq!(missing("examples/a.rs#b"), "examples/a.rs: no line `// README: begin b`");
    }
}
