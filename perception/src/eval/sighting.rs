//! What a camera sees of the boxes that a log has around things.

use janus_datasets::{Annotation, Camera, Class, Frame, Image, Pose};
use nalgebra::{Point3, Vector3};

/// Nearer to the camera than this, nothing is projected, m.
const NEAR_M: f64 = 0.1;
/// Nobody has to find what is less than so many pixels high,
const LEAST_HEIGHT: f64 = 8.0;
/// or shows less than this share of itself.
const LEAST_SHOWN: f64 = 0.3;

/// A thing in a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Sighting {
    /// What it is.
    pub class: Class,
    /// Around the corners of its box: x_min, y_min, x_max, y_max, pixels, within
    /// the picture.
    pub bbox: [f64; 4],
    /// From `base_link`, over the ground, m.
    pub range: f64,
    /// Whether too little of it can be seen to ask for it.
    pub hidden: bool,
}

/// The things that a picture shows, by the boxes of its frame. Boxes are where
/// they are at the frame's time, moved on by their velocity to the picture's; the
/// vehicle is where it is at the picture's, or has not moved where the log has no
/// pose. What is hidden behind something else
/// is only known where the log says so, or that no return came from it.
pub fn sightings(frame: &Frame, image: &Image) -> Vec<Sighting> {
    let Some(camera) = frame.rig.cameras.get(image.camera) else {
        return Vec::new();
    };
    let moved = frame.ego.at(frame.stamp).zip(frame.ego.at(image.stamp));
    let base_then_from_base = moved.map_or_else(Pose::identity, |(at_frame, at_picture)| {
        at_picture.inverse() * at_frame
    });
    let sensor_from_base = camera.base_from_sensor.inverse() * base_then_from_base;
    let seconds = (image.stamp - frame.stamp) as f64 * 1e-9;
    let seen = frame.annotations.iter().filter_map(|annotation| {
        let [vx, vy] = annotation.velocity.unwrap_or_default();
        let drift = Vector3::new(vx, vy, 0.0) * seconds;
        let mut base_from_box = annotation.base_from_box;
        base_from_box.translation.vector += drift;
        let whole = extent(camera, &(sensor_from_base * base_from_box), annotation.size)?;
        sighting(annotation, whole, camera.resolution)
    });
    seen.collect()
}

fn sighting(annotation: &Annotation, whole: [f64; 4], resolution: [u32; 2]) -> Option<Sighting> {
    let [width, height] = resolution.map(f64::from);
    let [x_min, y_min, x_max, y_max] = whole;
    let bbox = [
        x_min.clamp(0.0, width),
        y_min.clamp(0.0, height),
        x_max.clamp(0.0, width),
        y_max.clamp(0.0, height),
    ];
    let area = |[x_min, y_min, x_max, y_max]: [f64; 4]| (x_max - x_min) * (y_max - y_min);
    if area(bbox) <= 0.0 {
        return None;
    }
    let place = annotation.base_from_box.translation.vector;
    let hidden = annotation
        .visibility
        .is_some_and(|shown| shown < LEAST_SHOWN)
        || annotation.points == Some(0)
        || area(bbox) < LEAST_SHOWN * area(whole)
        || bbox[3] - bbox[1] < LEAST_HEIGHT;
    Some(Sighting {
        class: annotation.class,
        bbox,
        range: place.x.hypot(place.y),
        hidden,
    })
}

/// The box around the part of a thing's box that is before the camera; `None` if
/// none is.
fn extent(camera: &Camera, sensor_from_box: &Pose, size: [f64; 3]) -> Option<[f64; 4]> {
    let corner = |i: usize| {
        let side = |k: usize| size[k] * if i >> k & 1 == 1 { 0.5 } else { -0.5 };
        sensor_from_box * Point3::new(side(0), side(1), side(2))
    };
    let corners: [Point3<f64>; 8] = std::array::from_fn(corner);
    // Each edge joins two corners that differ in one bit.
    let edges = (0..8).flat_map(|i| (0..3).map(move |k| [i, i | 1 << k]));
    let pixels = edges
        .filter(|[from, to]| from != to)
        .filter_map(|[from, to]| before([corners[from], corners[to]]))
        .flatten()
        .filter_map(|place| camera.project([place.x, place.y, place.z]));
    pixels.fold(None, |extent, [x, y]| {
        let [x_min, y_min, x_max, y_max] = extent.unwrap_or([x, y, x, y]);
        Some([x_min.min(x), y_min.min(y), x_max.max(x), y_max.max(y)])
    })
}

/// The part of an edge that is before the camera.
fn before([p, q]: [Point3<f64>; 2]) -> Option<[Point3<f64>; 2]> {
    let crossing = || p + (q - p) * ((NEAR_M - p.z) / (q.z - p.z));
    match (p.z >= NEAR_M, q.z >= NEAR_M) {
        (true, true) => Some([p, q]),
        (true, false) => Some([p, crossing()]),
        (false, true) => Some([crossing(), q]),
        (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use janus_datasets::Distortion;

    fn camera() -> Camera {
        Camera {
            name: "ahead".into(),
            base_from_sensor: Pose::identity(),
            resolution: [400, 300],
            focal: [200.0; 2],
            centre: [200.0, 150.0],
            distortion: Distortion::None,
        }
    }

    #[test]
    fn a_box_is_around_its_nearest_corners() {
        // Two metres wide and high, four deep, its near face at 10 m.
        let place = Pose::translation(0.0, 0.0, 12.0);
        let found = extent(&camera(), &place, [2.0, 2.0, 4.0]).expect("before it");
        for (found, wanted) in found.iter().zip([180.0, 130.0, 220.0, 170.0]) {
            assert!((found - wanted).abs() < 1e-9);
        }
    }

    #[test]
    fn what_is_behind_the_camera_is_not_seen() {
        let at = |z| extent(&camera(), &Pose::translation(0.0, 0.0, z), [2.0, 2.0, 4.0]);
        assert_eq!(at(-5.0), None);
        // Of a box about the camera the part before it fills the view.
        let [x_min, y_min, x_max, y_max] = at(0.0).expect("a part");
        assert!(x_min < 0.0 && y_min < 0.0 && x_max > 400.0 && y_max > 300.0);
    }
}
