//! How long each stage took, over a run.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Stage names, in the order of the pipeline.
const ORDER: [&str; 18] = [
    "read",
    "decode",
    "detect.preprocess",
    "detect.run",
    "detect.postprocess",
    "lidar.upload",
    "lidar.fuse",
    "lidar.ground",
    "lidar.cluster",
    "lidar.occupancy",
    "lidar.distance",
    "lidar.voxel",
    "lidar.readback",
    "fuse",
    "track",
    "predict",
    "plan",
    "record",
];

/// Durations, to a thousandth of their value.
#[derive(Debug)]
pub(crate) struct Durations(Histogram<u64>);

/// What reports say of some durations.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Summary {
    pub(crate) count: u64,
    pub(crate) mean_ms: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p90_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) max_ms: f64,
}

impl Durations {
    const LONGEST_NS: u64 = 3_600_000_000_000;

    pub(crate) fn new() -> Self {
        // From a nanosecond to an hour, three digits: constants that the
        // histogram takes.
        Self(Histogram::new_with_bounds(1, Self::LONGEST_NS, 3).expect("valid bounds"))
    }

    pub(crate) fn add(&mut self, duration: Duration) {
        let ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.0.saturating_record(ns.clamp(1, Self::LONGEST_NS));
    }

    pub(crate) fn summary(&self) -> Summary {
        let ms = |ns: f64| (ns / 1e3).round() / 1e3;
        let quantile = |q| ms(self.0.value_at_quantile(q) as f64);
        Summary {
            count: self.0.len(),
            mean_ms: ms(self.0.mean()),
            p50_ms: quantile(0.5),
            p90_ms: quantile(0.9),
            p99_ms: quantile(0.99),
            max_ms: ms(self.0.max() as f64),
        }
    }
}

/// The durations of every stage that ran.
#[derive(Debug, Default)]
pub(crate) struct Stages(BTreeMap<&'static str, Durations>);

impl Stages {
    pub(crate) fn add(&mut self, stage: &'static str, duration: Duration) {
        self.0
            .entry(stage)
            .or_insert_with(Durations::new)
            .add(duration);
    }

    pub(crate) fn summaries(&self) -> BTreeMap<String, Summary> {
        let summary =
            |(stage, durations): (&&str, &Durations)| (String::from(*stage), durations.summary());
        self.0.iter().map(summary).collect()
    }
}

/// A table in the order of the pipeline.
pub(crate) struct Table<'a>(pub(crate) &'a BTreeMap<String, Summary>);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rank = |stage: &String| ORDER.iter().position(|known| known == stage);
        let mut rows: Vec<_> = self.0.iter().collect();
        rows.sort_by_key(|(stage, _)| rank(stage).unwrap_or(ORDER.len()));
        writeln!(
            f,
            "{:<20}{:>7}{:>10}{:>10}{:>10}{:>10}{:>10}",
            "stage (ms)", "count", "mean", "p50", "p90", "p99", "max"
        )?;
        for (stage, s) in rows {
            writeln!(
                f,
                "{stage:<20}{:>7}{:>10.3}{:>10.3}{:>10.3}{:>10.3}{:>10.3}",
                s.count, s.mean_ms, s.p50_ms, s.p90_ms, s.p99_ms, s.max_ms
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_tells_the_durations() {
        let mut durations = Durations::new();
        for ms in 1..=100 {
            durations.add(Duration::from_millis(ms));
        }
        let s = durations.summary();
        assert_eq!(s.count, 100);
        for (found, expected) in [
            (s.mean_ms, 50.5),
            (s.p50_ms, 50.0),
            (s.p90_ms, 90.0),
            (s.p99_ms, 99.0),
            (s.max_ms, 100.0),
        ] {
            assert!((found - expected).abs() < 0.2, "{found} for {expected}");
        }
        durations.add(Duration::MAX);
        assert_eq!(durations.summary().count, 101);
    }

    #[test]
    fn the_table_has_the_order_of_the_pipeline() {
        let mut stages = Stages::default();
        for stage in ["plan", "decode", "read"] {
            stages.add(stage, Duration::from_millis(1));
        }
        let table = Table(&stages.summaries()).to_string();
        let rows: Vec<_> = table.lines().skip(1).collect();
        let named = |row: usize, stage| rows[row].starts_with(stage);
        assert!(
            named(0, "read") && named(1, "decode") && named(2, "plan"),
            "{table}"
        );
    }
}
