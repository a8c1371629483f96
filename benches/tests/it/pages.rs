//! The program `pages`.

use std::process::Command;

fn pages(words: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_pages")).args(words).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

#[test]
fn each_figure_is_measured_once() {
    let (is_well, text) = pages(&["--smoke"]);
    assert!(is_well, "{text}");
    assert_eq!(text.lines().filter(|it| it.starts_with("pages: ")).count(), 3, "{text}");
    assert!(!text.contains("NaN"), "{text}");
}

#[test]
fn other_words_are_wrong() {
    let (is_well, text) = pages(&["--nonsense"]);
    assert!(!is_well && text.contains("takes --smoke or nothing"), "{text}");
}
