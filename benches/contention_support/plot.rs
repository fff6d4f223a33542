//! The plot: a small chart for each table, lines over threads or shards. Knows nothing of what was measured.

use super::Result;
use plotters::prelude::*;
use std::path::Path;

/// A table: `values[row][column]` in million operations a second; NaN where there is nothing.
pub struct Table {
    /// Above it.
    pub title: String,
    /// What the columns are.
    pub axis: &'static str,
    /// Their heads.
    pub columns: Vec<usize>,
    /// Names of the rows.
    pub rows: Vec<&'static str>,
    /// The figures.
    pub values: Vec<Vec<f64>>,
}

/// Charts beside each other.
const ACROSS: usize = 3;

/// Pixels of a chart.
const CHART: (u32, u32) = (460, 340);

/// Draws every table with two columns or more into one SVG file.
///
/// # Errors
/// A file that cannot be written.
pub fn draw(tables: &[Table], file: &Path) -> Result<()> {
    let tables: Vec<&Table> = tables.iter().filter(|table| table.columns.len() > 1).collect();
    if tables.is_empty() {
        return Err("no table has two columns: nothing to plot".into());
    }
    let down = tables.len().div_ceil(ACROSS);
    let size = (CHART.0 * ACROSS as u32, CHART.1 * down as u32);
    let area = SVGBackend::new(file, size).into_drawing_area();
    area.fill(&WHITE)?;
    for (table, place) in tables.iter().zip(area.split_evenly((down, ACROSS))) {
        chart(table, &place)?;
    }
    area.present()?;
    Ok(())
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn chart(table: &Table, area: &Area<'_>) -> std::result::Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let most = table.values.iter().flatten().copied().filter(|value| value.is_finite()).fold(0.1, f64::max);
    let last = table.columns.len() - 1;
    let mut chart = ChartBuilder::on(area)
        .caption(&table.title, ("sans-serif", 18))
        .margin(8)
        .x_label_area_size(32)
        .y_label_area_size(44)
        .build_cartesian_2d(0.0..last as f64, 0.0..most * 1.9)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .x_labels(table.columns.len())
        .x_label_formatter(&|place| table.columns.get(place.round() as usize).map_or(String::new(), usize::to_string))
        .label_style(("sans-serif", 13))
        .x_desc(table.axis)
        .y_desc("million operations/s")
        .draw()?;
    for (number, (name, values)) in table.rows.iter().zip(&table.values).enumerate() {
        let colour = Palette99::pick(number).stroke_width(2);
        let points = values.iter().enumerate().filter(|(_, value)| value.is_finite());
        let line: Vec<(f64, f64)> = points.map(|(place, value)| (place as f64, *value)).collect();
        chart
            .draw_series(LineSeries::new(line, colour))?
            .label(*name)
            .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 12, y)], colour));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .label_font(("sans-serif", 12))
        .background_style(WHITE.mix(0.8))
        .draw()?;
    Ok(())
}
