//! Tracks in the text form of the tracking benchmark: what its labels are
//! written in, and what its evaluation and `trackeval` read. A line is an object
//! in a frame: frame, track, type, truncation, occlusion, alpha, four sides of
//! the rectangle in the picture, height, width, length, the place of the middle
//! of its underside in the rectified frame of camera 0, its turn about that
//! frame's y, and a score.

use std::fmt;
use std::path::Path;

use super::labels::{UNLABELLED, rect_from_box};
use crate::annotation::Class;
use crate::error::Result;
use crate::file;
use crate::geometry::Pose;

/// A line has some 120 bytes; a sequence has a few thousand of each tracker.
const TRACKS_LIMIT: u64 = 64 << 20;

/// An object in a frame.
#[derive(Clone, Debug, PartialEq)]
pub struct TrackLine {
    /// The frame's number.
    pub frame: u64,
    /// The same for one object in all frames.
    pub track: u64,
    /// One of KITTI's types, see [`type_of`]; a word.
    pub label: String,
    /// 0 to 2: whether it leaves the picture, partly or wholly; −1 unknown.
    pub truncation: i32,
    /// 0 to 3: in sight, partly or largely hidden, unknown; −1 not given.
    pub occlusion: i32,
    /// x_min, y_min, x_max, y_max, pixels.
    pub bbox: [f64; 4],
    /// Pose of its centre in the rectified frame of camera 0, in which x is
    /// right, y down and z ahead; the box's x lies along its length and its z
    /// is up. A line only has its turn about y.
    pub rect_from_box: Pose,
    /// Length, width and height, m.
    pub size: [f64; 3],
    /// The higher the surer; labels have none.
    pub score: Option<f64>,
}

/// KITTI's type for a class.
pub fn type_of(class: Class) -> &'static str {
    match class {
        Class::Car => "Car",
        Class::Van => "Van",
        Class::Truck => "Truck",
        Class::Train => "Tram",
        Class::Bicycle => "Cyclist",
        Class::Pedestrian => "Pedestrian",
        Class::Bus
        | Class::Trailer
        | Class::Motorcycle
        | Class::Animal
        | Class::Obstacle
        | Class::Other => "Misc",
    }
}

/// Reads a sequence's file. Regions that nobody labelled are left out.
///
/// # Errors
/// [`crate::Error`] if the file cannot be read or a line is none.
pub fn read(path: &Path) -> Result<Vec<TrackLine>> {
    let text = file::read_text(path, TRACKS_LIMIT)?;
    let mut lines = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if !line.trim().is_empty() {
            let found = parse(line);
            lines.extend(found.map_err(|wanted| super::labels::malformed(path, number, wanted))?);
        }
    }
    Ok(lines)
}

/// The object of a line; what there should be where there is none.
fn parse(line: &str) -> Result<Option<TrackLine>, String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [frame, track, label, truncation, occlusion, _, numbers @ ..] = &words[..] else {
        return Err("a frame, a track, a type and 14 numbers".into());
    };
    if *label == UNLABELLED {
        return Ok(None);
    }
    let whole = |word: &str, name| {
        // Labels give the truncation as an integer, results often as a float.
        let number: Option<f64> = word.parse().ok();
        let whole = number.filter(|n| n.fract() == 0.0 && (-1.0..=3.0).contains(n));
        whole
            .map(|n| n as i32)
            .ok_or(format!("{name} from -1 to 3"))
    };
    let numbers: Option<Vec<f64>> = numbers.iter().map(|word| finite(word)).collect();
    let (box_numbers, score) = match numbers.as_deref() {
        Some([numbers @ .., score]) if numbers.len() == 11 => (numbers, Some(*score)),
        Some(numbers) => (numbers, None),
        None => return Err("finite numbers".into()),
    };
    let &[
        x_min,
        y_min,
        x_max,
        y_max,
        height,
        width,
        length,
        x,
        y,
        z,
        turn,
    ] = box_numbers
    else {
        return Err("14 or 15 numbers after the type".into());
    };
    Ok(Some(TrackLine {
        frame: frame.parse().map_err(|_| "a frame's number first")?,
        track: track.parse().map_err(|_| "a track's number second")?,
        label: (*label).into(),
        truncation: whole(truncation, "a truncation")?,
        occlusion: whole(occlusion, "an occlusion")?,
        bbox: [x_min, y_min, x_max, y_max],
        rect_from_box: rect_from_box([x, y, z], height, turn),
        size: [length, width, height],
        score,
    }))
}

fn finite(word: &str) -> Option<f64> {
    word.parse().ok().filter(|number: &f64| number.is_finite())
}

