//! The report of a run: what was done, on what, and how long it took.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use janus_datasets::{Info, Log, Lost};
use janus_perception::{Cloud, Grid, Impairment, PointCounts};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::config::Config;
use crate::pipeline::{Passed, Step};
use crate::stages::{Durations, Stages, Summary};

/// The form of this document; a number that changes with it.
const SCHEMA: &str = "janus.report/1";

/// What a run came to.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    schema: &'static str,
    pub(crate) log: LogSummary,
    pub(crate) machine: Machine,
    config: Config,
    pub(crate) frames: Frames,
    pub(crate) stages: BTreeMap<String, Summary>,
    pub(crate) end_to_end: EndToEnd,
    memory: Memory,
    pub(crate) geometry: Geometry,
    /// What became of the points of all frames.
    pub(crate) points: Points,
    pub(crate) detection: Detection,
    pub(crate) objects: Objects,
    pub(crate) planning: Planning,
    pub(crate) faults: Vec<String>,
}

/// What was followed, and how far that could be relied on.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Objects {
    /// Identities that were given.
    pub(crate) identities: usize,
    /// Objects of all frames together.
    seen: u64,
    /// Frames in which something was missing or wrong, by what it was.
    pub(crate) impaired: BTreeMap<&'static str, u64>,
}

/// What became of the pictures that were to be looked at.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Detection {
    /// Pictures at which the detector failed, by reason: what they show is
    /// unknown.
    pub(crate) unseen: BTreeMap<&'static str, u64>,
    /// Predictions that held no numbers, or what cannot be.
    pub(crate) invalid_predictions: u64,
    /// Detections that an export is without, for COCO does not have their
    /// class.
    pub(crate) left_out: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct LogSummary {
    path: String,
    format: &'static str,
    frames: usize,
    duration_s: f64,
    sensors: Vec<janus_datasets::Sensor>,
    /// Records that are part of no frame, of the whole log.
    pub(crate) dropped: Lost,
}

/// What the run ran on.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) threads: usize,
    pub(crate) device: String,
    pub(crate) driver: String,
    /// What the times of the kernels are: the twins' on the clock, the
    /// device's own timestamps, or part of the readback where it has none.
    pub(crate) kernel_times: &'static str,
    pub(crate) inference: String,
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Frames {
    #[serde(rename = "in")]
    pub(crate) input: u64,
    #[serde(rename = "out")]
    pub(crate) output: u64,
    pub(crate) dropped: BTreeMap<&'static str, u64>,
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct EndToEnd {
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) fps: f64,
    /// Seconds of the log for each second of the run; above one is faster
    /// than it was driven.
    pub(crate) realtime_factor: f64,
}

#[derive(Debug, Serialize)]
struct Memory {
    peak_rss_bytes: Option<u64>,
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Geometry {
    /// Of all frames' hashes in order.
    pub(crate) sha256: String,
    pub(crate) frames: Vec<FrameHash>,
}

#[derive(Debug, Serialize)]
pub(crate) struct FrameHash {
    pub(crate) index: u64,
    pub(crate) sha256: String,
}

/// Sums of [`PointCounts`], and how many sweeps stand for one moment.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Points {
    #[serde(rename = "in")]
    pub(crate) input: u64,
    #[serde(rename = "out")]
    pub(crate) output: u64,
    pub(crate) dropped: BTreeMap<&'static str, u64>,
    pub(crate) outside_voxels: u64,
    pub(crate) still_sweeps: u64,
}

