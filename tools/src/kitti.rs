//! What is followed, as a file of the KITTI tracking benchmark's form, for the
//! evaluation that comes with it and for others that read it. The form tells
//! where things are in a camera's frame and picture, so it holds what that
//! camera shows; frames have the log's own numbers, which in the benchmark's
//! sequences count from 0.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use janus_datasets::kitti_tracks::{TrackLine, type_of};
use janus_datasets::{Camera, Frame, Log, Pose, Rig};
use janus_perception::Object;
use nalgebra::{Translation3, UnitQuaternion, Vector3};

use crate::export::create;

/// The cameras whose pictures the benchmark's labels belong to: those of raw
/// drives and of tracking sequences, and of odometry.
const LABELLED: [&str; 2] = ["image_02", "image_2"];
/// What the form has for what nobody tells.
const UNKNOWN: i32 = -1;

/// The file of a log.
pub(crate) struct KittiTracks {
    path: PathBuf,
    file: BufWriter<File>,
}

impl KittiTracks {
    /// Begins the file in a folder, named like the log; `None` for a log
    /// without a camera.
    pub(crate) fn new(folder: &Path, log: &Log) -> Result<Option<Self>> {
        if log.rig().cameras.is_empty() {
            return Ok(None);
        }
        fs::create_dir_all(folder)
            .with_context(|| format!("{}: cannot be made", folder.display()))?;
        let name = match log.path() {
            path if path.is_dir() => path.file_name(),
            path => path.file_stem(),
        };
        let mut path = folder.join(name.unwrap_or("log".as_ref()));
        path.as_mut_os_string().push(".txt");
        let file = BufWriter::new(create(&path)?);
        Ok(Some(Self { path, file }))
    }

    /// Writes what is followed in a frame.
    pub(crate) fn frame(&mut self, frame: &Frame, objects: &[Object]) -> Result<()> {
        let mut lines = lines(frame, objects).into_iter();
        let written = lines.try_for_each(|line| writeln!(self.file, "{line}"));
        written.with_context(|| format!("{}: cannot be written", self.path.display()))
    }

    /// Writes the rest.
    pub(crate) fn finish(mut self) -> Result<()> {
        let written = self.file.flush();
        written.with_context(|| format!("{}: cannot be written", self.path.display()))
    }
}

/// The objects that the camera shows, none without a pose or a camera.
fn lines(frame: &Frame, objects: &[Object]) -> Vec<TrackLine> {
    let (Some(pose), Some(camera)) = (frame.pose, camera(&frame.rig)) else {
        return Vec::new();
    };
    let rect_from_odom = (pose * base_from_rect(&frame.rig, camera)).inverse();
    let sensor_from_odom = (pose * camera.base_from_sensor).inverse();
    let shown = objects.iter().filter_map(|object| {
        let odom_from_box = Pose::from_parts(
            Translation3::from(object.centre),
            UnitQuaternion::from_axis_angle(&Vector3::z_axis(), object.yaw),
        );
        let size = [object.length, object.width, object.height];
        let extent = camera.extent(&(sensor_from_odom * odom_from_box), size)?;
        let bbox @ [x_min, y_min, x_max, y_max] = camera.clip(extent);
        (x_min < x_max && y_min < y_max).then(|| TrackLine {
            frame: frame.index,
            track: object.id,
            label: type_of(object.class).into(),
            truncation: UNKNOWN,
            occlusion: UNKNOWN,
            bbox,
            rect_from_box: rect_from_odom * odom_from_box,
            size,
            score: Some(object.score),
        })
    });
    shown.collect()
}

/// The camera to which KITTI's labels belong; in other rigs the first.
fn camera(rig: &Rig) -> Option<&Camera> {
    let labelled = |camera: &&Camera| LABELLED.contains(&&*camera.name);
    rig.cameras.iter().find(labelled).or(rig.cameras.first())
}

