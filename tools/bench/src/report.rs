use std::io::{self, Write};

use serde::Serialize;

use crate::load::Measured;

/// The figures of a run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    engine: String,
    rows: Vec<Row>,
}

/// One figure.
#[derive(Debug, Clone, Serialize)]
struct Row {
    scenario: &'static str,
    what: String,
    value: f64,
    unit: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reached: Option<bool>,
}

/// What a figure should be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    AtLeast(f64),
    AtMost(f64),
}

impl Report {
    /// A report of what was measured on that engine.
    pub(crate) fn on(engine: String) -> Self {
        Self { engine, rows: Vec::new() }
    }

    /// Adds a figure.
    pub(crate) fn add(
        &mut self,
        scenario: &'static str,
        what: impl Into<String>,
        value: f64,
        unit: &'static str,
    ) {
        self.rows.push(Row { scenario, what: what.into(), value, unit, target: None, reached: None });
    }

    /// Adds a figure that has a target.
    pub(crate) fn judge(
        &mut self,
        scenario: &'static str,
        what: impl Into<String>,
        (value, unit): (f64, &'static str),
        target: Target,
    ) {
        let (text, reached) = match target {
            Target::AtLeast(least) => (format!(">= {}", number(least)), value >= least),
            Target::AtMost(most) => (format!("<= {}", number(most)), value <= most),
        };
        let (target, reached) = (Some(text), Some(reached));
        self.rows.push(Row { scenario, what: what.into(), value, unit, target, reached });
    }

    /// Adds rate, latencies and failures of a measurement.
    pub(crate) fn measured(&mut self, scenario: &'static str, what: &str, measured: &Measured) {
        self.add(scenario, what, measured.rate(), "/s");
        for (name, quantile) in [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)] {
            self.add(scenario, format!("{what}, {name}"), measured.latency_ms(quantile), "ms");
        }
        if measured.refused > 0 {
            self.add(scenario, format!("{what}, refused"), measured.refused as f64, "requests");
        }
        if measured.failed > 0 {
            self.add(scenario, format!("{what}, failed"), measured.failed as f64, "requests");
        }
    }

    /// Prints a table for people or JSON for machines to standard output.
    pub(crate) fn print(&self, json: bool) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if json {
            serde_json::to_writer_pretty(&mut out, self)?;
            return writeln!(out);
        }
        writeln!(out, "on {}", self.engine)?;
        let widest = self.rows.iter().map(|row| row.what.chars().count()).max().unwrap_or(0);
        for row in &self.rows {
            let target = match (&row.target, row.reached) {
                (Some(target), Some(true)) => format!("{target}  reached"),
                (Some(target), _) => format!("{target}  MISSED"),
                _ => String::new(),
            };
            let line = format!(
                "{:<11} {:<widest$}  {:>12} {:<9} {target}",
                row.scenario,
                row.what,
                number(row.value),
                row.unit,
            );
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 || value.fract() == 0.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// The middle of an odd number of values, or the lower one of the two.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(0.0)
}
