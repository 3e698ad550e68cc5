//! The labels of the object and tracking benchmarks.

use std::collections::BTreeMap;
use std::path::Path;

use nalgebra::{Matrix3, Rotation3, Translation3, UnitQuaternion, Vector3};

use crate::annotation::{Annotation, Class};
use crate::error::{Error, Result};
use crate::file;
use crate::geometry::Pose;

/// A line has some 120 bytes; a sequence has a few thousand.
const LABELS_LIMIT: u64 = 32 << 20;
/// No place or size, m, is greater.
const LARGEST: f64 = 1e4;
/// What stands for regions that nobody looked at.
pub(super) const UNLABELLED: &str = "DontCare";

/// The boxes of one frame's file.
pub(super) fn read(path: &Path, base_from_rect: &Pose) -> Result<Vec<Annotation>> {
    let text = file::read_text(path, LABELS_LIMIT)?;
    let mut boxes = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if !words.is_empty() {
            let found = parse(&words, "", base_from_rect);
            boxes.extend(found.map_err(|expected| malformed(path, number, expected))?);
        }
    }
    Ok(boxes)
}

/// The boxes of a sequence's file, in which a frame's number and a track's
/// precede each, by frame.
pub(super) fn read_tracks(
    path: &Path,
    base_from_rect: &Pose,
) -> Result<BTreeMap<u64, Vec<Annotation>>> {
    let text = file::read_text(path, LABELS_LIMIT)?;
    let mut frames: BTreeMap<u64, Vec<Annotation>> = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [frame, track, label @ ..] = &words[..] else {
            continue;
        };
        let found = frame
            .parse()
            .map_err(|_| "a frame's number first".into())
            .and_then(|frame| Ok((frame, parse(label, track, base_from_rect)?)));
        let (frame, found) = found.map_err(|expected| malformed(path, number, expected))?;
        frames.entry(frame).or_default().extend(found);
    }
    Ok(frames)
}

pub(super) fn malformed(path: &Path, line: usize, expected: String) -> Error {
    Error::Malformed {
        path: path.into(),
        field: format!("line {}", line + 1),
        expected,
    }
}

/// The box of a label: type, truncation, occlusion, alpha, four sides of the
/// rectangle in the picture, height, width, length, the place of the middle
/// of its underside in the rectified frame of camera 0, and its turn about
/// that frame's y. `None` for a region that was not labelled.
fn parse(words: &[&str], track: &str, base_from_rect: &Pose) -> Result<Option<Annotation>, String> {
    let [label, _, _, _, _, _, _, _, numbers @ ..] = words else {
        return Err("a type and 14 numbers".into());
    };
    if *label == UNLABELLED {
        return Ok(None);
    }
    let parsed = numbers.iter().take(7).map(|word| {
        let number: Option<f64> = word.parse().ok();
        number.filter(|number| number.abs() <= LARGEST)
    });
    let parsed: Option<Vec<f64>> = parsed.collect();
    let Some(&[height, width, length, x, y, z, turn]) = parsed.as_deref() else {
        return Err(format!("a type and 14 numbers of at most {LARGEST}"));
    };
    if [height, width, length].iter().any(|side| *side <= 0.0) {
        return Err("height, width and length above zero".into());
    }
    Ok(Some(Annotation {
        track: track.into(),
        class: class(label),
        label: (*label).into(),
        base_from_box: base_from_rect * rect_from_box([x, y, z], height, turn),
        size: [length, width, height],
        velocity: None,
        points: None,
        visibility: None,
    }))
}

/// The pose of the centre of a box of so much height, from the middle of its
/// underside and its turn.
pub(super) fn rect_from_box([x, y, z]: [f64; 3], height: f64, turn: f64) -> Pose {
    Pose::from_parts(
        Translation3::new(x, y - height / 2.0, z),
        UnitQuaternion::from_axis_angle(&Vector3::y_axis(), turn) * rect_from_unturned(),
    )
}

/// From a box that is not turned: its length lies along the camera's x (to the
/// right), its left is the camera's z (ahead), and its top is up.
fn rect_from_unturned() -> UnitQuaternion<f64> {
    let columns = Matrix3::new(1.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 1.0, 0.0);
    UnitQuaternion::from_rotation_matrix(&Rotation3::from_matrix_unchecked(columns))
}

/// The class of one of KITTI's types.
pub(super) fn class(label: &str) -> Class {
    match label {
        "Car" => Class::Car,
        "Van" => Class::Van,
        "Truck" => Class::Truck,
        "Tram" => Class::Train,
        "Cyclist" => Class::Bicycle,
        "Pedestrian" | "Person" | "Person_sitting" | "Person (sitting)" => Class::Pedestrian,
        _ => Class::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CAR: &str =
        "Car 0.00 0 1.85 387.63 181.54 423.81 203.12 1.67 1.87 3.69 -16.53 2.39 58.49 1.57";

    fn words(line: &str) -> Vec<&str> {
        line.split_whitespace().collect()
    }

    #[test]
    fn a_box_stands_where_its_label_says() {
        let found = parse(&words(CAR), "7", &Pose::identity()).expect("is right");
        let car = found.expect("is labelled");
        assert_eq!((car.class, &*car.track), (Class::Car, "7"));
        assert_eq!(car.size, [3.69, 1.87, 1.67]);
        let centre = car.base_from_box.translation.vector;
        assert!((centre - Vector3::new(-16.53, 2.39 - 0.835, 58.49)).norm() < 1e-12);
        // A quarter turn about y, which is down, takes right to towards the
        // camera.
        let ahead = car.base_from_box.rotation * Vector3::x();
        assert!((ahead + Vector3::z()).norm() < 1e-3, "{ahead}");
        let up = car.base_from_box.rotation * Vector3::z();
        assert!((up + Vector3::y()).norm() < 1e-9, "{up}");
    }

    #[test]
    fn what_is_no_label_is_told() {
        let of = |line: &str| parse(&words(line), "", &Pose::identity());
        let unlabelled = "DontCare -1 -1 -10 1 2 3 4 -1 -1 -1 -1000 -1000 -1000 -10";
        assert_eq!(of(unlabelled), Ok(None));
        for wrong in [
            "Car",
            &CAR.replace("58.49", "NaN"),
            &CAR.replace("58.49", "far"),
            &CAR.replace(" 1.57", ""),
            &CAR.replace("3.69", "-3.69"),
        ] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_line_is_a_label_or_an_error(line in "(Car |[0-9.e -]|\\PC){0,60}") {
            let _ = parse(&words(&line), "", &Pose::identity());
        }
    }
}
