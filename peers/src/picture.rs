//! The rows as bars, one block for each kind of work.

use std::error::Error;
use std::path::Path;

use plotters::drawing::IntoDrawingArea;
use plotters::element::{Rectangle, Text};
use plotters::prelude::SVGBackend;
use plotters::style::{Color, RGBColor, WHITE};

/// One kind of work.
pub(crate) struct Block {
    pub(crate) title: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) bars: Vec<Bar>,
}

/// What one contestant reached.
pub(crate) struct Bar {
    pub(crate) name: &'static str,
    /// The value as it is told.
    pub(crate) text: String,
    pub(crate) value: f64,
}

const WIDTH: i32 = 880;
const MARGIN: i32 = 16;
/// Where bars begin, and how long the longest one is.
const LEFT: i32 = 220;
const LONGEST: i32 = 540;
const ROW: i32 = 22;
/// A title, and the room behind a block.
const TITLE: i32 = 30;
const GAP: i32 = 14;
const OURS: RGBColor = RGBColor(0, 114, 178);
const THEIRS: RGBColor = RGBColor(160, 160, 160);

/// Draws all blocks, one below the other, in place of the file.
///
/// # Errors
/// If the file cannot be written.
pub(crate) fn write(blocks: &[Block], file: &Path) -> Result<(), Box<dyn Error>> {
    let mut svg = String::new();
    draw(blocks, &mut svg)?;
    let lines: Vec<_> = svg.lines().map(str::trim_end).collect();
    Ok(std::fs::write(file, lines.join("\n") + "\n")?)
}

fn height(block: &Block) -> i32 {
    TITLE + ROW * block.bars.len() as i32 + GAP
}

fn draw(blocks: &[Block], svg: &mut String) -> Result<(), Box<dyn Error>> {
    let total = 2 * MARGIN + blocks.iter().map(height).sum::<i32>();
    let root = SVGBackend::with_string(svg, (WIDTH as u32, total as u32)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut top = MARGIN;
    for block in blocks {
        let title = format!("{}: {}", block.title, block.unit);
        root.draw(&Text::new(title, (MARGIN, top), ("sans-serif", 16)))?;
        let most = block.bars.iter().map(|it| it.value).fold(0.0, f64::max);
        for (at, bar) in (0..).zip(&block.bars) {
            let y = top + TITLE + ROW * at;
            let end = LEFT + (f64::from(LONGEST) * bar.value / most).round() as i32;
            let colour = if bar.name.starts_with("gleis") { OURS } else { THEIRS };
            root.draw(&Text::new(bar.name, (MARGIN, y), ("sans-serif", 14)))?;
            root.draw(&Rectangle::new([(LEFT, y), (end.max(LEFT + 1), y + 14)], colour.filled()))?;
            root.draw(&Text::new(bar.text.as_str(), (end + 8, y), ("sans-serif", 14)))?;
        }
        top += height(block);
    }
    root.present()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bar_is_named_and_says_its_value() {
        let bar = |name, value: f64| Bar { name, text: format!("{value} k"), value };
        let bars = vec![bar("gleis", 20.0), bar("others", 10.0)];
        let mut svg = String::new();
        draw(&[Block { title: "work", unit: "messages a second", bars }], &mut svg).unwrap();
        for word in ["work: messages a second", "gleis", "others", "20 k", "10 k"] {
            assert!(svg.contains(word), "{word}: {svg}");
        }
    }
}
