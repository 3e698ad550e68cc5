//! What a camera sees of the boxes that a log has around things.

use janus_datasets::synth::Silhouette;
use janus_datasets::{Annotation, Camera, Class, Frame, Image, Pose};
use nalgebra::Vector3;

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
        let bbox = view.camera.clip(whole);
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
        let uncut = share(view.camera.clip(whole), whole);
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
        self.camera.extent(&sensor_from_box, annotation.size)
    }
}

fn area([x_min, y_min, x_max, y_max]: [f64; 4]) -> f64 {
    (x_max - x_min) * (y_max - y_min)
}

/// How much of the whole a part of it is.
fn share(part: [f64; 4], whole: [f64; 4]) -> f64 {
    area(part) / area(whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use janus_datasets::Log;
    use janus_datasets::synth::{Drive, Scenario};

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