/// The frame that the form gives places in: that of camera 0, rectified, or
/// where a log has no such frame that of the camera itself.
fn base_from_rect(rig: &Rig, camera: &Camera) -> Pose {
    rig.base_from_rect.unwrap_or(camera.base_from_sensor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use janus_datasets::synth::{Drive, Scenario};
    use janus_datasets::{Class, kitti_tracks};
    use janus_perception::eval::{
        HotaAt, Moment, Moments, Relevance, Similarity, TrackingScore, score_tracking,
    };
    use janus_perception::{Lidar, LidarConfig, Objects, ObjectsConfig};
    use std::collections::BTreeMap;

    const RELEVANCE: fn() -> Relevance = || Relevance {
        classes: vec![Class::Car, Class::Van, Class::Bicycle, Class::Pedestrian],
        neighbours: Vec::new(),
        range: 40.0,
        least_points: 30,
        similarity: Similarity::Overlap,
        least: 0.3,
    };

    fn score(moments: &[Moment]) -> TrackingScore {
        score_tracking(moments, &RELEVANCE(), 5).expect("each is there once")
    }

    /// What is written of a drive, read again and brought back to odom, has the
    /// scores that it had before.
    #[test]
    fn what_is_written_is_scored_as_what_it_was_written_from() {
        let log = Log::synthetic(Drive {
            scenario: Scenario::named("busy_street").expect("is built in"),
            frames: None,
            seed: Some(3),
        });
        let log = log.expect("has frames");
        let folder = tempfile::tempdir().expect("a folder");
        let mut file = KittiTracks::new(folder.path(), &log)
            .expect("can be written")
            .expect("has cameras");
        let mut lidar = Lidar::new(LidarConfig::default(), None).expect("makes sense");
        let mut objects = Objects::new(ObjectsConfig::default(), &[]).expect("makes sense");
        let mut moments = Moments::new(false);
        let (mut odom_from_rect, mut unseen) = (BTreeMap::new(), 0);
        for frame in log.frames(Some(200..230)) {
            let frame = frame.expect("is made");
            let scene = lidar.step(&frame).expect("has sweeps");
            let found = objects.step(&frame, None, &scene).objects;
            file.frame(&frame, &found).expect("is written");
            // Only what the file can tell.
            let shown = lines(&frame, &found);
            let shown = |object: &&Object| shown.iter().any(|line| line.track == object.id);
            let shown: Vec<Object> = found.iter().filter(shown).cloned().collect();
            unseen += found.len() - shown.len();
            moments.add(&frame, &shown).expect("has a pose");
            let camera = camera(&frame.rig).expect("has cameras");
            let pose = frame.pose.expect("is known") * base_from_rect(&frame.rig, camera);
            odom_from_rect.insert(frame.index, pose);
        }
        file.finish().expect("is written");
        assert!(unseen > 30, "{unseen}");
        let direct = moments.finish();

        let read = kitti_tracks::read(&folder.path().join("synthetic.txt")).expect("is read");
        let mut again = direct.clone();
        for (moment, (number, odom_from_rect)) in again.iter_mut().zip(&odom_from_rect) {
            let lines = read.iter().filter(|line| line.frame == *number);
            let lines: BTreeMap<u64, &TrackLine> = lines.map(|line| (line.track, line)).collect();
            assert_eq!(lines.len(), moment.tracks.len());
            for track in &mut moment.tracks {
                let line = lines[&track.id];
                assert_eq!(line.label, type_of(track.state.class));
                let odom_from_box = odom_from_rect * line.rect_from_box;
                let along = odom_from_box.rotation * Vector3::x();
                track.state.centre = odom_from_box.translation.vector.into();
                track.state.yaw = along.y.atan2(along.x);
                track.state.size = line.size;
                track.score = line.score.expect("is written");
                let [x_min, y_min, x_max, y_max] = line.bbox;
                assert!(0.0 <= x_min && x_min < x_max && x_max <= 640.0);
                assert!(0.0 <= y_min && y_min < y_max && y_max <= 384.0);
            }
        }
        let [direct, again] = [direct, again].map(|moments| score(&moments));
        assert!(direct.clear.hits > 50, "{:?}", direct.clear);
        let counts = |of: &TrackingScore| {
            let clear = &of.clear;
            [clear.hits, clear.misses, clear.false_alarms, clear.switches]
        };
        assert_eq!(counts(&direct), counts(&again));
        assert_eq!(direct.identity, again.identity);
        for figure in [HotaAt::hota, HotaAt::det_a, HotaAt::ass_a, HotaAt::loc_a] {
            let [a, b] = [&direct, &again].map(|score| score.hota.mean(figure));
            assert!((a - b).abs() < 1e-3, "{a} {b}");
        }
        let [a, b] = [&direct, &again].map(|score| score.boxes.centre.expect("has hits").rms);
        assert!((a - b).abs() < 1e-5, "{a} {b}");
    }
}
