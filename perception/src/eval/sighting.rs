//! What a camera sees of the boxes that a log has around things.

use janus_datasets::synth::Silhouette;
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
    /// Around what can be seen of it where that is known, else around the
    /// corners of its box: x_min, y_min, x_max, y_max, pixels, within the
    /// picture.
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
    let Some(view) = View::of(frame, image) else {
        return Vec::new();
    };
    let seen = frame.annotations.iter().filter_map(|annotation| {
        let whole = view.extent(annotation)?;
        let bbox = view.within(whole);
        let unseen = annotation.points == Some(0);
        let shown = annotation.visibility.unwrap_or(1.0);
        sighting(
            annotation,
            bbox,
            share(bbox, whole),
            if unseen { 0.0 } else { shown },
        )
    });
    seen.collect()
}

/// The things that a picture shows, by their silhouettes in the frame's
/// pictures. How much of a thing the picture's edge cuts off is told by its box.
pub fn outlined(frame: &Frame, image: &Image, silhouettes: &[Silhouette]) -> Vec<Sighting> {
    let Some(view) = View::of(frame, image) else {
        return Vec::new();
    };
    let of_camera = silhouettes
        .iter()
        .filter(|seen| seen.camera == image.camera);
    let seen = of_camera.filter_map(|seen| {
        let mut annotations = frame.annotations.iter();
        let annotation = annotations.find(|known| known.track == seen.track)?;
        let whole = view.extent(annotation)?;
        let uncut = share(view.within(whole), whole);
        sighting(
            annotation,
            seen.extent.map(f64::from),
            uncut,
            seen.visibility,
        )
    });
    seen.collect()
}

/// A sighting of which so much lies within the picture, and nothing else hides
/// so much.
fn sighting(
    annotation: &Annotation,
    bbox: [f64; 4],
    uncut: f64,
    visibility: f64,
) -> Option<Sighting> {
    let place = annotation.base_from_box.translation.vector;
    let few = visibility < LEAST_SHOWN || uncut < LEAST_SHOWN;
    (area(bbox) > 0.0).then(|| Sighting {
        class: annotation.class,
        bbox,
        range: place.x.hypot(place.y),
        hidden: few || bbox[3] - bbox[1] < LEAST_HEIGHT,
    })
}

/// A camera as it took a picture.
struct View<'a> {
    camera: &'a Camera,
    /// From where base_link was at the frame's time.
    sensor_from_base: Pose,
    /// How long after the frame's time, s.
    seconds: f64,
}

impl<'a> View<'a> {
    fn of(frame: &'a Frame, image: &Image) -> Option<Self> {
        let camera = frame.rig.cameras.get(image.camera)?;
        let moved = frame.ego.at(frame.stamp).zip(frame.ego.at(image.stamp));
        let base_then_from_base = moved.map_or_else(Pose::identity, |(at_frame, at_picture)| {
            at_picture.inverse() * at_frame
        });
        Some(Self {
            camera,
            sensor_from_base: camera.base_from_sensor.inverse() * base_then_from_base,
            seconds: (image.stamp - frame.stamp) as f64 * 1e-9,
        })
    }

    /// Around the corners of a thing's box, wherever that is.
    fn extent(&self, annotation: &Annotation) -> Option<[f64; 4]> {
        let [vx, vy] = annotation.velocity.unwrap_or_default();
        let mut base_from_box = annotation.base_from_box;
        base_from_box.translation.vector += Vector3::new(vx, vy, 0.0) * self.seconds;
        let sensor_from_box = self.sensor_from_base * base_from_box;
        extent(self.camera, &sensor_from_box, annotation.size)
    }

    /// The part of an extent within the picture.
    fn within(&self, [x_min, y_min, x_max, y_max]: [f64; 4]) -> [f64; 4] {
        let [width, height] = self.camera.resolution.map(f64::from);
        [
            x_min.clamp(0.0, width),
            y_min.clamp(0.0, height),
            x_max.clamp(0.0, width),
            y_max.clamp(0.0, height),
        ]
    }
}

fn area([x_min, y_min, x_max, y_max]: [f64; 4]) -> f64 {
    (x_max - x_min) * (y_max - y_min)
}

/// How much of the whole a part of it is.
fn share(part: [f64; 4], whole: [f64; 4]) -> f64 {
    area(part) / area(whole)
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
    use janus_datasets::synth::{Drive, Scenario};
    use janus_datasets::{Distortion, Log};

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

    /// A drive past something that hides: what is behind it is not asked for,
    /// and what can be seen lies within its box.
    #[test]
    fn what_hides_is_neither_asked_for_nor_boxed() {
        let scenario = Scenario::named("hidden_pedestrian").expect("is built in");
        let log = Log::synthetic(Drive {
            scenario,
            frames: Some(90),
            seed: None,
        });
        let log = log.expect("has frames");
        let (mut asked, mut hidden) = (0, 0);
        for frame in log.frames(Some(60..90)).step_by(10) {
            let frame = frame.expect("is made");
            let silhouettes = log.silhouettes(frame.index).expect("are known");
            for image in &frame.images {
                let boxes = sightings(&frame, image);
                let seen = outlined(&frame, image, &silhouettes);
                assert!(seen.len() <= boxes.len());
                let of_camera = silhouettes.iter().filter(|s| s.camera == image.camera);
                for (outline, sighting) in of_camera.zip(&seen) {
                    assert_eq!(sighting.bbox, outline.extent.map(f64::from));
                    assert!(sighting.hidden || outline.visibility >= LEAST_SHOWN);
                    let about = boxes.iter().any(|whole| {
                        let grown = |k: usize| whole.bbox[k] + if k < 2 { -2.0 } else { 2.0 };
                        let inside = (0..2).all(|k| sighting.bbox[k] >= grown(k))
                            && (2..4).all(|k| sighting.bbox[k] <= grown(k));
                        inside && whole.class == sighting.class
                    });
                    assert!(about, "{sighting:?} in {boxes:?}");
                    asked += usize::from(!sighting.hidden);
                    hidden += usize::from(sighting.hidden);
                }
            }
        }
        assert!(asked > 5 && hidden > 5, "{asked} {hidden}");
        assert_eq!(log.silhouettes(90), None);
    }
}
