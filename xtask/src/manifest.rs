//! Cargo manifests, read line by line.

/// The lines of the section `header` of `manifest`, each with its number from 1.
pub(crate) fn section<'a>(
    manifest: &'a str,
    header: &'a str,
) -> impl Iterator<Item = (usize, &'a str)> {
    let lines = manifest.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    let after = lines.skip_while(move |(_, line)| *line != header).skip(1);
    after.take_while(|(_, line)| !line.starts_with('['))
}

/// The value of `key` in the section `header`, as it is written, without a comment.
pub(crate) fn value<'a>(manifest: &'a str, header: &'a str, key: &str) -> Option<&'a str> {
    section(manifest, header).find_map(|(_, line)| {
        let (name, value) = line.split_once('=')?;
        let value = value.split_once(" #").map_or(value, |(value, _)| value);
        (name.trim() == key).then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "[package]\nname = \"a\" # b\n\n[lints]\nworkspace = true\n[x]\ny = 1\n";

    #[test]
    fn a_section_ends_where_the_next_begins() {
        let lines: Vec<_> = section(MANIFEST, "[lints]").collect();
        assert_eq!(lines, [(5, "workspace = true")]);
        assert_eq!(section(MANIFEST, "[missing]").count(), 0);
    }

    #[test]
    fn a_value_is_found_in_its_section_only() {
        assert_eq!(value(MANIFEST, "[package]", "name"), Some("\"a\""));
        assert_eq!(value(MANIFEST, "[lints]", "name"), None);
    }
}
