//! What was measured, as it is told: a table that grows line by line, JSON, pictures and verdicts.

use std::error::Error;
use std::path::Path;

use gleis_benches::plot::{Chart, Series};
use serde_json::{Map, Value, json};

use crate::bounds::BOUNDS;
use crate::curve::{Column, Curve, Measured};
use crate::figures::{figure, grouped};

/// How much there was of what grows, and the figures.
type Points = Vec<(u64, Vec<f64>)>;

/// All that was measured so far.
#[derive(Default)]
pub(crate) struct Report {
    curves: Vec<(&'static Curve, Points)>,
    n_failed: usize,
}

impl Report {
    /// Takes in a point, and prints it.
    pub(crate) fn note(&mut self, curve: &'static Curve, x: u64, figures: Measured) {
        let figures = match figures {
            Ok(figures) => figures,
            Err(error) => {
                eprintln!("growth: {} {x} failed: {error}", curve.name);
                self.n_failed += 1;
                return;
            }
        };
        if self.curves.last().is_none_or(|it| it.0.name != curve.name) {
            self.curves.push((curve, Vec::new()));
            println!("\n{}: {}\n", curve.name, curve.title);
            let names: Vec<_> = curve.columns.iter().map(heading).collect();
            println!("| {} | {} |", curve.x, names.join(" | "));
            println!("|{}", "---|".repeat(1 + curve.columns.len()));
        }
        let cells: Vec<_> = figures.iter().map(|it| figure(*it)).collect();
        println!("| {} | {} |", grouped(x), cells.join(" | "));
        if let Some((_, points)) = self.curves.last_mut() {
            points.push((x, figures));
        }
    }

    /// Every point of every curve.
    pub(crate) fn json(&self) -> Value {
        let curves = self.curves.iter().map(|(curve, points)| {
            let points = points.iter().map(|(x, figures)| {
                let cells = curve.columns.iter().map(heading).zip(figures.iter().map(|it| json!(it)));
                let all = std::iter::once((curve.x.to_owned(), json!(x))).chain(cells);
                Value::Object(all.collect::<Map<_, _>>())
            });
            json!({ "curve": curve.name, "title": curve.title, "points": points.collect::<Vec<_>>() })
        });
        Value::Array(curves.collect())
    }

    /// Draws each curve, a picture for each of its units; none where all is zero.
    pub(crate) fn draw(&self, folder: &Path) -> Result<(), Box<dyn Error>> {
        std::fs::create_dir_all(folder)?;
        for (curve, points) in &self.curves {
            let mut units: Vec<_> = curve.columns.iter().map(|it| it.unit).collect();
            // Columns of one unit stand side by side.
            units.dedup();
            for unit in units {
                let of_unit = curve.columns.iter().enumerate().filter(|it| it.1.unit == unit);
                let series = of_unit.map(|(at, column)| Series {
                    name: column.name.to_owned(),
                    points: points.iter().map(|(x, it)| (*x as f64, it[at])).collect(),
                });
                let chart = Chart {
                    title: curve.title.to_owned(),
                    x: curve.x.to_owned(),
                    y: unit.name().to_owned(),
                    series: series.collect(),
                };
                if chart.is_empty() {
                    continue;
                }
                chart.write(&folder.join(format!("{}-{}.svg", curve.name, unit.word())))?;
            }
        }
        Ok(())
    }

    /// Prints which bounds are kept; false if one is not, or a point failed.
    pub(crate) fn end(&self) -> bool {
        let verdicts =
            BOUNDS.iter().filter_map(|it| it.judge(|at| self.at(it.curve, it.column, at)));
        let verdicts: Vec<_> = verdicts.collect();
        println!();
        verdicts.iter().for_each(|(line, _)| println!("{line}"));
        if 0 < self.n_failed {
            println!("growth: {} points failed", self.n_failed);
        }
        self.n_failed == 0 && verdicts.iter().all(|it| it.1)
    }

    fn at(&self, curve: &str, column: &str, x: u64) -> Option<f64> {
        let (curve, points) = self.curves.iter().find(|it| it.0.name == curve)?;
        let column = curve.columns.iter().position(|it| it.name == column)?;
        points.iter().find(|it| it.0 == x).map(|it| it.1[column])
    }
}

fn heading(column: &Column) -> String {
    format!("{}, {}", column.name, column.unit.name())
}
