//! One module for each command.

pub(crate) mod bench;
pub(crate) mod convert;
pub(crate) mod demo;
pub(crate) mod devices;
pub(crate) mod eval;
pub(crate) mod info;
pub(crate) mod models;
pub(crate) mod plan;
pub(crate) mod primitives;
pub(crate) mod replay;

use std::collections::BTreeMap;
use std::fmt;

use crate::Outcome;
use crate::report::Report;
use crate::stages::Table;

/// Prints what a run came to, and tells how it ended.
fn conclude(report: &Report, json: bool) -> anyhow::Result<Outcome> {
    if json {
        print!("{}", report.json()?);
    } else {
        print!("{}", Summary(report));
    }
    for fault in &report.faults {
        eprintln!("{fault}");
    }
    Ok(if report.is_clean() {
        Outcome::Clean
    } else {
        Outcome::Degraded
    })
}

/// A report for people.
struct Summary<'a>(&'a Report);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(report) = self;
        write!(f, "{}", Table(&report.stages))?;
        let frames = &report.frames;
        writeln!(
            f,
            "frames     {} in, {} out, dropped: {}",
            frames.input,
            frames.output,
            counts(&frames.dropped)
        )?;
        let dropped = &report.log.dropped;
        let dropped = dropped.iter().map(|(loss, n)| (loss.reason(), *n));
        let dropped = counts(&dropped.collect());
        writeln!(f, "records    dropped: {dropped}")?;
        let end_to_end = &report.end_to_end;
        writeln!(
            f,
            "end to end {:.1} frames/s, {:.2} × real time; latency p50 {:.1} ms, p99 {:.1} ms",
            end_to_end.fps, end_to_end.realtime_factor, end_to_end.p50_ms, end_to_end.p99_ms
        )?;
        let unseen = &report.detection.unseen;
        if !unseen.is_empty() {
            writeln!(f, "pictures   not looked at: {}", counts(unseen))?;
        }
        let objects = &report.objects;
        writeln!(
            f,
            "objects    {} followed; frames with something missing or wrong: {}",
            objects.identities,
            counts(&objects.impaired)
        )?;
        let planning = &report.planning;
        writeln!(
            f,
            "planning   {} plans, {} changes of end; failures: {}",
            planning.plans,
            planning.direction_switches,
            counts(&planning.failures)
        )?;
        let machine = &report.machine;
        writeln!(
            f,
            "ran on     {}, {} threads; kernels: {} (times: {}); inference: {}",
            machine.cpu, machine.threads, machine.device, machine.kernel_times, machine.inference
        )?;
        writeln!(f, "geometry   {}", report.geometry.sha256)
    }
}

/// Counts in one line.
fn counts(counts: &BTreeMap<&str, u64>) -> String {
    let counts: Vec<_> = counts.iter().map(|(key, n)| format!("{n} {key}")).collect();
    match counts.len() {
        0 => "none".into(),
        _ => counts.join(", "),
    }
}