/// The line, without its end.
impl fmt::Display for TrackLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [length, width, height] = self.size;
        let centre = self.rect_from_box.translation.vector;
        let along = self.rect_from_box.rotation * nalgebra::Vector3::x();
        let turn = (-along.z).atan2(along.x);
        // Alpha is the turn as seen along the ray to the object.
        let alpha = wrapped(turn - centre.x.atan2(centre.z));
        let label = self.label.replace(char::is_whitespace, "_");
        write!(
            f,
            "{} {} {label} {} {} {alpha:.6}",
            self.frame, self.track, self.truncation, self.occlusion
        )?;
        let numbers = [
            height,
            width,
            length,
            centre.x,
            centre.y + height / 2.0,
            centre.z,
            turn,
        ];
        for number in self.bbox.iter().chain(&numbers).chain(&self.score) {
            write!(f, " {number:.6}")?;
        }
        Ok(())
    }
}

/// The same direction from −π to π.
fn wrapped(angle: f64) -> f64 {
    let (sin, cos) = angle.sin_cos();
    sin.atan2(cos)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::Vector3;
    use proptest::prelude::*;

    const LINE: &str = "12 7 Car 0 1 -1.270796 100.000000 150.500000 180.250000 220.000000 \
                        1.500000 1.800000 4.200000 3.093363 1.650000 10.000000 -0.970796 0.875000";

    #[test]
    fn a_line_is_an_object_and_back() {
        let car = parse(LINE).expect("is a line").expect("is labelled");
        assert_eq!((car.frame, car.track, &*car.label), (12, 7, "Car"));
        assert_eq!(
            (car.truncation, car.occlusion, car.score),
            (0, 1, Some(0.875))
        );
        assert_eq!((car.size, car.bbox[3]), ([4.2, 1.8, 1.5], 220.0));
        // The centre is half its height above the underside; y is down.
        let centre = car.rect_from_box.translation.vector;
        assert!((centre - Vector3::new(3.093363, 0.9, 10.0)).norm() < 1e-9);
        assert_eq!(car.to_string(), LINE);
        // A label has no score.
        let (label, _) = LINE.rsplit_once(' ').expect("has words");
        let car = parse(label).expect("is a line").expect("is labelled");
        assert_eq!((car.score, &*car.to_string()), (None, label));
    }

    #[test]
    fn what_is_no_line_is_told() {
        assert_eq!(
            parse("0 -1 DontCare -1 -1 -10 1 2 3 4 -1 -1 -1 -1000 -1000 -1000 -10"),
            Ok(None)
        );
        for (from, to) in [
            ("12 7", "-12 7"),
            ("12 7", "12 7.5"),
            ("Car 0", "Car 0.5"),
            ("Car 0 1", "Car 0 9"),
            ("4.2", "NaN"),
            ("10.000000", "inf"),
            (" 0.875000", " 0.875000 3"),
            (" -0.970796 0.875000", ""),
            ("Car", ""),
        ] {
            assert!(parse(&LINE.replacen(from, to, 1)).is_err(), "{from} → {to}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            place in prop::array::uniform3(-80.0..80.0f64),
            size in prop::array::uniform3(0.1..20.0f64),
            turn in -3.1..3.1f64,
            bbox in prop::array::uniform4(0.0..1300.0f64),
            score in prop::option::of(0.0..1.0f64),
            numbers in (0..5000u64, any::<u64>(), -1..=2i32, -1..=3i32),
        ) {
            let written = TrackLine {
                frame: numbers.0,
                track: numbers.1,
                label: "Van".into(),
                truncation: numbers.2,
                occlusion: numbers.3,
                bbox,
                rect_from_box: rect_from_box(place, size[2], turn),
                size,
                score,
            };
            let read = parse(&written.to_string()).expect("is a line").expect("is labelled");
            let off = read.rect_from_box.inverse() * written.rect_from_box;
            prop_assert!(off.translation.vector.norm() < 1e-5 && off.rotation.angle() < 1e-5);
            prop_assert!((0..3).all(|i| (read.size[i] - size[i]).abs() < 1e-6));
            prop_assert!((0..4).all(|i| (read.bbox[i] - bbox[i]).abs() < 1e-6));
            prop_assert_eq!(read.score.is_some(), score.is_some());
            prop_assert_eq!(
                (read.frame, read.track, read.truncation, read.occlusion),
                numbers
            );
        }

        #[test]
        fn any_text_is_a_line_or_an_error(line in "(1 |2 |Car |[0-9.e -]|\\PC){0,60}") {
            let _ = parse(&line);
        }
    }
}
