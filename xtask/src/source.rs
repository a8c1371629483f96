//! The files of the repository, and Rust text with comments and strings blanked out.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// A text file of the repository.
#[derive(Debug)]
pub(crate) struct Source {
    /// Where it is, from the root, with `/`.
    pub(crate) path: String,
    /// What it says.
    pub(crate) text: String,
}

/// Folders that hold what tools make, not what people write.
const MADE: &[&str] = &["artifacts", "corpus", "coverage", "target"];
/// Folders with a leading dot that people do write in.
const DOTTED: &[&str] = &[".cargo", ".ci", ".github"];

/// The text files below `folder` of `root` whose names end in one of `endings`, by path.
///
/// # Errors
/// The error of the file or folder that cannot be read; a `folder` that is not there is empty.
pub(crate) fn files(root: &Path, folder: &str, endings: &[&str]) -> io::Result<Vec<Source>> {
    let mut paths = Vec::new();
    let start = root.join(folder);
    if start.is_dir() {
        collect(&start, &mut paths)?;
    }
    paths.retain(|it| endings.iter().any(|ending| it.to_string_lossy().ends_with(ending)));
    paths.sort();
    paths.into_iter().map(|it| read(root, &it)).collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_hidden = name.starts_with('.') && !DOTTED.contains(&&*name);
        let kind = entry.file_type()?;
        if kind.is_file() {
            paths.push(entry.path());
        } else if kind.is_dir() && !is_hidden && !MADE.contains(&&*name) {
            collect(&entry.path(), paths)?;
        }
    }
    Ok(())
}

fn read(root: &Path, path: &Path) -> io::Result<Source> {
    let text = fs::read(path)?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let path = path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/");
    Ok(Source { path, text })
}

/// Rust text as rules see it: comments and strings are blank, the lines stay where they are.
pub(crate) fn code(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let before = masked.chars().next_back();
        let length = blank_length(rest, before);
        if 0 < length {
            masked.extend(rest[..length].chars().map(|c| if c == '\n' { c } else { ' ' }));
            rest = &rest[length..];
        } else {
            masked.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    masked
}

/// How many bytes at the start of `rest` are a comment, a string or a character, if any.
fn blank_length(rest: &str, before: Option<char>) -> usize {
    let follows_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if rest.starts_with("//") {
        rest.find('\n').unwrap_or(rest.len())
    } else if rest.starts_with("/*") {
        block_comment(rest)
    } else if rest.starts_with('"') {
        quoted(rest, '"')
    } else if rest.starts_with('\'') {
        character(rest)
    } else if !follows_word {
        raw_string(rest)
    } else {
        0
    }
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// The length of a string or character with escapes, delimiters included.
fn quoted(rest: &str, delimiter: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == delimiter => return at + c.len_utf8(),
            _ => (),
        }
    }
    rest.len()
}

/// The length of a character literal; a lifetime has none.
fn character(rest: &str) -> usize {
    let mut chars = rest.chars().skip(1);
    match (chars.next(), chars.next()) {
        (Some('\\'), _) => quoted(rest, '\''),
        (Some(c), Some('\'')) => 2 + c.len_utf8(),
        _ => 0,
    }
}

/// The length of a raw string with its prefix.
fn raw_string(rest: &str) -> usize {
    let unprefixed = rest.trim_start_matches(['b', 'c']);
    let Some(hashed) = unprefixed.strip_prefix('r') else {
        return 0;
    };
    let text = hashed.trim_start_matches('#');
    if !text.starts_with('"') {
        return 0;
    }
    let hashes = &hashed[..hashed.len() - text.len()];
    let end = format!("\"{hashes}");
    let start = rest.len() - text.len() + 1;
    rest[start..].find(&end).map_or(rest.len(), |at| start + at + end.len())
}

/// The line of `code`, counted from 0, at which its unit tests begin, or its number of lines.
pub(crate) fn tests_begin(code: &str) -> usize {
    let lines: Vec<&str> = code.lines().collect();
    let is_module = |line: &str| line.starts_with("mod ") && line.ends_with('{');
    let begins = |pair: &[&str]| pair[0].trim() == "#[cfg(test)]" && is_module(pair[1].trim());
    lines.windows(2).position(begins).unwrap_or(lines.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, words: &str) {
        assert_eq!(code(text).split_whitespace().collect::<Vec<_>>().join(" "), words);
    }

    #[test]
    fn comments_are_blank() {
        check("a // b\nc /* d /* e */ f */ g", "a c g");
    }

    #[test]
    fn strings_are_blank() {
        check(r#"a("b \" c"); d"#, "a( ); d");
        check("a(r#\"b \" c\"#); d(br\"e\")", "a( ); d( )");
    }

    #[test]
    fn characters_are_blank_but_lifetimes_are_not() {
        check(r"a('b', '\'', '\\', '→'); c::<'d>()", "a( , , , ); c::<'d>()");
    }

    #[test]
    fn raw_identifiers_are_words() {
        check("r#type bar\"x\"", "r#type bar");
    }

    #[test]
    fn lines_stay_where_they_are() {
        assert_eq!(code("a\n\"b\nc\"\nd").lines().count(), 4);
    }

    #[test]
    fn unit_tests_begin_at_their_module() {
        assert_eq!(tests_begin("a\n#[cfg(test)]\nmod tests {\n}\n"), 1);
        assert_eq!(tests_begin("#[cfg(test)]\nmod tests;\na\n"), 3);
    }
}