impl Points {
    fn add(&mut self, points: &PointCounts, still_sweeps: u32) {
        let PointCounts {
            kept,
            not_finite,
            out_of_range,
            own_body,
            over_capacity,
            outside_voxels,
        } = *points;
        self.outside_voxels += u64::from(outside_voxels);
        self.output += u64::from(kept);
        self.input += u64::from(kept);
        for (reason, count) in [
            ("not_finite", not_finite),
            ("out_of_range", out_of_range),
            ("own_body", own_body),
            ("over_capacity", over_capacity),
        ] {
            self.input += u64::from(count);
            *self.dropped.entry(reason).or_default() += u64::from(count);
        }
        self.still_sweeps += u64::from(still_sweeps);
    }
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Planning {
    pub(crate) plans: u64,
    pub(crate) failures: BTreeMap<&'static str, u64>,
    pub(crate) direction_switches: u64,
    pub(crate) min_clearance_m: Option<f64>,
}

/// Gathers a report, frame by frame.
pub(crate) struct Tally {
    log: LogSummary,
    machine: Machine,
    config: Config,
    frames: Frames,
    stages: Stages,
    latency: Durations,
    last_stamp: Option<i64>,
    /// Time of the log that went by from frame to frame, ns.
    span_ns: i64,
    geometry: Geometry,
    whole: Sha256,
    points: Points,
    detection: Detection,
    objects: Objects,
    identities: BTreeSet<u64>,
    planning: Planning,
    faults: Vec<String>,
}

impl Tally {
    pub(crate) fn new(log: &Log, machine: Machine, config: Config) -> Self {
        let Info {
            format,
            path,
            frames,
            duration_s,
            sensors,
            lost: dropped,
            ..
        } = log.info().clone();
        Self {
            log: LogSummary {
                path,
                format,
                frames,
                duration_s,
                sensors,
                dropped,
            },
            machine,
            config,
            frames: Frames::default(),
            stages: Stages::default(),
            latency: Durations::new(),
            last_stamp: None,
            span_ns: 0,
            geometry: Geometry::default(),
            whole: Sha256::new(),
            points: Points::default(),
            detection: Detection::default(),
            objects: Objects::default(),
            identities: BTreeSet::new(),
            planning: Planning::default(),
            faults: log.info().faults().collect(),
        }
    }

    /// Counts a frame that left the pipeline.
    pub(crate) fn frame(&mut self, passed: &Passed<Step>) {
        self.frames.input += 1;
        match passed {
            Ok(step) => self.step(step),
            Err(dropped) => {
                *self.frames.dropped.entry(dropped.reason).or_default() += 1;
                self.faults
                    .push(format!("frame {}: {}", dropped.index, dropped.error));
            }
        }
    }

    fn step(&mut self, step: &Step) {
        let frame = &step.input.frame;
        self.frames.output += 1;
        for (stage, duration) in &step.timings {
            self.stages.add(stage, *duration);
        }
        self.latency.add(step.latency);
        let last = self.last_stamp.replace(frame.stamp);
        let since = frame.stamp.saturating_sub(last.unwrap_or(frame.stamp));
        // A benchmark goes back to the first frame after the last.
        self.span_ns = self.span_ns.saturating_add(since.max(0));

        let scene = &step.scene;
        for fault in &scene.faults {
            self.faults.push(format!("frame {}: {fault}", frame.index));
        }
        self.detection(step);
        self.objects.seen += scene.objects.len() as u64;
        self.identities
            .extend(scene.objects.iter().map(|object| object.id));
        self.health(step);
        self.points.add(&scene.points, scene.still_sweeps);
        let hash = geometry_hash(&scene.grid, &scene.cloud, &scene.points);
        self.hash(frame.index, &hash);

        match &step.plan {
            Ok(plan) => {
                let planning = &mut self.planning;
                planning.plans += 1;
                planning.direction_switches += u64::from(plan.end_changes);
                let least = planning.min_clearance_m.unwrap_or(f64::INFINITY);
                planning.min_clearance_m = Some(least.min(plan.min_clearance_m));
            }
            Err(halt) => {
                *self
                    .planning
                    .failures
                    .entry(halt.error.reason())
                    .or_default() += 1;
            }
        }
    }

