//! What one may say on the command line.

use std::path::PathBuf;

use crate::curve::{CURVES, Curve};
use crate::effort::Effort;

/// Shown on request, and when something was not understood.
pub(crate) const HELP: &str = "\
usage: cargo xtask growth [--quick | --smoke] [--only PATTERN] [--json FILE] [--svg FOLDER]

Measures what messages, connections and subscriptions cost as there are more of them, and compares
that with stated bounds.

  --quick          fewer and shorter rounds: below a minute
  --smoke          the smallest points once, only to see that it runs
  --only PATTERN   only curves whose name contains this
  --json FILE      writes all points
  --svg FOLDER     writes a picture of each curve
exit: 0 well, 1 a bound is exceeded or something failed, 2 usage";

/// What is to be done.
pub(crate) struct Args {
    pub(crate) curves: Vec<&'static Curve>,
    pub(crate) effort: Effort,
    pub(crate) json: Option<PathBuf>,
    pub(crate) svg: Option<PathBuf>,
}

impl Args {
    /// `None` if help is wanted.
    ///
    /// # Errors
    /// What was not understood.
    pub(crate) fn parse(words: &[String]) -> Result<Option<Self>, String> {
        let (effort, json, svg) = (Effort::FULL, None, None);
        let mut args = Self { curves: CURVES.iter().collect(), effort, json, svg };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = |what| words.next().ok_or(format!("{word} wants a {what}"));
            match word.as_str() {
                "--help" | "-h" => return Ok(None),
                "--json" => args.json = Some(value("file")?.into()),
                "--only" => args.curves = named(value("pattern")?)?,
                "--quick" => args.effort = Effort::QUICK,
                "--smoke" => args.effort = Effort::SMOKE,
                "--svg" => args.svg = Some(value("folder")?.into()),
                _ => return Err(format!("`{word}` is not known")),
            }
        }
        Ok(Some(args))
    }
}

fn named(pattern: &str) -> Result<Vec<&'static Curve>, String> {
    let chosen: Vec<_> = CURVES.iter().filter(|it| it.name.contains(pattern)).collect();
    if chosen.is_empty() {
        let names: Vec<_> = CURVES.iter().map(|it| it.name).collect();
        return Err(format!("no curve contains {pattern:?}; there are: {}", names.join(" ")));
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Option<Args>, String> {
        let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        Args::parse(&words)
    }

    #[test]
    fn only_some_curves_are_measured() {
        let args = parse("--only subscrip --quick").unwrap().unwrap();
        assert!(args.curves.iter().all(|it| it.name.starts_with("subscriptions")));
        assert_eq!(args.effort, Effort::QUICK);
    }

    #[test]
    fn what_is_not_known_is_wrong_usage() {
        for line in ["--fast", "--json", "--only nothing", "connections"] {
            assert!(parse(line).is_err(), "{line}");
        }
        assert!(parse("--quick --help").unwrap().is_none());
    }
}
