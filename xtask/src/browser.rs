//! `browser`: the page of the bridge in a real browser.

use crate::{command::Call, failure::Outcome, packages::install};

const CHROMIUM: [&str; 2] = ["chromium", "chromium-driver"];

/// The task.
pub(crate) fn run(args: &[&str]) -> Outcome {
    let driver = Call::new("chromedriver", &["--version"]);
    if !driver.works() {
        install("browser", "Chromium and its driver", &CHROMIUM)?;
    }
    let advice = "sudo apt-get install chromium chromium-driver";
    driver.prove("browser", "chromedriver", advice)?;
    println!("browser: the page of the bridge in Chromium; its pictures are in target/tmp");
    Call::cargo(&["test", "--quiet", "--package", "gleis-bridge", "--test", "browser", "--"])
        .with(&["--ignored"])
        .with(args)
        .run()
}
