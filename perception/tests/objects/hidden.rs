//! What is hidden for a while.

use std::path::Path;

use janus_datasets::Log;
use janus_datasets::synth::{Drive, Scenario};
use janus_perception::{Lidar, LidarConfig, Objects, ObjectsConfig};

use super::truth::things;

/// The vehicle hardly moves; a bicycle passes behind a wall, whose shadow it
/// takes some two seconds to cross, and comes out again.
const PASSAGE: &str = r#"
[scenario]
name = "passage"
purpose = "To be hidden for two seconds."
seed = 1
duration_s = 7.0
[area]
from = [-60.0, -20.0]
to = [60.0, 30.0]
[ego]
speed = 0.3
[[ego.leg]]
lead = "a"
points = [[0.0, 0.0], [6.0, 0.0]]
[[wall]]
from = [1.0, 8.0]
to = [10.3, 8.0]
thickness = 0.2
height = 3.0
[[actor]]
kind = "bicycle"
points = [[-10.0, 11.0], [50.0, 11.0]]
speed = 4.5
minds = "nothing"
leaves = true
"#;

#[test]
fn who_passes_behind_a_wall_for_two_seconds_stays_who_it_is() {
    let scenario = Scenario::parse(Path::new("passage.toml"), PASSAGE).unwrap();
    let log = Log::synthetic(Drive {
        scenario,
        frames: None,
        seed: None,
    });
    let mut lidar = Lidar::new(LidarConfig::default(), None).unwrap();
    let mut objects = Objects::new(ObjectsConfig::default(), &[]).unwrap();
    let (mut before, mut after) = (None, None);
    // Frames in a row without a return, and the most of them.
    let (mut unseen, mut longest, mut kept) = (0u32, 0u32, 0u32);
    for frame in log.unwrap().frames(None) {
        let frame = frame.unwrap();
        let scene = lidar.step(&frame).unwrap();
        let found = objects.step(&frame, None, &scene).objects;
        let Some(bicycle) = things(&frame).pop() else {
            continue;
        };
        let off = |at: [f64; 3]| (at[0] - bicycle.at[0]).hypot(at[1] - bicycle.at[1]);
        let same = found.iter().filter(|one| off(one.centre) < 2.0);
        let same = same.min_by(|a, b| off(a.centre).total_cmp(&off(b.centre)));
        if frame.annotations[0].points == Some(0) {
            unseen += 1;
            longest = longest.max(unseen);
            kept += u32::from(same.map(|one| one.id) == before);
        } else if longest < 15 {
            unseen = 0;
            before = same.map(|one| one.id).or(before);
        } else {
            after = after.or(same.map(|one| one.id));
        }
    }
    assert!((18..=26).contains(&longest), "hidden for {longest} frames");
    assert!(before.is_some());
    assert_eq!(before, after, "it is somebody else after {longest} frames");
    // And is where it is said to be meanwhile, for most of that time.
    assert!(2 * kept > longest, "{kept} of {longest}");
}