    /// Counts what was missing or wrong in a frame, and tells the first of each
    /// kind; a picture that the detector failed at is told with the detections.
    fn health(&mut self, step: &Step) {
        let mut reasons = BTreeSet::new();
        for impairment in step.scene.health.impairments() {
            let reason = impairment.reason();
            let is_first = !self.objects.impaired.contains_key(reason);
            let is_told = matches!(impairment, Impairment::CameraUnknown { .. });
            if reasons.insert(reason) && is_first && !is_told {
                let index = step.input.frame.index;
                self.faults
                    .push(format!("frame {index}: {impairment} (told once)"));
            }
        }
        for reason in reasons {
            *self.objects.impaired.entry(reason).or_default() += 1;
        }
    }

    /// Counts the pictures of a frame at which the detector failed, and what
    /// it gave that cannot be.
    fn detection(&mut self, step: &Step) {
        let frame = &step.input.frame;
        for unseen in &step.scene.unseen {
            *self.detection.unseen.entry(unseen.reason).or_default() += 1;
            let mount = frame.rig.cameras.get(unseen.camera);
            let camera = mount.map_or("?", |mount| &mount.name);
            self.faults.push(format!(
                "frame {}: camera {camera}: {}",
                frame.index, unseen.error
            ));
        }
        let invalid = step.scene.invalid_predictions;
        if invalid > 0 {
            self.detection.invalid_predictions += invalid;
            self.faults.push(format!(
                "frame {}: the detector gave {invalid} predictions that cannot be",
                frame.index
            ));
        }
    }

    /// Notes the hash of a frame's geometry. A frame that comes again, as in a
    /// benchmark, must have the same.
    fn hash(&mut self, index: u64, hash: &[u8; 32]) {
        let sha256 = hex(hash);
        let frames = &mut self.geometry.frames;
        match frames.binary_search_by_key(&index, |frame| frame.index) {
            Err(place) => {
                self.whole.update(hash);
                frames.insert(place, FrameHash { index, sha256 });
            }
            Ok(place) if frames[place].sha256 != sha256 => self.faults.push(format!(
                "frame {index}: its geometry differs between two rounds"
            )),
            Ok(_) => {}
        }
    }

    /// Adds the time that a frame's recording took.
    pub(crate) fn recorded(&mut self, duration: Duration) {
        self.stages.add("record", duration);
    }

    /// Counts detections that the export is without.
    pub(crate) fn left_out(&mut self, nameless: u64) {
        self.detection.left_out += nameless;
        self.faults.push(format!(
            "detections.json is without {nameless} detections of classes that COCO does not have"
        ));
    }

    /// Notes something that went wrong and did not end the run.
    pub(crate) fn fault(&mut self, fault: String) {
        self.faults.push(fault);
    }

    /// The report of a run that took `elapsed`.
    pub(crate) fn finish(mut self, elapsed: Duration) -> Report {
        let latency = self.latency.summary();
        let seconds = elapsed.as_secs_f64().max(1e-9);
        self.geometry.sha256 = hex(&self.whole.finalize().into());
        Report {
            schema: SCHEMA,
            log: self.log,
            machine: self.machine,
            config: self.config,
            end_to_end: EndToEnd {
                p50_ms: latency.p50_ms,
                p99_ms: latency.p99_ms,
                fps: self.frames.output as f64 / seconds,
                realtime_factor: self.span_ns as f64 * 1e-9 / seconds,
            },
            frames: self.frames,
            stages: self.stages.summaries(),
            memory: Memory {
                peak_rss_bytes: peak_rss_bytes(),
            },
            geometry: self.geometry,
            points: self.points,
            detection: self.detection,
            objects: Objects {
                identities: self.identities.len(),
                ..self.objects
            },
            planning: self.planning,
            faults: self.faults,
        }
    }
}

impl Report {
    /// Writes the report as one JSON document.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let write = || -> std::io::Result<()> {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            let mut file = std::fs::File::create(path)?;
            file.write_all(self.json()?.as_bytes())
        };
        write().with_context(|| format!("{}: the report cannot be written", path.display()))
    }

    /// The report as JSON.
    pub(crate) fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self).map(|json| json + "\n")
    }

    /// Whether anything was lost or went wrong.
    pub(crate) fn is_clean(&self) -> bool {
        self.frames.dropped.is_empty() && self.faults.is_empty()
    }
}

