//! Curves as pictures: lines over logarithmic axes, written as SVG.

use std::error::Error;
use std::ops::Range;
use std::path::Path;

use plotters::chart::ChartBuilder;
use plotters::coord::combinators::IntoLogRange;
use plotters::drawing::IntoDrawingArea;
use plotters::element::{Circle, Rectangle, Text};
use plotters::prelude::SVGBackend;
use plotters::series::LineSeries;
use plotters::style::{BLACK, Color, RGBColor, TRANSPARENT, WHITE};

/// A picture of some lines that share their axes.
#[derive(Clone, Debug)]
pub struct Chart {
    /// What stands above it.
    pub title: String,
    /// What goes to the right, with its unit.
    pub x: String,
    /// What goes up, with its unit.
    pub y: String,
    /// The lines, in the order of the legend.
    pub series: Vec<Series>,
}

/// One line of a [`Chart`].
#[derive(Clone, Debug)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// Its points, from left to right; what is not above zero has no place on the axes and is left out.
    pub points: Vec<(f64, f64)>,
}

impl Chart {
    /// Whether there is no point that has a place on the axes.
    pub fn is_empty(&self) -> bool {
        !self.series.iter().flat_map(|it| &it.points).any(|it| is_shown(*it))
    }

    /// Writes the picture, both axes logarithmic, in place of the file.
    ///
    /// # Errors
    /// If there is no point, or the file cannot be written.
    pub fn write(&self, file: &Path) -> Result<(), Box<dyn Error>> {
        let mut svg = String::new();
        self.draw(&mut svg)?;
        // What the library ends its lines with is not ours to choose; files end with one end of line.
        let lines: Vec<_> = svg.lines().map(str::trim_end).collect();
        Ok(std::fs::write(file, lines.join("\n") + "\n")?)
    }

    fn draw(&self, svg: &mut String) -> Result<(), Box<dyn Error>> {
        let shown = |it: &Series| it.points.iter().copied().filter(|it| is_shown(*it)).collect();
        let lines = self.series.iter().map(|it| (it.name.as_str(), shown(it)));
        let lines: Vec<(&str, Vec<(f64, f64)>)> = lines.collect();
        let all = || lines.iter().flat_map(|it| &it.1);
        let x = tight(all().map(|it| it.0)).ok_or("a chart without a point")?;
        let y = decades(all().map(|it| it.1)).ok_or("a chart without a point")?;
        let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let (left, right) = root.split_horizontally(PLOT);
        let mut chart = ChartBuilder::on(&left)
            .caption(&self.title, ("sans-serif", 18))
            .margin(12)
            .x_label_area_size(48)
            .y_label_area_size(72)
            .build_cartesian_2d(x.log_scale(), y.log_scale())?;
        chart
            .configure_mesh()
            .x_desc(&self.x)
            .y_desc(&self.y)
            .x_label_formatter(&|it| short(*it))
            .y_label_formatter(&|it| short(*it))
            .label_style(("sans-serif", 14))
            .bold_line_style(BLACK.mix(0.2))
            .light_line_style(TRANSPARENT)
            .draw()?;
        // Beside the lines and not upon them.
        for (at, (name, points)) in (0i32..).zip(lines) {
            let colour = COLOURS[at as usize % COLOURS.len()];
            let dot = |it| Circle::new(it, 3, colour.filled());
            let y = 60 + 22 * at;
            right.draw(&Rectangle::new([(0, y - 1), (20, y + 1)], colour.filled()))?;
            right.draw(&Text::new(name, (26, y - 6), ("sans-serif", 14)))?;
            chart.draw_series(points.iter().copied().map(dot))?;
            chart.draw_series(LineSeries::new(points, colour.stroke_width(2)))?;
        }
        root.present()?;
        Ok(())
    }
}

/// Width and height of a picture.
const SIZE: (u32, u32) = (880, 400);
/// Width of what is not the legend.
const PLOT: i32 = 620;
/// One for each line: those of Okabe and Ito, which most people can tell apart.
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
];

fn is_shown((x, y): (f64, f64)) -> bool {
    0.0 < x && 0.0 < y
}

/// From the least to the greatest; around a single value there is some room.
fn tight(values: impl Iterator<Item = f64> + Clone) -> Option<Range<f64>> {
    let least = values.clone().min_by(f64::total_cmp)?;
    let most = values.max_by(f64::total_cmp)?;
    let room = if least < most { 1.0 } else { 2.0 };
    Some(least / room..most * room)
}

/// As [`tight`], widened to powers of ten.
fn decades(values: impl Iterator<Item = f64> + Clone) -> Option<Range<f64>> {
    let Range { start, end } = tight(values)?;
    Some(10f64.powf(start.log10().floor())..10f64.powf(end.log10().ceil()))
}

/// A number for an axis: `0.5`, `10k`.
fn short(value: f64) -> String {
    let (value, suffix) = match value {
        _ if 1e9 <= value => (value / 1e9, "G"),
        _ if 1e6 <= value => (value / 1e6, "M"),
        _ if 1e3 <= value => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let rounded = (value * 100.0).round() / 100.0;
    format!("{rounded}{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: &[(f64, f64)]) -> Chart {
        let series = vec![Series { name: "a < b".to_owned(), points: points.to_vec() }];
        let text = |it: &str| it.to_owned();
        Chart { title: text("growth"), x: text("connections"), y: text("ns"), series }
    }

    #[test]
    fn a_chart_names_what_it_shows() {
        let mut svg = String::new();
        chart(&[(1.0, 5.0), (10.0, 0.0), (100.0, 70.0)]).draw(&mut svg).unwrap();
        for word in ["growth", "connections", "ns", "a &lt; b", "<polyline"] {
            assert!(svg.contains(word), "{word}: {svg}");
        }
    }

    #[test]
    fn one_point_is_enough_and_none_is_an_error() {
        assert!(chart(&[(8.0, 8.0)]).draw(&mut String::new()).is_ok());
        assert!(chart(&[(8.0, 0.0)]).draw(&mut String::new()).is_err());
        assert!(chart(&[(8.0, 0.0)]).is_empty() && !chart(&[(8.0, 8.0)]).is_empty());
    }

    #[test]
    fn numbers_of_an_axis_are_short() {
        for (value, text) in [(0.5, "0.5"), (999.0, "999"), (1e3, "1k"), (2.5e6, "2.5M")] {
            assert_eq!(short(value), text);
        }
    }
}
