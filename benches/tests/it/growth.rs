//! The program `growth` runs, and knows what it cannot do.

use std::process::{Command, Output};

use serde_json::Value;

fn growth(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_growth")).args(words).output().unwrap()
}

/// The figures say nothing here, where other tests run beside it and nothing is optimised.
#[test]
fn every_curve_has_points_and_pictures() {
    let folder = std::env::temp_dir().join(format!("gleis-growth-{}", std::process::id()));
    let file = folder.join("growth.json");
    std::fs::create_dir_all(&folder).unwrap();
    let words = ["--smoke", "--json", file.to_str().unwrap(), "--svg", folder.to_str().unwrap()];
    let output = growth(&words);
    let curves: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let n_pictures = std::fs::read_dir(&folder).unwrap().count() - 1;
    std::fs::remove_dir_all(folder).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!errors.contains("failed") && !errors.contains("panicked"), "{errors}");
    let curves = curves.as_array().unwrap();
    assert_eq!(curves.len() + errors.matches("is skipped").count(), 7, "{errors}");
    assert!(5 < n_pictures, "{n_pictures}");
    for curve in curves {
        assert!(!curve["points"].as_array().unwrap().is_empty(), "{curve}");
    }
}

#[test]
fn what_is_not_known_is_wrong_usage() {
    for words in [&["--fast"][..], &["--only", "nothing"]] {
        let output = growth(words);
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        assert!(output.stdout.is_empty());
    }
}
