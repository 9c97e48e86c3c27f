use std::io::{self, Write};

use serde::Serialize;

/// Writes a table for people, or with `json` a JSON array of its rows for machines, to standard output.
pub(crate) fn table<T: Serialize, const N: usize>(
    json: bool,
    head: [&str; N],
    rows: &[T],
    cells: impl Fn(&T) -> [String; N],
) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer_pretty(&mut out, rows)?;
        return writeln!(out);
    }
    let rows: Vec<[String; N]> = rows.iter().map(cells).collect();
    let mut widths = head.map(|title| title.chars().count());
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: &[String; N]| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    writeln!(out, "{}", line(&head.map(str::to_owned)))?;
    rows.iter().try_for_each(|row| writeln!(out, "{}", line(row)))
}
