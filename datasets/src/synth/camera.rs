//! A camera that looks at the world.

use image::{Rgb, RgbImage};
use nalgebra::Vector3;

use super::world::{self, KERBS, LANES, LEFT, MIDDLE, RIGHT, World};
use crate::calibration::Camera;
use crate::geometry::Pose;

/// What is farther is not drawn, m.
const RANGE: f64 = 120.0;
/// What is nearer is before the lens, m.
const NEAR: f64 = 0.1;

const SKY: [u8; 3] = [168, 196, 224];
const ASPHALT: [u8; 3] = [74, 74, 78];
const PAINT: [u8; 3] = [226, 226, 220];
const KERB: [u8; 3] = [170, 168, 162];
const PAVEMENT: [u8; 3] = [122, 118, 112];
const HAZE: [u8; 3] = [150, 160, 170];

/// The picture of a camera that stands level: column by column, sky and
/// ground first, then the blocks from the farthest to the nearest, each face
/// in one shade.
pub(super) fn render(world: &World, camera: &Camera, world_from_camera: &Pose) -> RgbImage {
    let [width, height] = camera.resolution;
    let [cx, cy] = camera.centre;
    let [fx, fy] = camera.focal;
    let eye = world_from_camera.translation.vector;
    let axis = |axis: Vector3<f64>| (world_from_camera.rotation * axis).xy();
    let (right, ahead) = (axis(Vector3::x()), axis(Vector3::z()));
    let blocks = world.near(eye.xy(), RANGE);

    let mut picture = RgbImage::from_pixel(width, height, Rgb(SKY));
    let mut cuts = Vec::new();
    let mut station = 0;
    for u in 0..width {
        // A multiple of this is a place at that depth.
        let along = ahead + right * ((f64::from(u) - cx) / fx);
        for v in (0..height).rev() {
            let below = (f64::from(v) - cy) / fy;
            if below <= 0.0 {
                break;
            }
            let depth = eye.z / below;
            let colour = if depth < RANGE {
                ground(world.road.locate(eye.xy() + along * depth, &mut station))
            } else {
                HAZE
            };
            picture.put_pixel(u, v, Rgb(colour));
        }
        world::slice(&blocks, eye.xy(), along, &mut cuts);
        for cut in cuts.iter().rev().filter(|cut| cut.enter > NEAR) {
            let row = |height: f64, depth: f64| cy + fy * (eye.z - height) / depth;
            let top = row(cut.block.height, cut.enter);
            if cut.block.height < eye.z {
                let far = row(cut.block.height, cut.exit);
                fill(&mut picture, u, [far, top], shade(cut.block.colour, 1.0));
            }
            let light = if cut.by_end { 0.65 } else { 0.85 };
            let side = [top, row(0.0, cut.enter)];
            fill(&mut picture, u, side, shade(cut.block.colour, light));
        }
    }
    picture
}

/// Colours the pixels of a column whose centres lie between two rows.
fn fill(picture: &mut RgbImage, u: u32, rows: [f64; 2], colour: [u8; 3]) {
    let [first, end] = rows.map(|row| row.ceil().clamp(0.0, f64::from(picture.height())) as u32);
    for v in first..end {
        picture.put_pixel(u, v, Rgb(colour));
    }
}

fn shade(colour: [u8; 3], light: f64) -> [u8; 3] {
    colour.map(|c| (f64::from(c) * light) as u8)
}

/// Colour of the ground at a length along the road and a distance to its
/// left, m.
fn ground([s, left]: [f64; 2]) -> [u8; 3] {
    let on = |line: f64, width: f64| (left - line).abs() < width / 2.0;
    let dash = s.rem_euclid(6.0) < 3.0;
    if KERBS.iter().any(|&kerb| on(kerb, 0.2)) {
        KERB
    } else if !(KERBS[RIGHT]..KERBS[LEFT]).contains(&left) {
        PAVEMENT
    } else if LANES.iter().any(|&edge| on(edge, 0.12)) || on(MIDDLE, 0.12) && dash {
        PAINT
    } else {
        ASPHALT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ground_is_painted_as_the_street_is_laid_out() {
        assert_eq!(ground([1.0, 0.0]), ASPHALT);
        assert_eq!(ground([1.0, MIDDLE]), PAINT);
        assert_eq!(ground([4.0, MIDDLE]), ASPHALT);
        assert_eq!(ground([-5.0, MIDDLE]), PAINT);
        assert_eq!(ground([4.0, LANES[LEFT]]), PAINT);
        assert_eq!(ground([4.0, KERBS[RIGHT]]), KERB);
        assert_eq!(ground([4.0, KERBS[LEFT] + 1.0]), PAVEMENT);
    }

    #[test]
    fn a_column_is_filled_within_the_picture() {
        let mut picture = RgbImage::new(2, 4);
        fill(&mut picture, 1, [-1e9, 1.5], [9; 3]);
        fill(&mut picture, 0, [3.0, f64::INFINITY], [7; 3]);
        fill(&mut picture, 0, [f64::NAN, f64::NAN], [5; 3]);
        let column = |u| [0, 1, 2, 3].map(|v| picture.get_pixel(u, v).0[0]);
        assert_eq!((column(0), column(1)), ([0, 0, 0, 7], [9, 9, 0, 0]));
    }
}