/// The hash of a frame's geometry: every cell of the grid, where it lies, what
/// became of the points, the label of each, the clusters and the voxels.
fn geometry_hash(grid: &Grid, cloud: &Cloud, points: &PointCounts) -> [u8; 32] {
    let mut hash = Sha256::new();
    for word in grid.origin {
        hash.update(word.to_le_bytes());
    }
    let PointCounts {
        kept,
        not_finite,
        out_of_range,
        own_body,
        over_capacity,
        outside_voxels,
    } = *points;
    let [width, height] = grid.size;
    for word in [
        width,
        height,
        grid.cell_mm,
        kept,
        not_finite,
        out_of_range,
        own_body,
        over_capacity,
        outside_voxels,
    ] {
        hash.update(word.to_le_bytes());
    }
    let Cloud {
        voxels,
        labels,
        clusters,
    } = cloud;
    for length in [labels.len(), clusters.len(), voxels.len()] {
        hash.update((length as u64).to_le_bytes());
    }
    // All of these are whole words without gaps. Their bytes are those of a
    // little-endian machine, as every machine with a GPU is.
    let parts: [&[u8]; 4] = [
        bytemuck::cast_slice(&grid.log_odds),
        bytemuck::cast_slice(labels),
        bytemuck::cast_slice(clusters),
        bytemuck::cast_slice(voxels),
    ];
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

fn hex(hash: &[u8; 32]) -> String {
    hash.iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// The greatest amount of memory that the process held, where the system
/// tells it.
fn peak_rss_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// The processor's name, where the system tells it.
pub(crate) fn cpu_name() -> String {
    let named = || {
        let info = std::fs::read_to_string("/proc/cpuinfo").ok()?;
        let line = info.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    named().unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_of_the_geometry_is_hashed() {
        let grid = Grid {
            origin: [1, 2],
            size: [2, 1],
            cell_mm: 200,
            log_odds: vec![Grid::UNKNOWN, 850],
        };
        let cloud = Cloud {
            voxels: vec![[1, 2, 3, 4]],
            labels: vec![0, 1, 2],
            clusters: Vec::new(),
        };
        let points = PointCounts::default();
        let hash = geometry_hash(&grid, &cloud, &points);
        assert_eq!(hash, geometry_hash(&grid.clone(), &cloud, &points));
        let other_grid = |change: fn(&mut Grid)| {
            let mut grid = grid.clone();
            change(&mut grid);
            geometry_hash(&grid, &cloud, &points)
        };
        let other_cloud = |change: fn(&mut Cloud)| {
            let mut cloud = cloud.clone();
            change(&mut cloud);
            geometry_hash(&grid, &cloud, &points)
        };
        let own_body = PointCounts {
            own_body: 1,
            ..points
        };
        for other in [
            other_grid(|grid| grid.log_odds[1] = 851),
            other_grid(|grid| grid.origin = [2, 1]),
            other_cloud(|cloud| cloud.voxels[0][3] = 5),
            other_cloud(|cloud| cloud.labels[2] = 3),
            other_cloud(|cloud| cloud.labels.truncate(2)),
            geometry_hash(&grid, &cloud, &own_body),
        ] {
            assert_ne!(hash, other);
        }
    }

    #[test]
    fn hashes_are_written_in_hex() {
        let mut bytes = [0; 32];
        bytes[0] = 0xab;
        assert!(hex(&bytes).starts_with("ab00") && hex(&bytes).len() == 64);
    }
}
