//! The corpus of the fuzz targets runs as an ordinary test.

use std::{fs, path::Path};

use crate::drive;

#[track_caller]
fn check(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut n_run = 0;
    for entry in fs::read_dir(&folder).expect("the corpus is part of the repository") {
        let path = entry.expect("the folder can be read").path();
        run(&fs::read(path).expect("the file can be read"));
        n_run += 1;
    }
    assert!(0 < n_run, "no corpus for {target}");
}

#[test]
fn the_corpus_of_the_frame_target_passes() {
    check("frame", drive::frame);
}

#[test]
fn the_corpus_of_the_greeting_target_passes() {
    check("greeting", drive::greeting);
}

#[test]
fn the_corpus_of_the_session_target_passes() {
    check("session", drive::session);
}
