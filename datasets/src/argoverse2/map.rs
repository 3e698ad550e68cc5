//! The vector map of a log: lane segments and pedestrian crossings in the city
//! frame, which is odom.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::file;
use crate::roads::{Crossing, Draft, LaneKind, Neighbour, Roads, Unsound, cut_out};

const FOLDER: &str = "map";
/// The part of a city around a log takes some 200 kB.
const LIMIT: u64 = 16 << 20;

/// A file of a map.
#[derive(Deserialize)]
struct Archive {
    lane_segments: BTreeMap<String, Segment>,
    pedestrian_crossings: BTreeMap<String, Edges>,
}

#[derive(Deserialize)]
struct Segment {
    id: u64,
    lane_type: Kind,
    left_lane_boundary: Vec<Place>,
    right_lane_boundary: Vec<Place>,
    successors: Vec<u64>,
    predecessors: Vec<u64>,
    left_neighbor_id: Option<u64>,
    right_neighbor_id: Option<u64>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Kind {
    Vehicle,
    Bike,
    Bus,
}

/// A crossing, between edges along which people walk.
#[derive(Deserialize)]
struct Edges {
    edge1: Vec<Place>,
    edge2: Vec<Place>,
}

#[derive(Clone, Copy, Deserialize)]
struct Place {
    x: f64,
    y: f64,
    z: f64,
}

/// What is wrong: the field, and what was expected there.
type Wrong = (String, String);

/// The map of a log; `None` if it comes without one.
pub(super) fn read(log: &Path) -> Result<Option<Roads>> {
    let Some(path) = archive(&log.join(FOLDER))? else {
        return Ok(None);
    };
    let text = file::read_text(&path, LIMIT)?;
    let roads = parse(&text).map_err(|(field, expected)| Error::Malformed {
        path,
        field,
        expected,
    })?;
    Ok(Some(roads))
}

/// The file of a map; of several the first by name.
fn archive(folder: &Path) -> Result<Option<PathBuf>> {
    if !folder.is_dir() {
        return Ok(None);
    }
    let io = |cause| Error::Io {
        path: folder.into(),
        cause,
    };
    let mut first: Option<PathBuf> = None;
    for entry in folder.read_dir().map_err(io)? {
        let entry = entry.map_err(io)?;
        let name = entry.file_name();
        let named = name
            .to_str()
            .is_some_and(|name| name.starts_with("log_map_archive_") && name.ends_with(".json"));
        let path = entry.path();
        if named && first.as_ref().is_none_or(|first| path < *first) {
            first = Some(path);
        }
    }
    Ok(first)
}

fn parse(text: &str) -> Result<Roads, Wrong> {
    let archive: Archive = serde_json::from_str(text).map_err(|error| {
        let field = format!("line {}, column {}", error.line(), error.column());
        (field, format!("a vector map ({error})"))
    })?;
    let courses: BTreeMap<u64, [f64; 2]> = archive
        .lane_segments
        .values()
        .map(|segment| (segment.id, segment.course()))
        .collect();
    let lanes = archive.lane_segments.values();
    let mut lanes: Vec<Draft> = lanes.map(|segment| segment.draft(&courses)).collect();
    // The map is cut out around the log.
    cut_out(&mut lanes);
    let crossings = archive.pedestrian_crossings.iter();
    let crossings = crossings.map(|(id, edges)| {
        let [first, second] = [&edges.edge1, &edges.edge2].map(|edge| points(edge));
        Crossing::between(first, second).ok_or_else(|| {
            let expected = "two edges of two or more points side by side";
            (format!("pedestrian_crossings.{id}"), expected.to_owned())
        })
    });
    let crossings = crossings.collect::<Result<_, _>>()?;
    Roads::new(lanes, crossings).map_err(|Unsound { field, expected }| (field, expected))
}

fn points(places: &[Place]) -> Vec<[f64; 3]> {
    places.iter().map(|p| [p.x, p.y, p.z]).collect()
}

impl Segment {
    /// From its beginning to its end.
    fn course(&self) -> [f64; 2] {
        let border = &self.left_lane_boundary;
        let ends = border.first().zip(border.last());
        ends.map_or([0.0; 2], |(from, to)| [to.x - from.x, to.y - from.y])
    }

