//! Frames and poses as messages of ROS 2.

use super::Time;
use super::cdr::Cdr;
use crate::annotation::Annotation;
use crate::calibration::{Camera, Distortion};
use crate::frame::{Image, Pixels};
use crate::geometry::{Point, Pose};

use super::schema::Schema;

/// Bytes of a point: x, y, z and the intensity in f32, and the time in u32.
const POINT_BYTES: usize = 20;
/// sensor_msgs/PointField's names of the two.
const FLOAT32: u8 = 7;
const UINT32: u8 = 6;

/// Returns in metres, their intensity from 0 to 1 and their time `t` after
/// `time` in ns; not a number where a return was not finite. All that a
/// [`Point`] can hold comes back from it exactly.
pub(super) fn points(time: Time, frame: &str, points: &[Point]) -> Vec<u8> {
    let mut cdr = Cdr::new(256 + points.len() * POINT_BYTES);
    cdr.header(time, frame);
    cdr.u32(1);
    cdr.length(points.len());
    let fields = [
        ("x", FLOAT32),
        ("y", FLOAT32),
        ("z", FLOAT32),
        ("intensity", FLOAT32),
        ("t", UINT32),
    ];
    cdr.length(fields.len());
    for (i, (name, kind)) in (0..).zip(fields) {
        cdr.string(name);
        cdr.u32(4 * i);
        cdr.u8(kind);
        cdr.u32(1);
    }
    cdr.u8(0);
    cdr.length(POINT_BYTES);
    cdr.length(POINT_BYTES * points.len());
    let data: Vec<u8> = points.iter().flat_map(|point| record(*point)).collect();
    cdr.bytes(&data);
    cdr.u8(u8::from(points.iter().all(|point| point.is_valid())));
    cdr.finish()
}

fn record(point: Point) -> [u8; POINT_BYTES] {
    let [x, y, z] = match point.is_valid() {
        true => [point.x, point.y, point.z].map(|mm| (f64::from(mm) / 1e3) as f32),
        false => [f32::NAN; 3],
    };
    let intensity = (f64::from(point.intensity()) / 65_535.0) as f32;
    let words = [
        x.to_bits(),
        y.to_bits(),
        z.to_bits(),
        intensity.to_bits(),
        point.after_ns() as u32,
    ];
    bytemuck::cast(words.map(u32::to_le_bytes))
}

/// A picture: the bytes of its file as they are, or its pixels.
pub(super) fn image(time: Time, frame: &str, image: &Image) -> (Schema, Vec<u8>) {
    match &image.pixels {
        Pixels::Encoded(bytes) => {
            let is_png = bytes.starts_with(b"\x89PNG");
            let mut cdr = Cdr::new(64 + bytes.len());
            cdr.header(time, frame);
            cdr.string(if is_png { "png" } else { "jpeg" });
            cdr.bytes(bytes);
            (Schema::CompressedImage, cdr.finish())
        }
        Pixels::Rgb(rgb) => {
            let mut cdr = Cdr::new(64 + rgb.len());
            cdr.header(time, frame);
            cdr.u32(rgb.height());
            cdr.u32(rgb.width());
            cdr.string("rgb8");
            cdr.u8(0);
            cdr.u32(3 * rgb.width());
            cdr.bytes(rgb);
            (Schema::Image, cdr.finish())
        }
    }
}

/// What a camera's pictures mean.
pub(super) fn camera_info(time: Time, frame: &str, camera: &Camera) -> Vec<u8> {
    let (model, distortion): (_, &[f64]) = match &camera.distortion {
        Distortion::None => ("plumb_bob", &[0.0; 5]),
        Distortion::Radial(all) if all[5..] == [0.0; 3] => ("plumb_bob", &all[..5]),
        Distortion::Radial(all) => ("rational_polynomial", all),
        Distortion::Fisheye(all) => ("equidistant", all),
    };
    let [fx, fy] = camera.focal;
    let [cx, cy] = camera.centre;
    let [width, height] = camera.resolution;
    let mut cdr = Cdr::new(512);
    cdr.header(time, frame);
    cdr.u32(height);
    cdr.u32(width);
    cdr.string(model);
    cdr.length(distortion.len());
    cdr.f64s(distortion);
    cdr.f64s(&[fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0]);
    cdr.f64s(&[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
    cdr.f64s(&[fx, 0.0, cx, 0.0, 0.0, fy, cy, 0.0, 0.0, 0.0, 1.0, 0.0]);
    // No binning, and the whole picture.
    (0..6).for_each(|_| cdr.u32(0));
    cdr.u8(0);
    cdr.finish()
}

/// Poses of the frames `children` in the frame `parent`.
pub(super) fn transforms<'a>(
    time: Time,
    parent: &str,
    children: impl ExactSizeIterator<Item = (&'a str, &'a Pose)>,
) -> Vec<u8> {
    let mut cdr = Cdr::new(128 * children.len());
    cdr.length(children.len());
    for (child, pose) in children {
        cdr.header(time, parent);
        cdr.string(child);
        cdr.pose(pose);
    }
    cdr.finish()
}

/// Boxes around objects. The first hypothesis is the class as this crate has
/// it; the second, where it differs, the log's own name for it.
pub(super) fn annotations(time: Time, frame: &str, annotations: &[Annotation]) -> Vec<u8> {
    let mut cdr = Cdr::new(1024 * annotations.len());
    cdr.header(time, frame);
    cdr.length(annotations.len());
    for annotation in annotations {
        let Annotation {
            class,
            label,
            base_from_box,
            ..
        } = annotation;
        cdr.header(time, frame);
        let names = [class.name(), label].into_iter();
        let names = names.take(1 + usize::from(!label.is_empty() && label != class.name()));
        cdr.length(names.len());
        for name in names {
            cdr.string(name);
            cdr.f64(1.0);
            cdr.pose(base_from_box);
            cdr.f64s(&[0.0; 36]);
        }
        cdr.pose(base_from_box);
        cdr.f64s(&annotation.size);
        cdr.string(&annotation.track);
    }
    cdr.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A point as it is read from a cloud.
    fn read(record: [u8; POINT_BYTES]) -> Point {
        let words: [[u8; 4]; 5] = bytemuck::cast(record);
        let number = |i: usize| f64::from(f32::from_le_bytes(words[i]));
        let after_ns = i64::from(u32::from_le_bytes(words[4]));
        Point::from_metres([number(0), number(1), number(2)], number(3), after_ns)
    }

    /// For every value, as there are few enough.
    #[test]
    fn every_coordinate_intensity_and_time_survives() {
        for mm in -Point::LIMIT..=Point::LIMIT {
            let point = Point {
                x: mm,
                y: -mm,
                z: mm / 2,
                tag: 0,
            };
            assert_eq!(read(record(point)), point);
        }
        for half in 0..=u32::from(u16::MAX) {
            let tag = (u32::from(u16::MAX) - half) << 16 | half;
            let point = Point {
                x: 1,
                y: 2,
                z: 3,
                tag,
            };
            assert_eq!(read(record(point)), point);
        }
        assert_eq!(read(record(Point::INVALID)), Point::INVALID);
    }
}