    fn draft(&self, courses: &BTreeMap<u64, [f64; 2]>) -> Draft {
        let kind = match self.lane_type {
            Kind::Vehicle => LaneKind::Vehicle,
            Kind::Bike => LaneKind::Bicycle,
            Kind::Bus => LaneKind::Bus,
        };
        let [x, y] = self.course();
        // The map does not say which way a neighbour leads.
        let beside = |id: Option<u64>| {
            let lane = id?;
            let [u, v] = *courses.get(&lane)?;
            let same_way = x * u + y * v > 0.0;
            Some(Neighbour { lane, same_way })
        };
        Draft {
            successors: self.successors.clone(),
            predecessors: self.predecessors.clone(),
            left_neighbour: beside(self.left_neighbor_id),
            right_neighbour: beside(self.right_neighbor_id),
            ..Draft::new(
                self.id,
                kind,
                points(&self.left_lane_boundary),
                points(&self.right_lane_boundary),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Two lanes one after the other, one beside the first that leads back,
    /// and a crossing; lanes beyond are cut off.
    const TEXT: &str = r#"{"pedestrian_crossings": {"9": {"id": 9,
        "edge1": [{"x": 2.0, "y": -2.0, "z": 0.0}, {"x": 2.0, "y": 6.0, "z": 0.0}],
        "edge2": [{"x": 5.0, "y": 6.0, "z": 0.0}, {"x": 5.0, "y": -2.0, "z": 0.0}]}},
    "lane_segments": {
        "1": {"id": 1, "is_intersection": false, "lane_type": "VEHICLE",
            "left_lane_boundary": [{"x": 0.0, "y": 2.0, "z": 1.0}, {"x": 20.0, "y": 2.0, "z": 1.0}],
            "right_lane_boundary": [{"x": 0.0, "y": -2.0, "z": 1.0}, {"x": 20.0, "y": -2.0, "z": 1.0}],
            "successors": [2, 77], "predecessors": [78], "left_neighbor_id": 3, "right_neighbor_id": null},
        "2": {"id": 2, "is_intersection": true, "lane_type": "BUS",
            "left_lane_boundary": [{"x": 20.0, "y": 2.0, "z": 1.0}, {"x": 40.0, "y": 2.0, "z": 1.0}],
            "right_lane_boundary": [{"x": 20.0, "y": -2.0, "z": 1.0}, {"x": 40.0, "y": -2.0, "z": 1.0}],
            "successors": [79], "predecessors": [1], "left_neighbor_id": null, "right_neighbor_id": null},
        "3": {"id": 3, "is_intersection": false, "lane_type": "BIKE",
            "left_lane_boundary": [{"x": 20.0, "y": 2.0, "z": 1.0}, {"x": 0.0, "y": 2.0, "z": 1.0}],
            "right_lane_boundary": [{"x": 20.0, "y": 6.0, "z": 1.0}, {"x": 0.0, "y": 6.0, "z": 1.0}],
            "successors": [], "predecessors": [], "left_neighbor_id": 1, "right_neighbor_id": 80}},
    "drivable_areas": {}}"#;

    #[test]
    fn lanes_name_each_other_and_nothing_beyond() {
        let roads = parse(TEXT).expect("is whole");
        let [first, next, back] = roads.lanes() else {
            panic!("three lanes");
        };
        assert_eq!(
            (first.successors.as_slice(), next.predecessors.as_slice()),
            (&[1][..], &[0][..])
        );
        assert!(first.predecessors.is_empty() && next.successors.is_empty());
        let beside = |lane| {
            Some(Neighbour {
                lane,
                same_way: false,
            })
        };
        assert_eq!(
            (first.left_neighbour, back.left_neighbour),
            (beside(2), beside(0))
        );
        assert_eq!(back.right_neighbour, None);
        assert_eq!(
            [first, next, back].map(|lane| lane.kind),
            [LaneKind::Vehicle, LaneKind::Bus, LaneKind::Bicycle]
        );
        assert_eq!(first.centre.points(), [[0.0, 0.0, 1.0], [20.0, 0.0, 1.0]]);
        let crossing = &roads.crossings()[0];
        assert!(crossing.holds([3.0, 5.0]) && !crossing.holds([3.0, 7.0]));
        assert_eq!(crossing.way.length(), 8.0);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let wrong = |from: &str, to: &str| {
            let (field, expected) = parse(&TEXT.replacen(from, to, 1)).expect_err("is wrong");
            format!("{field}: expected {expected}")
        };
        let tram = wrong("VEHICLE", "TRAM");
        assert!(
            tram.starts_with("line 5, column ") && tram.contains("`TRAM`"),
            "{tram}"
        );
        assert!(wrong("\"id\": 2", "\"id\": 1").starts_with("lane 1: id: "));
        assert!(
            wrong("-2.0, \"z\": 1.0", "-2e9, \"z\": 1.0").starts_with("lane 1: right border: ")
        );
        let crossing = wrong("{\"x\": 5.0, \"y\": 6.0, \"z\": 0.0}, ", "");
        assert!(
            crossing.starts_with("pedestrian_crossings.9: expected two edges"),
            "{crossing}"
        );
    }

    proptest! {
        #[test]
        fn spoilt_text_is_a_map_or_an_error(at in 0..TEXT.len(), byte: u8, cut: bool) {
            let mut bytes = TEXT.as_bytes().to_vec();
            if cut { bytes.truncate(at) } else { bytes[at] = byte }
            let _ = parse(&String::from_utf8_lossy(&bytes));
        }

        #[test]
        fn any_text_is_refused(text in any::<String>()) {
            prop_assert!(parse(&text).is_err());
        }
    }
}
